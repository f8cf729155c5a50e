import { useMemo } from "preact/hooks";
import { useQuestion } from "../../api/question";
import type { TimeSeries } from "../../api/types";
import { TimeChart } from "../../charts/time-chart";
import { duration, inUnit } from "../../format";
import { AnswerOf, Panel } from "../../parts/panel";
import type { RangeState } from "../../range/range";
import { MEANINGS, unitOfVital, type Vital, type VitalName } from "./types";

const CHART_PX = 280;

/** One vital over time against what is good and what is poor. */
export function OverTime({
  range,
  name,
  vital,
}: {
  range: RangeState;
  name: VitalName;
  vital: Vital | undefined;
}) {
  const series = useQuestion<TimeSeries>("/api/analytics/performance/timeseries", {
    ...range.filters,
    ...range.params,
    interval: range.interval,
    type: "core_web_vitals",
    name,
  });
  const drawn = useMemo(() => {
    const points = series.data?.series[0]?.points ?? [];
    return {
      times: points.map((point) => Date.parse(point.ts)),
      lines: [
        { label: "p75", values: points.map((point) => point.p75) },
        { label: "p50", values: points.map((point) => point.p50), colour: 2 },
      ],
    };
  }, [series.data]);
  const unit = unitOfVital(name);
  const bounds = vital?.thresholds;
  return (
    <Panel
      title={`${name} over time`}
      note={`${MEANINGS[name]}${series.data ? `, every ${duration(series.data.interval_ms)}` : ""}`}
    >
      <AnswerOf of={series} height={CHART_PX + 32}>
        {(data) => (
          <TimeChart
            label={`${name}, 75th percentile and median`}
            times={drawn.times}
            lines={drawn.lines}
            unit={unit}
            zone={data.timezone}
            height={CHART_PX}
            thresholds={
              bounds
                ? [
                    { value: bounds.good, label: `Good up to ${inUnit(bounds.good, unit)}`, tone: "good" },
                    {
                      value: bounds.poor,
                      label: `Poor above ${inUnit(bounds.poor, unit)}`,
                      tone: "critical",
                    },
                  ]
                : []
            }
            markers={data.markers.map((marker) => ({ at: Date.parse(marker.ts), label: marker.release }))}
            onZoom={range.zoom}
          />
        )}
      </AnswerOf>
    </Panel>
  );
}
