import type { ComponentChildren } from "preact";
import { Sparkline } from "../charts/sparkline";
import { change as formatChange } from "../format";
import { Skeleton } from "./states";

/** A row of key figures. */
export function Stats({ children, label }: { children: ComponentChildren; label: string }) {
  return (
    <section class="stats" aria-label={label}>
      {children}
    </section>
  );
}

interface StatProps {
  label: string;
  /** Formatted; undefined while it is fetched. */
  value: string | undefined;
  /** As a share of the value before; null where there was nothing to compare with. */
  change?: number | null | undefined;
  /** Whether more is better, worse, or neither. */
  better?: "more" | "less";
  foot?: ComponentChildren;
  trend?: (number | null)[] | undefined;
}

export function Stat({ label, value, change, better, foot, trend }: StatProps) {
  return (
    <div class="stat">
      <div class="stat-label cut">{label}</div>
      <div class="stat-value">{value ?? <Skeleton width={90} height={26} />}</div>
      {trend && trend.length > 1 ? <Sparkline values={trend} /> : <span />}
      <div class="stat-foot">
        {change !== undefined && <Delta change={change} better={better} />}
        {foot && <span class="cut">{foot}</span>}
      </div>
    </div>
  );
}

/** A change against the time before: an arrow and a word tell it as well as the colour. */
export function Delta({ change, better }: { change: number | null; better?: "more" | "less" | undefined }) {
  if (change === null) {
    return <span class="faint">nothing before</span>;
  }
  const isEven = Math.abs(change) < 0.0005;
  const isGood = better && !isEven ? change > 0 === (better === "more") : undefined;
  const tone = isGood === undefined ? "soft" : isGood ? "tone-good" : "tone-critical";
  return (
    <span class={`delta ${tone}`}>
      {isEven ? "±0" : `${change > 0 ? "↑" : "↓"} ${formatChange(Math.abs(change)).replace("+", "")}`}
      {isGood !== undefined && <span class="unseen">{isGood ? ", better" : ", worse"}</span>}
    </span>
  );
}
