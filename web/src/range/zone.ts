/** Times as `datetime-local` inputs hold them, in any zone. */
import { timeFormat } from "../format";

/** 2026-11-23T08:41. */
export function localInput(ms: number, zone: string): string {
  const parts = timeFormat(zone, {
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
  }).formatToParts(ms);
  const of = (type: string) => parts.find((part) => part.type === type)?.value ?? "";
  return `${of("year").padStart(4, "0")}-${of("month")}-${of("day")}T${of("hour")}:${of("minute")}`;
}

/** The moment at which clocks of the zone show it; NaN when it is no time. */
export function fromLocalInput(text: string, zone: string): number {
  const wanted = Date.parse(`${text}:00Z`);
  // What the zone is ahead there: found in two steps, because it may change in between.
  let moment = wanted;
  for (let step = 0; step < 2 && !Number.isNaN(moment); step += 1) {
    moment += wanted - Date.parse(`${localInput(moment, zone)}:00Z`);
  }
  return moment;
}
