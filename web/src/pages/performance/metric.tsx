import { useMemo } from "preact/hooks";
import type { Params } from "../../api/client";
import { useQuestion } from "../../api/question";
import type { Statistics, TimeSeries } from "../../api/types";
import { type Line, TimeChart } from "../../charts/time-chart";
import { duration, words } from "../../format";
import { Downloads } from "../../parts/downloads";
import { Select } from "../../parts/form";
import { AnswerOf, Panel } from "../../parts/panel";
import { DIMENSIONS, type RangeState, useParam } from "../../range/range";
import { labelOf, type MetricId, thresholdOf, unitOf } from "./metrics";

const CHART_PX = 300;
const COUNTS_PX = 110;
const SHOWN = [
  { id: "percentiles", label: "p50 · p75 · p95" },
  { id: "p50", label: "p50" },
  { id: "p75", label: "p75" },
  { id: "p90", label: "p90" },
  { id: "p95", label: "p95" },
  { id: "p99", label: "p99" },
  { id: "avg", label: "Mean" },
  { id: "error_share", label: "Error share" },
] as const;
type Shown = (typeof SHOWN)[number]["id"];
type Statistic = Exclude<Shown, "percentiles">;

/** By which dimension the page is split; "" for none. */
export function useGroupBy() {
  return useParam("by", "");
}

const lineOf = (points: Statistics[], of: keyof Statistics) => points.map((point) => point[of]);

/** One metric over time, with how many events there were. */
export function Metric({ range, metric }: { range: RangeState; metric: MetricId }) {
  const [shown, setShown] = useParam("show", "percentiles");
  const [by, setBy] = useGroupBy();
  const asked: Params = {
    ...range.filters,
    ...range.params,
    interval: range.interval,
    type: metric.type,
    name: metric.name,
    group_by: by || undefined,
    groups_max: by ? 9 : undefined,
  };
  const series = useQuestion<TimeSeries>("/api/analytics/performance/timeseries", asked);
  const previous = usePrevious(range, metric, series.data);
  const statistic = (by && shown === "percentiles" ? "p75" : shown) as Shown;
  const unit = statistic === "error_share" ? "percent" : unitOf(metric);

  const drawn = useMemo(
    () => (series.data ? draw(series.data, statistic, by ? undefined : previous) : undefined),
    [series.data, statistic, previous, by],
  );
  const threshold = statistic === "error_share" ? undefined : thresholdOf(metric);
  return (
    <Panel
      title={labelOf(metric)}
      note={series.data && `every ${duration(series.data.interval_ms)}`}
      actions={
        <>
          <Select label="Statistic" value={shown as Shown} options={SHOWN} onChange={setShown} />
          <Select
            label="Split by"
            value={by}
            options={[
              { id: "", label: "Not split" },
              ...DIMENSIONS.map((id) => ({ id, label: `By ${words(id).toLowerCase()}` })),
            ]}
            onChange={(dimension) => setBy(dimension)}
          />
          <Downloads
            path="/api/analytics/performance/dashboard"
            params={{
              ...range.filters,
              ...range.params,
              type: metric.type,
              name: metric.name,
              group_by: by || undefined,
            }}
          />
        </>
      }
    >
      <AnswerOf of={series} height={CHART_PX + COUNTS_PX + 64}>
        {(data) =>
          drawn && (
            <>
              <TimeChart
                label={`${labelOf(metric)}, ${statistic}`}
                times={drawn.times}
                lines={drawn.lines}
                bands={drawn.bands}
                unit={unit}
                zone={data.timezone}
                height={CHART_PX}
                sync="performance"
                thresholds={
                  threshold
                    ? [
                        {
                          value: threshold.warning,
                          label: `Warning (${threshold.statistic ?? "p75"})`,
                          tone: "warning",
                        },
                        {
                          value: threshold.critical,
                          label: `Critical (${threshold.statistic ?? "p75"})`,
                          tone: "critical",
                        },
                      ]
                    : []
                }
                markers={data.markers.map((marker) => ({ at: Date.parse(marker.ts), label: marker.release }))}
                onZoom={range.zoom}
              />
              <TimeChart
                label="Events"
                hasLegend={false}
                times={drawn.times}
                lines={drawn.counts}
                unit="count"
                zone={data.timezone}
                height={COUNTS_PX}
                sync="performance"
                onZoom={range.zoom}
              />
            </>
          )
        }
      </AnswerOf>
    </Panel>
  );
}

/** The same range, one length earlier: its times are absolute, aligned to the buckets of the answer that is shown. */
function usePrevious(
  range: RangeState,
  metric: MetricId,
  shown: TimeSeries | undefined,
): TimeSeries | undefined {
  const isAsked = range.isCompared && shown !== undefined;
  const to = shown ? Date.parse(shown.from) : 0;
  const length = shown ? Date.parse(shown.to) - to : 0;
  const question = useQuestion<TimeSeries>(isAsked ? "/api/analytics/performance/timeseries" : null, {
    ...range.filters,
    type: metric.type,
    name: metric.name,
    timezone: shown?.timezone,
    interval: shown ? intervalName(shown.interval_ms) : undefined,
    from: shown ? new Date(to - length).toISOString() : undefined,
    to: shown ? new Date(to).toISOString() : undefined,
  });
  return isAsked ? question.data : undefined;
}

function intervalName(ms: number): string {
  const names: [number, string][] = [
    [60_000, "1m"],
    [300_000, "5m"],
    [900_000, "15m"],
    [3_600_000, "1h"],
    [21_600_000, "6h"],
    [86_400_000, "1d"],
  ];
  return names.find(([size]) => size === ms)?.[1] ?? "auto";
}

function draw(data: TimeSeries, shown: Shown, previous: TimeSeries | undefined) {
  const times = data.series[0]?.points.map((point) => Date.parse(point.ts)) ?? [];
  const split = data.series.some((series) => series.group !== null);
  const counts: Line[] = data.series.map((series) => ({
    label: split ? groupLabel(series.group) : "Events",
    values: series.points.map((point) => (Date.parse(point.ts) > Date.now() ? null : point.count)),
    isBars: !split,
  }));
  if (split || shown !== "percentiles") {
    const statistic = (shown === "percentiles" ? "p75" : shown) as Statistic;
    const lines: Line[] = data.series.map((series) => ({
      label: split
        ? groupLabel(series.group)
        : (SHOWN.find((one) => one.id === statistic)?.label ?? statistic),
      values: lineOf(series.points, statistic),
    }));
    return { times, lines: [...lines, ...before(previous, statistic, times.length)], bands: [], counts };
  }
  const points = data.series[0]?.points ?? [];
  const lines: Line[] = (["p95", "p75", "p50"] as const).map((statistic, place) => ({
    label: statistic,
    values: lineOf(points, statistic),
    colour: [5, 0, 2][place] ?? place,
  }));
  return {
    times,
    lines: [...lines, ...before(previous, "p75", times.length)],
    bands: [{ upper: 0, lower: 2 }],
    counts,
  };
}

const groupLabel = (group: string | null) =>
  group === "" || group === null ? "None" : group === "__other__" ? "Other" : group;

function before(previous: TimeSeries | undefined, statistic: Statistic, length: number): Line[] {
  const points = previous?.series[0]?.points;
  if (!points) {
    return [];
  }
  const values = lineOf(points, statistic).slice(-length);
  while (values.length < length) {
    values.push(null);
  }
  return [{ label: `${statistic} before`, values, isBefore: true }];
}
