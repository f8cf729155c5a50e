import { useMemo } from "preact/hooks";
import type { Params } from "../../api/client";
import type { Question } from "../../api/question";
import { TimeChart } from "../../charts/time-chart";
import { count, duration, percent, words } from "../../format";
import { Downloads } from "../../parts/downloads";
import { AnswerOf, Panel } from "../../parts/panel";
import { EmptyState } from "../../parts/states";
import { Table } from "../../parts/table";
import type { RangeState } from "../../range/range";
import type { EventSummary } from "./types";

const CHART_PX = 260;

interface OverTimeProps {
  range: RangeState;
  of: Question<EventSummary>;
  asked: Params;
  chosen: string;
  onChoose: (type: string) => void;
}

/** How often which type of event came, and the types with who sent them; one may be chosen. */
export function OverTime({ range, of, asked, chosen, onChoose }: OverTimeProps) {
  const drawn = useMemo(() => {
    const types = of.data?.types ?? [];
    return {
      times: types[0]?.points.map((point) => Date.parse(point.ts)) ?? [],
      lines: types.map((type) => ({
        label: words(type.event_type),
        values: type.points.map((point) => point.count),
        isBars: true,
      })),
    };
  }, [of.data]);
  return (
    <Panel
      title="By type"
      note={of.data && `every ${duration(of.data.interval_ms)}; a row narrows the rest of the page to it`}
      actions={<Downloads path="/api/analytics/events/summary" params={asked} />}
      flush
    >
      <AnswerOf
        of={of}
        height={CHART_PX + 260}
        canShrink
        isEmpty={(data) => data.total.count === 0}
        empty={
          <EmptyState
            title="No events in this range"
            icon="events"
            snippet={'fresnel.event("feature_discovery", { feature: "export" })'}
          >
            A page says so when something happens. Otherwise take a longer range or fewer filters.
          </EmptyState>
        }
      >
        {(data) => (
          <>
            <div class="panel-body">
              <TimeChart
                label="Events by type"
                times={drawn.times}
                lines={drawn.lines}
                unit="count"
                zone={data.timezone}
                height={CHART_PX}
                isStacked
                onZoom={range.zoom}
              />
            </div>
            <Table
              label="Types of events"
              rows={data.types}
              rowId={(row) => row.event_type}
              onRow={(row) => onChoose(row.event_type === chosen ? "" : row.event_type)}
              isChosen={(row) => row.event_type === chosen}
              columns={[
                { id: "type", title: "Type", render: (row) => words(row.event_type) },
                {
                  id: "count",
                  title: "Events",
                  isNumber: true,
                  render: (row) => count(row.count),
                  sortBy: (row) => row.count,
                },
                {
                  id: "share",
                  title: "Share",
                  isNumber: true,
                  isMinor: true,
                  render: (row) => percent(row.share),
                },
                {
                  id: "sessions",
                  title: "Sessions",
                  isNumber: true,
                  render: (row) => count(row.sessions),
                  sortBy: (row) => row.sessions,
                },
                {
                  id: "users",
                  title: "Users",
                  isNumber: true,
                  isMinor: true,
                  render: (row) => count(row.users),
                  sortBy: (row) => row.users,
                },
              ]}
            />
          </>
        )}
      </AnswerOf>
    </Panel>
  );
}
