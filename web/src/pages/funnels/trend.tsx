import { useMemo } from "preact/hooks";
import type { Question } from "../../api/question";
import { useQuestion } from "../../api/question";
import type { TimeSeries } from "../../api/types";
import { TimeChart } from "../../charts/time-chart";
import { AnswerOf, Panel } from "../../parts/panel";
import { EmptyState } from "../../parts/states";
import type { RangeState } from "../../range/range";
import type { Funnel } from "./types";

const CONVERSION_PX = 180;
const LATENCY_PX = 200;
/** Endpoints that are drawn. */
const ENDPOINTS_MAX = 6;
const SYNC = "funnel";

/** Conversion over time, above the latency of the endpoints that were called in that time: what slows down shows in both. */
export function Trend({
  range,
  interval,
  funnel,
}: {
  range: RangeState;
  interval: string;
  funnel: Question<Funnel>;
}) {
  const endpoints = useQuestion<TimeSeries>("/api/analytics/performance/timeseries", {
    ...range.filters,
    ...range.params,
    interval,
    type: "api_response_time",
    group_by: "api_endpoint",
    groups_max: ENDPOINTS_MAX,
  });
  const trend = funnel.data?.trend;
  const conversion = useMemo(
    () => ({
      times: trend?.map((point) => Date.parse(point.ts)) ?? [],
      lines: [{ label: "Conversion", values: trend?.map((point) => point.conversion) ?? [] }],
    }),
    [trend],
  );
  const latency = useMemo(() => {
    const series = endpoints.data?.series ?? [];
    return {
      times: series[0]?.points.map((point) => Date.parse(point.ts)) ?? [],
      lines: series.map((one) => ({
        label: one.group === "__other__" ? "Other" : one.group || "None",
        values: one.points.map((point) => point.p95),
      })),
    };
  }, [endpoints.data]);
  return (
    <Panel title="Conversion and latency" note="by the time of entry; endpoints' 95th percentile below">
      <AnswerOf of={funnel} height={CONVERSION_PX + 32}>
        {(data) => (
          <TimeChart
            label="Conversion over time"
            times={conversion.times}
            lines={conversion.lines}
            unit="percent"
            zone={data.timezone}
            height={CONVERSION_PX}
            sync={SYNC}
            onZoom={range.zoom}
          />
        )}
      </AnswerOf>
      <AnswerOf
        of={endpoints}
        height={LATENCY_PX + 32}
        isEmpty={(data) => data.series.every((one) => one.points.every((point) => point.count === 0))}
        empty={
          <EmptyState title="No calls in this range" icon="performance">
            The SDK times fetch and XMLHttpRequest by itself; backends post api_response_time.
          </EmptyState>
        }
      >
        {(data) => (
          <TimeChart
            label="Endpoints, 95th percentile"
            times={latency.times}
            lines={latency.lines}
            unit="ms"
            zone={data.timezone}
            height={LATENCY_PX}
            sync={SYNC}
            markers={data.markers.map((marker) => ({ at: Date.parse(marker.ts), label: marker.release }))}
            onZoom={range.zoom}
          />
        )}
      </AnswerOf>
    </Panel>
  );
}
