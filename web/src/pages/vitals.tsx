import type { Paged } from "../api/envelope";
import { useQuestion } from "../api/question";
import { count } from "../format";
import { Page } from "../layout/page";
import { Badge } from "../parts/states";
import { useParam, useRange } from "../range/range";
import { RangeBar } from "../range/rangebar";
import { SavedViews } from "../range/views";
import { Gauges } from "./vitals/gauges";
import { GROUPS_OF_PAGE, Groups, useList } from "./vitals/groups";
import { OverTime } from "./vitals/over-time";
import type { GroupVitals, Vital, VitalName } from "./vitals/types";

interface WebVitals {
  vitals: Vital[];
  groups: Paged<GroupVitals>;
  /** Vitals that came without a name. */
  unnamed: number;
}

/** How the product feels to those who visit it, by the measures that search engines go by too. */
export default function Vitals() {
  const range = useRange("24h");
  const [chosen, setChosen] = useParam("vital", "LCP");
  const list = useList();
  const vitals = useQuestion<WebVitals>("/api/analytics/performance/web-vitals", {
    ...range.filters,
    ...range.params,
    compare: range.isCompared ? "previous" : undefined,
    group_by: list.by,
    sort: list.sort,
    page_number: list.at,
    page_size: GROUPS_OF_PAGE,
  });
  const name = chosen as VitalName;
  const unnamed = vitals.data?.unnamed ?? 0;
  return (
    <Page
      title="Web vitals"
      actions={
        <>
          {unnamed > 0 && (
            <Badge tone="warning" icon="warning">
              {count(unnamed)} came without a name
            </Badge>
          )}
          <SavedViews page="vitals" />
        </>
      }
      bar={<RangeBar range={range} />}
    >
      <Gauges of={vitals} chosen={name} onChoose={setChosen} />
      <OverTime range={range} name={name} vital={vitals.data?.vitals.find((one) => one.name === name)} />
      <Groups range={range} of={vitals} list={list} chosen={name} />
    </Page>
  );
}
