import { duration } from "../../format";
import { Badge } from "../../parts/states";
import type { ServiceSla, SlaDay, SlaTarget, SlaTargetName } from "./types";

const TARGETS: Record<SlaTargetName, { label: string; isMost: boolean; isMs: boolean }> = {
  availability: { label: "Availability", isMost: false, isMs: false },
  response_time: { label: "Mean answer", isMost: true, isMs: true },
  error_rate: { label: "Failures", isMost: true, isMs: false },
  sync_latency: { label: "Mean poll", isMost: true, isMs: true },
  delivery: { label: "Delivered", isMost: false, isMs: false },
  call_success: { label: "Calls that succeed", isMost: false, isMs: false },
};

function value(of: { isMs: boolean }, number: number): string {
  return of.isMs ? duration(number) : `${Number(number.toFixed(3))} %`;
}

/** What was, against what is expected. */
export function TargetWords({ target }: { target: SlaTarget }) {
  const of = TARGETS[target.target];
  const tone = target.is_kept === false ? "tone-critical" : undefined;
  return (
    <span class="sla-target">
      <span class="small soft">{of.label}</span>
      <strong class={tone}>{target.actual === null ? "not seen" : value(of, target.actual)}</strong>
      <span class="small soft">
        {of.isMost ? "at most" : "at least"} {value(of, target.expected)}
      </span>
    </span>
  );
}

/** Whether a vendor keeps to what is expected of it. */
export function KeptBadge({ isKept }: { isKept: boolean | null }) {
  if (isKept === null) {
    return <Badge>Nothing seen</Badge>;
  }
  return isKept ? (
    <Badge tone="good" icon="check">
      Kept
    </Badge>
  ) : (
    <Badge tone="critical" icon="critical">
      Not kept
    </Badge>
  );
}

const dayWords = (day: SlaDay) =>
  `${day.day.slice(0, 10)}: ${
    day.availability_percent === null
      ? "nothing was seen"
      : `${Number(day.availability_percent.toFixed(3))} % available, ${day.failed} of ${day.seen} failed`
  }`;

/** A mark for each day: its colour says whether the day keeps to what is expected, its words what it was. */
export function Days({ service }: { service: ServiceSla }) {
  const bad = service.history.filter((day) => day.is_kept === false);
  return (
    <div
      class="sla-days"
      role="img"
      aria-label={`${service.history.length} days, ${bad.length} of them not kept${bad.length > 0 ? `: ${bad.map((day) => day.day.slice(0, 10)).join(", ")}` : ""}`}
    >
      {service.history.map((day) => (
        <span
          key={day.day}
          title={dayWords(day)}
          class={day.is_kept === null ? "sla-day" : `sla-day ${day.is_kept ? "is-kept" : "is-broken"}`}
        />
      ))}
    </div>
  );
}
