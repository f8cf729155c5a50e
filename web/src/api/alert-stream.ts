/** What happens to alerts, live: how many are open for the navigation, and a signal for pages that show them. */
import { effect, signal } from "@preact/signals";
import { projectId, session } from "../session";
import { addressOf, ask } from "./client";
import type { Paged } from "./envelope";

/** Goes up with each thing that happens to an alert of the project. */
export const alertsChanged = signal(0);
/** Alerts that are not over; undefined while nobody knows. */
export const openAlerts = signal<number | undefined>(undefined);

/** Without a stream (a proxy that holds it back, too many listeners) alerts are counted so often. */
const COUNT_EVERY_MS = 60_000;

async function count() {
  try {
    const open = await ask<Paged<unknown>>("/api/alerts", { state: "open", page_size: 1 });
    openAlerts.value = open.data.total;
  } catch {
    // The page itself tells what fails.
  }
}

/** Follows the alerts of the project that is looked at, from the first call on; gives what ends it. */
export function followAlerts(): () => void {
  return effect(() => {
    const isIn = session.value !== null && session.value !== undefined;
    if (!isIn || !projectId.value) {
      openAlerts.value = undefined;
      return;
    }
    const address = addressOf("/api/alerts/stream");
    let stream: EventSource | undefined;
    const happened = () => {
      alertsChanged.value = alertsChanged.peek() + 1;
      count();
    };
    // Only while it is looked at: without HTTP/2 a browser has six connections for all tabs of a host.
    const seen = () => {
      stream?.close();
      stream = undefined;
      if (document.visibilityState === "visible") {
        stream = new EventSource(address);
        stream.addEventListener("alert", happened);
        stream.addEventListener("missed", happened);
        count();
      }
    };
    seen();
    document.addEventListener("visibilitychange", seen);
    const timer = setInterval(() => document.visibilityState === "visible" && count(), COUNT_EVERY_MS);
    return () => {
      stream?.close();
      clearInterval(timer);
      document.removeEventListener("visibilitychange", seen);
    };
  });
}
