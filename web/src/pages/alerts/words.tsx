/** Levels, phases and values of alerts in words. */
import { inUnit, type Unit, words } from "../../format";
import { Badge } from "../../parts/states";
import type { Alert, Level, Phase } from "./types";

const LEVEL_BADGES = {
  info: { tone: "accent", icon: "events", word: "Info" },
  warning: { tone: "warning", icon: "warning", word: "Warning" },
  error: { tone: "critical", icon: "errors", word: "Error" },
  critical: { tone: "critical", icon: "critical", word: "Critical" },
} as const;

export function LevelBadge({ level }: { level: Level }) {
  const { tone, icon, word } = LEVEL_BADGES[level];
  return (
    <Badge tone={tone} icon={icon}>
      {word}
    </Badge>
  );
}

const PHASES = {
  ok: { tone: "good", icon: "check", word: "OK" },
  pending: { tone: "warning", icon: "clock", word: "Pending" },
  firing: { tone: "critical", icon: "alerts", word: "Firing" },
  recovering: { tone: "accent", icon: "clock", word: "Recovering" },
  no_data: { tone: undefined, icon: undefined, word: "No data" },
} as const;

export function PhaseBadge({ phase }: { phase: Phase }) {
  const { tone, icon, word } = PHASES[phase];
  return (
    <Badge tone={tone} icon={icon}>
      {word}
    </Badge>
  );
}

const IN_MS = [
  "page_load_time",
  "api_response_time",
  "effect_processing_time",
  "LCP",
  "INP",
  "FCP",
  "TTFB",
  "response_ms",
];
const SHARES = [
  "cache_hit_rate",
  "memory",
  "error_share",
  "dropped_share",
  "error_rate",
  "availability",
  "timeout_share",
];

/** The unit of what is computed of a metric. */
export function unitOfMetric(metric: string | undefined, aggregate?: string): Unit {
  const name = metric?.replace(/^vendor_/, "") ?? "";
  if (aggregate === "error_share" || SHARES.includes(name)) {
    return "percent";
  }
  if (aggregate === "count" || aggregate === "rate") {
    return "count";
  }
  return IN_MS.includes(name) ? "ms" : "none";
}

/** What an alert is of, beside its name: `page /checkout, os iOS`. */
export function groupOf(labels: Record<string, string>): string {
  const own = ["alertname", "source", "metric", "severity", "posted_by"];
  return Object.entries(labels)
    .filter(([name]) => !own.includes(name))
    .map(([name, value]) => `${words(name).toLowerCase()} ${value || "(none)"}`)
    .join(", ");
}

/** `6 s is above 5 s`. */
export function measured(alert: Alert): string {
  const unit = unitOfMetric(alert.labels.metric);
  if (alert.value === null) {
    return "–";
  }
  if (alert.threshold === null) {
    return inUnit(alert.value, unit);
  }
  const side = alert.value > alert.threshold ? "above" : alert.value < alert.threshold ? "below" : "at";
  return `${inUnit(alert.value, unit)}, ${side} ${inUnit(alert.threshold, unit)}`;
}
