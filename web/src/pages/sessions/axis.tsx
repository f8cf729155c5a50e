import type { Beacon } from "../../api/types";
import { duration, exactTime } from "../../format";
import { isError, titleOf } from "../../parts/beacons";

const LANES = [
  { id: "page", label: "Page loads" },
  { id: "request", label: "Requests" },
  { id: "vital", label: "Vitals" },
  { id: "funnel", label: "Steps" },
  { id: "event", label: "Events" },
  { id: "error", label: "Errors" },
] as const;
type Lane = (typeof LANES)[number]["id"];
/** A mark that took no time is this wide still. */
const WIDTH_MIN = 0.35;

function laneOf(beacon: Beacon): Lane {
  if (isError(beacon) || beacon.kind === "alert") {
    return "error";
  }
  if (beacon.kind !== "metric") {
    return beacon.kind;
  }
  switch (beacon.name) {
    case "page_load_time":
      return "page";
    case "core_web_vitals":
      return "vital";
    default:
      return "request";
  }
}

interface AxisProps {
  rows: Beacon[];
  zone: string;
  /** Goes to a beacon in the list below. */
  onChoose: (id: string) => void;
}

/** A session on one line of time: what took time is as long as it took, and ends when it was told. */
export function Axis({ rows, zone, onChoose }: AxisProps) {
  const spans = rows.map((beacon) => {
    const end = Date.parse(beacon.ts);
    const lane = laneOf(beacon);
    const takesTime = beacon.kind === "metric" && beacon.name !== "core_web_vitals";
    return { beacon, lane, end, start: takesTime ? end - (beacon.value ?? 0) : end };
  });
  const from = Math.min(...spans.map((span) => span.start));
  const length = Math.max(Math.max(...spans.map((span) => span.end)) - from, 1);
  const part = (ms: number) => (ms / length) * 100;
  const marks = [0, 0.25, 0.5, 0.75, 1];
  return (
    <div class="axis">
      {LANES.filter((lane) => spans.some((span) => span.lane === lane.id)).map((lane) => (
        <div class="axis-lane" key={lane.id}>
          <span class="soft small">{lane.label}</span>
          <span class="axis-line">
            {spans
              .filter((span) => span.lane === lane.id)
              .map(({ beacon, start, end }) => (
                <button
                  key={beacon.event_id}
                  type="button"
                  // The list below has the same for keys.
                  tabIndex={-1}
                  class={`axis-mark axis-${lane.id}`}
                  aria-label={`${titleOf(beacon)} at ${exactTime(Date.parse(beacon.ts), zone)}`}
                  title={`${titleOf(beacon)}, ${exactTime(Date.parse(beacon.ts), zone)}`}
                  style={{
                    left: `${Math.min(part(start - from), 100 - WIDTH_MIN)}%`,
                    width: `${Math.max(part(end - start), WIDTH_MIN)}%`,
                  }}
                  onClick={() => onChoose(beacon.event_id)}
                />
              ))}
          </span>
        </div>
      ))}
      <div class="axis-lane">
        <span />
        <span class="axis-times number faint small">
          {marks.map((at) => (
            <span key={at} style={{ left: `${at * 100}%` }}>
              {at === 0 ? "0" : duration(Math.round(at * length))}
            </span>
          ))}
        </span>
      </div>
    </div>
  );
}
