import { useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { useCursorList } from "../../api/cursor";
import type { Beacon } from "../../api/types";
import { count, duration } from "../../format";
import { Page } from "../../layout/page";
import { Beacons, isError, More } from "../../parts/beacons";
import { Segments } from "../../parts/button";
import { AnswerOf, Panel } from "../../parts/panel";
import { Time } from "../../parts/small";
import { Stat, Stats } from "../../parts/stat";
import { EmptyState } from "../../parts/states";
import { linkTo, type RangeState } from "../../range/range";
import { Axis } from "./axis";

const SHOWN = [
  { id: "all", label: "All" },
  { id: "acts", label: "Steps and events" },
  { id: "metric", label: "Measurements" },
  { id: "errors", label: "Errors" },
] as const;
type Shown = (typeof SHOWN)[number]["id"];

const PASSES: Record<Shown, (beacon: Beacon) => boolean> = {
  all: () => true,
  acts: (beacon) => beacon.kind === "funnel" || beacon.kind === "event",
  metric: (beacon) => beacon.kind === "metric",
  errors: isError,
};

/** What happened in one session, on a line of time and one by one. */
export function OneSession({ range, id }: { range: RangeState; id: string }) {
  const { url } = useLocation();
  const [shown, setShown] = useState<Shown>("all");
  // A session is short: its rows are looked for in all that is kept, whatever the range of the other pages is.
  const list = useCursorList<Beacon>("/api/analytics/sessions/timeline", {
    session_id: id,
    from: "now-90d",
    limit: 500,
  });
  const { rows } = list;
  const [first, last] = [rows[0], rows.at(-1)];
  const choose = (event: string) => {
    setShown("all");
    requestAnimationFrame(() => {
      const row = document.getElementById(`beacon-${event}`);
      row?.scrollIntoView({ block: "center" });
      row?.querySelector("button")?.focus();
    });
  };
  return (
    <Page
      title={first?.user_id ? `Session of ${first.user_id}` : "Session"}
      actions={<a href={linkTo("/sessions", url)}>All sessions</a>}
    >
      <AnswerOf
        of={list.question}
        height={600}
        canShrink
        isEmpty={(data) => data.items.length === 0}
        empty={
          <EmptyState title="There is nothing of this session" icon="sessions">
            Its name may be another one, or it is older than what is kept: <span class="code">{id}</span>
          </EmptyState>
        }
      >
        {() =>
          first &&
          last && (
            <div class="stack">
              <Stats label="The session in figures">
                <Stat
                  label="Length"
                  value={duration(Date.parse(last.ts) - Date.parse(first.ts))}
                  foot={<Time at={first.ts} isExact />}
                />
                <Stat
                  label="Pages"
                  value={count(new Set(rows.map((row) => row.page).filter(Boolean)).size)}
                  foot={first.page && `came to ${first.page}`}
                />
                <Stat
                  label="Errors"
                  value={count(rows.filter(isError).length)}
                  foot={`of ${count(rows.length)} beacons`}
                />
                <Stat
                  label="With"
                  value={first.browser || "–"}
                  foot={[first.os, first.device, first.country].filter(Boolean).join(", ")}
                />
              </Stats>
              <Panel title="On a line of time">
                <Axis rows={rows} zone={range.zone} onChoose={choose} />
              </Panel>
              <Panel
                title="One by one"
                actions={<Segments label="Show" value={shown} options={SHOWN} onChange={setShown} />}
                flush
              >
                <Beacons label="Beacons of the session" rows={rows.filter(PASSES[shown])} isOfSession />
                <More list={list} />
              </Panel>
            </div>
          )
        }
      </AnswerOf>
    </Page>
  );
}
