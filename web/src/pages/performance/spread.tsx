import { useMemo } from "preact/hooks";
import { useQuestion } from "../../api/question";
import { Heatmap } from "../../charts/heatmap";
import { duration, inUnit, type Unit } from "../../format";
import { AnswerOf, Panel } from "../../parts/panel";
import type { RangeState } from "../../range/range";
import { labelOf, type MetricId, unitOf } from "./metrics";

const HEATMAP_PX = 240;

interface Spread {
  timezone: string;
  interval_ms: number;
  /** Where bands meet; there is one band more. */
  bounds: number[];
  buckets: { ts: string; counts: number[] }[];
}

/** How often which values were measured, over time: it shows two humps, and the few that wait for ever. */
export function SpreadPanel({ range, metric }: { range: RangeState; metric: MetricId }) {
  const spread = useQuestion<Spread>("/api/analytics/performance/heatmap", {
    ...range.filters,
    ...range.params,
    interval: range.interval,
    type: metric.type,
    name: metric.name,
  });
  const unit = unitOf(metric);
  const drawn = useMemo(() => (spread.data ? draw(spread.data, unit) : undefined), [spread.data, unit]);
  return (
    <Panel
      title={`${labelOf(metric)}: how often which values`}
      note={spread.data && `every ${duration(spread.data.interval_ms)}`}
    >
      <AnswerOf
        of={spread}
        height={HEATMAP_PX + 24}
        isEmpty={(data) => data.buckets.every((bucket) => bucket.counts.every((count) => count === 0))}
      >
        {(data) =>
          drawn && (
            <Heatmap
              label={`${labelOf(metric)} over time: the stronger the colour, the more measurements`}
              times={drawn.times}
              rows={drawn.rows}
              cells={drawn.cells}
              zone={data.timezone}
              height={HEATMAP_PX}
            />
          )
        }
      </AnswerOf>
    </Panel>
  );
}

/** Bands below and above all that was measured are left out. */
function draw(data: Spread, unit: Unit) {
  const bands = data.bounds.length + 1;
  const isUsed = Array.from({ length: bands }, (_, band) =>
    data.buckets.some((bucket) => (bucket.counts[band] ?? 0) > 0),
  );
  const first = Math.max(isUsed.indexOf(true), 0);
  const last = Math.max(isUsed.lastIndexOf(true), first);
  const shown = Array.from({ length: last - first + 1 }, (_, place) => first + place);
  return {
    times: data.buckets.map((bucket) => Date.parse(bucket.ts)),
    rows: shown.map((band) =>
      band === 0 ? `< ${inUnit(data.bounds[0], unit)}` : inUnit(data.bounds[band - 1], unit),
    ),
    cells: shown.map((band) =>
      data.buckets.map((bucket) => (Date.parse(bucket.ts) > Date.now() ? null : (bucket.counts[band] ?? 0))),
    ),
  };
}
