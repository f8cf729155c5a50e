import { useEffect, useMemo, useState } from "preact/hooks";
import { send } from "../../api/client";
import { ApiError } from "../../api/envelope";
import { TimeChart } from "../../charts/time-chart";
import { count, duration, words } from "../../format";
import { Segments } from "../../parts/button";
import { Time } from "../../parts/small";
import { ErrorBox, Skeleton } from "../../parts/states";
import { Table } from "../../parts/table";
import { useRange } from "../../range/range";
import { LEVELS, type Level, type Thresholds, type Watch } from "./types";
import { LevelBadge, unitOfMetric } from "./words";

const CHART_PX = 220;
/** So long after the last key it is asked. */
const PAUSE_MS = 400;
const RANGES = [
  { id: "1", label: "24 h" },
  { id: "7", label: "7 d" },
  { id: "30", label: "30 d" },
] as const;
const FIRINGS_SHOWN = 8;
const DAY_MS = 86_400_000;

interface Firing {
  group: string[];
  level: Level;
  fired_at_ms: number;
  resolved_at_ms: number | null;
  peak: number | null;
}

interface Backtest {
  step_ms: number;
  thresholds: Thresholds;
  series: { group: string[]; samples: { ts_ms: number; value: number | null; events: number }[] }[];
  firings: Firing[];
  counts: Partial<Record<Level, number>>;
  kept_from_ms: number | null;
}

interface Tried {
  name: string;
  watch: Watch;
  thresholds: Thresholds;
}

/** How often a rule would have fired over the stored past: drawn anew while it is typed. */
export function BacktestPanel({ rule }: { rule: Tried }) {
  const [days, setDays] = useState<(typeof RANGES)[number]["id"]>("1");
  const { answer, error, isBusy } = useBacktest(rule, Number(days));
  return (
    <section class="stack-tight" aria-label="What it would have done">
      <div class="row">
        <h3>What it would have done</h3>
        <span class="small soft" role="status">
          {isBusy ? "looking …" : answer && !error && wordsOf(answer)}
        </span>
        <span class="push">
          <Segments label="Over the last" value={days} options={RANGES} onChange={setDays} />
        </span>
      </div>
      <div style={{ minHeight: CHART_PX + 32 }}>
        {error && !isBusy ? (
          error.code === "REFUSED_VALUE" ? (
            <p class="small soft">
              {error.details.map((detail) => `${detail.field}: ${detail.message}`).join("; ") ||
                error.message}
            </p>
          ) : (
            <ErrorBox error={error} />
          )
        ) : answer ? (
          <Drawn answer={answer} watch={rule.watch} />
        ) : (
          <Skeleton height={CHART_PX} />
        )}
      </div>
    </section>
  );
}

/** Asks when nothing was typed for a moment; what comes too late is left out. */
function useBacktest(rule: Tried, days: number) {
  const [answer, setAnswer] = useState<Backtest>();
  const [error, setError] = useState<ApiError>();
  const [isBusy, setBusy] = useState(false);
  // Names and words change nothing in the past.
  const { name: _name, ...looked } = rule;
  const text = JSON.stringify({
    ...looked,
    description: undefined,
    runbook_url: undefined,
    is_enabled: true,
  });
  useEffect(() => {
    let isOver = false;
    setBusy(true);
    const timer = setTimeout(async () => {
      try {
        const from = new Date(Date.now() - days * DAY_MS).toISOString();
        const done = await send<Backtest>("POST", "/api/rules/backtest", {
          name: "tried",
          ...JSON.parse(text),
          from,
        });
        if (!isOver) {
          setAnswer(done.data);
          setError(undefined);
        }
      } catch (fault) {
        if (!isOver) {
          setError(fault instanceof ApiError ? fault : new ApiError(0, { error: String(fault) }));
        }
      }
      if (!isOver) {
        setBusy(false);
      }
    }, PAUSE_MS);
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [text, days]);
  return { answer, error, isBusy };
}

function wordsOf(answer: Backtest): string {
  const parts = [...LEVELS]
    .reverse()
    .filter((level) => answer.counts[level])
    .map((level) => `${count(answer.counts[level])} × ${level}`);
  return parts.length === 0 ? "it would not have fired" : `it would have fired: ${parts.join(", ")}`;
}

function Drawn({ answer, watch }: { answer: Backtest; watch: Watch }) {
  const { zone } = useRange();
  const metric = watch.measure ?? watch.name ?? watch.type ?? watch.kind;
  const unit = unitOfMetric(metric, watch.aggregate);
  const drawn = useMemo(
    () => ({
      times: answer.series[0]?.samples.map((sample) => sample.ts_ms) ?? [],
      lines: answer.series.slice(0, 10).map((series) => ({
        label: series.group.join(", ") || words(metric),
        values: series.samples.map((sample) => sample.value),
      })),
    }),
    [answer, metric],
  );
  if (drawn.lines.length === 0) {
    return <p class="small soft">There was nothing to look at in this time.</p>;
  }
  const shown = answer.firings.slice(-FIRINGS_SHOWN).reverse();
  return (
    <>
      <TimeChart
        label="What it would have seen"
        times={drawn.times}
        lines={drawn.lines}
        unit={unit}
        zone={zone}
        height={CHART_PX}
        thresholds={LEVELS.filter((level) => answer.thresholds[level] !== undefined).map((level) => ({
          value: answer.thresholds[level] ?? 0,
          label: words(level),
          tone: level === "info" ? "good" : level === "warning" ? "warning" : "critical",
        }))}
        markers={answer.firings
          .slice(0, 200)
          .map((firing) => ({ at: firing.fired_at_ms, label: words(firing.level) }))}
      />
      {shown.length > 0 && (
        <Table
          label="Times that it would have fired"
          rows={shown}
          rowId={(row) => `${row.fired_at_ms} ${row.group.join(" ")}`}
          columns={[
            { id: "level", title: "Level", render: (row) => <LevelBadge level={row.level} /> },
            { id: "group", title: "Of", isMinor: true, render: (row) => row.group.join(", ") || "–" },
            { id: "at", title: "Fires", render: (row) => <Time at={row.fired_at_ms} isExact /> },
            {
              id: "for",
              title: "For",
              isNumber: true,
              render: (row) =>
                row.resolved_at_ms === null ? "still" : duration(row.resolved_at_ms - row.fired_at_ms),
            },
          ]}
        />
      )}
    </>
  );
}
