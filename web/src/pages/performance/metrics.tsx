import { useQuestion } from "../../api/question";
import type { MetricSummary, Threshold } from "../../api/types";
import { count, inUnit, type Unit, words } from "../../format";
import { AnswerOf, Panel } from "../../parts/panel";
import { Delta } from "../../parts/stat";
import { EmptyState, StateBadge } from "../../parts/states";
import { Table } from "../../parts/table";
import { type RangeState, useParam } from "../../range/range";
import { project } from "../../session";

/** A type of metric, and for web vitals which one. */
export interface MetricId {
  type: string;
  name?: string;
}

const VITALS: Record<string, Threshold> = {
  LCP: { statistic: "p75", warning: 2500, critical: 4000 },
  INP: { statistic: "p75", warning: 200, critical: 500 },
  CLS: { statistic: "p75", warning: 0.1, critical: 0.25 },
  FCP: { statistic: "p75", warning: 1800, critical: 3000 },
  TTFB: { statistic: "p75", warning: 800, critical: 1800 },
};

export const unitOf = (metric: MetricId): Unit => (metric.name === "CLS" ? "none" : "ms");
export const labelOf = (metric: MetricId): string => metric.name ?? words(metric.type);

export function thresholdOf(metric: MetricId): Threshold | undefined {
  return metric.name ? VITALS[metric.name] : project.value?.settings.thresholds[metric.type];
}

/** The metric of the page, in the address as `metric=core_web_vitals.LCP`. */
export function useMetric(): [MetricId, (metric: MetricId) => void] {
  const [text, setText] = useParam("metric", "page_load_time");
  const [type = "", name] = text.split(".");
  return [
    name ? { type, name } : { type },
    (metric) => setText(metric.name ? `${metric.type}.${metric.name}` : metric.type),
  ];
}

export function isSame(a: MetricId, b: MetricId): boolean {
  return a.type === b.type && (a.name ?? "") === (b.name ?? "");
}

interface MetricsProps {
  range: RangeState;
  metric: MetricId;
  onMetric: (metric: MetricId) => void;
}

/** All metrics of the range with their states; one is chosen for what is below. */
export function Metrics({ range, metric, onMetric }: MetricsProps) {
  const summary = useQuestion<{ metrics: MetricSummary[] }>("/api/analytics/performance/dashboard", {
    ...range.params,
    ...range.filters,
    compare: range.isCompared ? "previous" : undefined,
  });
  const before = (row: MetricSummary) => {
    const now = row.p75;
    const then = row.previous?.p75;
    return now === null || then === null || then === undefined || then === 0 ? null : now / then - 1;
  };
  return (
    <Panel title="Metrics" note="choose one" flush>
      <AnswerOf
        of={summary}
        height={8 * 35 + 33}
        isEmpty={(data) => data.metrics.every((one) => one.count === 0)}
        empty={
          <EmptyState title="Nothing was measured in this range" icon="performance">
            Take a longer range or fewer filters. Pages with the script of the overview measure by themselves.
          </EmptyState>
        }
      >
        {(data) => (
          <Table
            label="Metrics"
            rows={data.metrics}
            rowId={(row) => `${row.type}.${row.name ?? ""}`}
            onRow={(row) => onMetric(row.name ? { type: row.type, name: row.name } : { type: row.type })}
            isChosen={(row) => isSame(row, metric)}
            columns={[
              { id: "metric", title: "Metric", render: (row) => <strong>{labelOf(row)}</strong> },
              { id: "state", title: "State", render: (row) => <StateBadge state={row.state} /> },
              {
                id: "count",
                title: "Events",
                isNumber: true,
                render: (row) => count(row.count),
                sortBy: (row) => row.count,
              },
              ...(["p50", "p75", "p95", "p99"] as const).map((statistic) => ({
                id: statistic,
                title: statistic,
                isNumber: true,
                isMinor: statistic === "p50" || statistic === "p99",
                render: (row: MetricSummary) => inUnit(row[statistic], unitOf(row)),
              })),
              {
                id: "errors",
                title: "Errors",
                isNumber: true,
                isMinor: true,
                render: (row) => inUnit(row.error_share, "percent"),
                sortBy: (row) => row.error_share,
              },
              ...(range.isCompared
                ? [
                    {
                      id: "before",
                      title: "p75 before",
                      isNumber: true,
                      render: (row: MetricSummary) => <Delta change={before(row)} better="less" />,
                    },
                  ]
                : []),
            ]}
          />
        )}
      </AnswerOf>
    </Panel>
  );
}
