import type { Store } from "./store.js";
import { uuid } from "./uuid.js";

/** Without an event for this long, the next one begins a new session. */
const IDLE_MS = 30 * 60_000;
/** The time of the last event is written down this often: each writing blocks the page for a moment. */
const WRITTEN_EVERY_MS = 10_000;

/** Gives the id of the session at a time: the same one until nothing happened for half an hour, on all pages of the site. */
export function sessions(store: Store, name: string): (nowMs: number) => string {
  let kept = "";
  return (nowMs) => {
    // Another tab may have gone on with the session, or begun a new one.
    const [keptId = "", keptMs] = (store.get(name) || kept).split(" ");
    const idleMs = nowMs - Number(keptMs);
    const id = idleMs <= IDLE_MS ? keptId : uuid();
    if (!(idleMs < WRITTEN_EVERY_MS)) {
      kept = `${id} ${nowMs}`;
      store.set(name, kept);
    }
    return id;
  };
}

/** Whether a session is among the share that is told about: the same answer each time. */
export const isSampled = (id: string, rate: number): boolean => parseInt(id.slice(-8), 16) / 2 ** 32 < rate;
