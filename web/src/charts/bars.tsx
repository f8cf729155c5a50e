import { count, percent, words } from "../format";
import { EmptyState } from "../parts/states";

export interface Bar {
  id: string;
  /** Shown instead of the id. */
  label?: string;
  value: number;
  share?: number | null;
}

interface BarListProps {
  items: Bar[];
  /** A click on one, such as to filter by it. */
  onChoose?: ((id: string) => void) | undefined;
  format?: (value: number) => string;
}

/** The most frequent values, each with a bar as long as its part of the greatest. */
export function BarList({ items, onChoose, format = count }: BarListProps) {
  if (items.length === 0) {
    return <EmptyState title="Nothing yet" />;
  }
  const max = Math.max(...items.map((item) => item.value), 1);
  return (
    <div class="bars">
      {items.map((item) => {
        const inside = (
          <>
            <span class="bar-fill" style={{ width: `${(item.value / max) * 100}%` }} />
            <span class="cut">{item.label ?? (item.id === "" ? "None" : words(item.id))}</span>
            <span class="number">{format(item.value)}</span>
            <span class="number soft end" style={{ textAlign: "end" }}>
              {item.share === undefined ? "" : percent(item.share)}
            </span>
          </>
        );
        return onChoose ? (
          <button key={item.id} type="button" class="bar-item" onClick={() => onChoose(item.id)}>
            {inside}
          </button>
        ) : (
          <div key={item.id} class="bar-item">
            {inside}
          </div>
        );
      })}
    </div>
  );
}

interface SharesBarProps {
  good: number | null;
  needsImprovement: number | null;
  poor: number | null;
  /** Where there is little room: shorter words. */
  isNarrow?: boolean;
}

/** Shares of good, needs improvement and poor; without data an empty bar. The words beside it tell the same. */
export function SharesBar({ good, needsImprovement, poor, isNarrow }: SharesBarProps) {
  const parts = [
    { word: "Good", share: good, token: "--good-fill", tone: "tone-good" },
    {
      word: isNarrow ? "Fair" : "Needs improvement",
      share: needsImprovement,
      token: "--warning-fill",
      tone: "tone-warning",
    },
    { word: "Poor", share: poor, token: "--critical-fill", tone: "tone-critical" },
  ];
  return (
    <div class="stack-tight">
      <div class="shares" aria-hidden="true">
        {parts.map((part) =>
          part.share ? (
            <span
              key={part.word}
              style={{ width: `${part.share * 100}%`, background: `var(${part.token})` }}
            />
          ) : null,
        )}
      </div>
      <div class="row small" style={{ justifyContent: "space-between" }}>
        {parts.map((part) => (
          <span key={part.word} class="number">
            <span class={part.tone}>{part.word}</span> <span class="soft">{percent(part.share, 0)}</span>
          </span>
        ))}
      </div>
    </div>
  );
}

export interface FunnelStep {
  step: string;
  sessions: number;
  /** Of those who entered. */
  share: number | null;
}

/** Steps of a funnel below each other: how many are left, and how many each step has lost. */
export function FunnelBars({ steps, onChoose }: { steps: FunnelStep[]; onChoose?: (step: string) => void }) {
  const first = Math.max(...steps.map((step) => step.sessions), 1);
  return (
    <ol class="steps">
      {steps.map((step, place) => {
        const before = steps[place - 1]?.sessions;
        const lost = before ? (before - step.sessions) / before : null;
        return (
          <li key={step.step} class="step">
            {onChoose ? (
              <button type="button" class="sort cut" onClick={() => onChoose(step.step)}>
                {words(step.step)}
              </button>
            ) : (
              <span class="cut">{words(step.step)}</span>
            )}
            <span class="step-bar" aria-hidden="true">
              <span style={{ width: `${(step.sessions / first) * 100}%` }} />
            </span>
            <span class="number" style={{ textAlign: "end" }}>
              {count(step.sessions)} <span class="faint">{percent(step.share, 0)}</span>
              {lost !== null && lost > 0 && (
                <span class="unseen">, {percent(lost, 0)} lost since the step before</span>
              )}
            </span>
          </li>
        );
      })}
    </ol>
  );
}
