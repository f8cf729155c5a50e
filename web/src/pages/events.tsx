import { useCursorList } from "../api/cursor";
import { useQuestion } from "../api/question";
import type { Beacon } from "../api/types";
import { count, words } from "../format";
import { Page } from "../layout/page";
import { Beacons, More } from "../parts/beacons";
import { Downloads } from "../parts/downloads";
import { Select } from "../parts/form";
import { AnswerOf, Panel } from "../parts/panel";
import { Stat, Stats } from "../parts/stat";
import { useParam, useRange } from "../range/range";
import { RangeBar } from "../range/rangebar";
import { SavedViews } from "../range/views";
import { OverTime } from "./events/over-time";
import { PropertyPanel } from "./events/properties";
import type { EventSummary } from "./events/types";

const KINDS = [
  { id: "event", label: "Events" },
  { id: "funnel", label: "Funnel steps" },
  { id: "metric", label: "Metrics" },
  { id: "alert", label: "Alerts" },
] as const;
type Kind = (typeof KINDS)[number]["id"];

/** What users do: how often, who, and with which properties. */
export default function Events() {
  const range = useRange("24h");
  const [type, setType] = useParam("type", "");
  const [kind, setKind] = useParam("kind", "event");
  const asked = { ...range.filters, ...range.params };
  const summary = useQuestion<EventSummary>("/api/analytics/events/summary", {
    ...asked,
    interval: range.interval,
    compare: range.isCompared ? "previous" : undefined,
  });
  const narrowed = { ...asked, event_type: type };
  const listed = { ...(kind === "event" ? narrowed : asked), kind, limit: 50 };
  const list = useCursorList<Beacon>("/api/analytics/events/list", listed);
  const total = summary.data?.total;
  const before = summary.data?.previous?.total;
  const change = (name: "count" | "sessions" | "users" | "visitors") =>
    before ? (total && before[name] > 0 ? total[name] / before[name] - 1 : null) : undefined;
  return (
    <Page
      title="Events"
      actions={<SavedViews page="events" />}
      bar={<RangeBar range={range} suggest="event" />}
    >
      <Stats label="Events in figures">
        <Stat label="Events" value={total && count(total.count)} change={change("count")} />
        <Stat label="Sessions" value={total && count(total.sessions)} change={change("sessions")} />
        <Stat label="Users" value={total && count(total.users)} change={change("users")} />
        <Stat label="Visitors" value={total && count(total.visitors)} change={change("visitors")} />
      </Stats>
      <OverTime range={range} of={summary} asked={asked} chosen={type} onChoose={setType} />
      <PropertyPanel range={range} asked={narrowed} />
      <Panel
        title={type && kind === "event" ? `Latest: ${words(type)}` : "Latest"}
        actions={
          <>
            <Select label="Kind" value={kind as Kind} options={KINDS} onChange={setKind} />
            <Downloads
              path="/api/analytics/events/list"
              params={{ ...listed, limit: undefined }}
              label="Download the list"
              isLong
            />
          </>
        }
        flush
      >
        <AnswerOf of={list.question} height={20 * 36} canShrink isEmpty={(data) => data.items.length === 0}>
          {() => (
            <>
              <Beacons label="Latest beacons" rows={list.rows} />
              <More list={list} />
            </>
          )}
        </AnswerOf>
      </Panel>
    </Page>
  );
}
