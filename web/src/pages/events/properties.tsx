import type { Params } from "../../api/client";
import { useQuestion } from "../../api/question";
import { BarList } from "../../charts/bars";
import { count, percent, words } from "../../format";
import { Downloads } from "../../parts/downloads";
import { Select } from "../../parts/form";
import { AnswerOf, Panel } from "../../parts/panel";
import { DIMENSIONS, type RangeState, useParam } from "../../range/range";
import type { Properties, PropertyValues } from "./types";

const VALUES_PX = 20 * 32;

/** The most frequent values of any property of the events. */
export function PropertyPanel({ range, asked }: { range: RangeState; asked: Params }) {
  const [property, setProperty] = useParam("property", "page");
  const keys = useQuestion<Properties>("/api/analytics/events/properties", asked);
  const values = useQuestion<PropertyValues>("/api/analytics/events/properties", { ...asked, property });
  const isDimension = DIMENSIONS.some((one) => one === property);
  const carried = (keys.data?.properties ?? []).filter(
    (one) => !DIMENSIONS.some((dimension) => one.property === `metadata.${dimension}`),
  );
  const options = [
    ...DIMENSIONS.map((id) => ({ id: id as string, label: words(id) })),
    ...carried.map((one) => ({
      id: one.property,
      label: `${one.property.replace("metadata.", "")} (${percent(one.share, 0)})`,
    })),
  ];
  if (!options.some((one) => one.id === property)) {
    options.push({ id: property, label: property.replace("metadata.", "") });
  }
  return (
    <Panel
      title="Top values"
      note={
        values.data &&
        `${count(values.data.distinct)} different; ${count(values.data.events_with)} of ${count(values.data.events)} events have it`
      }
      actions={
        <>
          <Select label="Property" value={property} options={options} onChange={setProperty} />
          <Downloads path="/api/analytics/events/properties" params={{ ...asked, property }} />
        </>
      }
    >
      <AnswerOf of={values} height={VALUES_PX} canShrink isEmpty={(data) => data.values.length === 0}>
        {(data) => (
          <BarList
            items={data.values.map((one) => ({
              id: one.value,
              label: one.value || "None",
              value: one.count,
              share: one.share,
            }))}
            onChoose={
              isDimension
                ? (value) => range.set({ filters: { ...range.filters, [property]: [value] } })
                : undefined
            }
          />
        )}
      </AnswerOf>
    </Panel>
  );
}
