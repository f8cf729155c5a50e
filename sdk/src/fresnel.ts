/** The browser SDK of Fresnel: nothing here throws into the page or waits for the network. */
import { attempt } from "./attempt.js";
import { isSampled, sessions } from "./session.js";
import { openStore } from "./store.js";
import { type Transport, transport } from "./transport.js";
import type {
  Alert,
  Beacon,
  Data,
  EventType,
  FunnelStep,
  Kind,
  MetricType,
  Options,
  Stats,
} from "./types.js";
import { uuid } from "./uuid.js";
import {
  all,
  navigationEntry,
  on,
  type Undo,
  watchAddress,
  watchErrors,
  watchLoad,
  watchRequests,
} from "./watch.js";

export type {
  Alert,
  Beacon,
  Data,
  EventType,
  FunnelStep,
  Kind,
  MetricType,
  Options,
  RequestFilter,
  Stats,
} from "./types.js";

/** What runs between `init` and `close`. */
interface Running {
  way: Transport;
  options: Options;
  session: (nowMs: number) => string;
  undo: Undo[];
}

let running: Running | undefined;
let user: string | undefined;
let release: string | undefined;

/** Begins. A second call begins anew. */
export function init(options: Options): void {
  close();
  attempt(() => {
    const {
      endpoint,
      key,
      persist = true,
      requests = true,
      loads = true,
      views = true,
      errors = true,
      flushAfterMs = 5_000,
      queueBytesMax = 262_144,
    } = options;
    if (options.respectGpc && (navigator as { globalPrivacyControl?: boolean }).globalPrivacyControl) {
      return;
    }
    // Two projects on one site stay apart.
    const prefix = `fresnel.${key}.`;
    const store = openStore(persist);
    const base = new URL(endpoint, location.href).href.replace(/\/$/, "");
    const way = transport({
      url: `${base}/api/analytics/batch?key=${encodeURIComponent(key)}`,
      prefix,
      store,
      fetch: fetch.bind(globalThis),
      flushAfterMs,
      queueBytesMax,
    });
    const undo: Undo[] = [];
    running = { way, options, session: sessions(store, `${prefix}session`), undo };
    release = options.release;

    const begin = (navigationType?: string) => {
      const errorsSeen = new Set<string>();
      let shown = "";
      const view = (navigation_type: string | undefined) => {
        const now = page();
        if (now !== shown) {
          shown = now;
          errorsSeen.clear();
          if (views) {
            event("page_view", { navigation_type, referrer: document.referrer.split("/")[2] });
          }
        }
      };
      const look = () => (document.visibilityState === "hidden" ? way.hide(false) : way.show());
      undo.push(
        errors ? watchErrors(event, errorsSeen) : () => {},
        loads ? watchLoad(metric) : () => {},
        requests ? watchRequests(metric, requests, base) : () => {},
        watchAddress(() => attempt(() => view("soft"))),
        on(globalThis, "online", way.online),
        on(globalThis, "pagehide", () => way.hide(true)),
        on(document, "visibilitychange", look),
        on(globalThis, "pageshow", ({ persisted }: PageTransitionEvent) => {
          if (persisted) {
            way.show();
            shown = "";
            view("back-forward-cache");
          }
        }),
      );
      view(navigationType);
      look();
    };
    // A page that is rendered ahead may never be looked at.
    if ((document as { prerendering?: boolean }).prerendering) {
      undo.push(on(document, "prerenderingchange", () => begin("prerender")));
    } else {
      begin(navigationEntry()?.type);
    }
  });
}

/** A measurement, in milliseconds (a layout shift has no unit). */
export function metric(type: MetricType, value: number, metadata?: Data): void {
  put("metric", { type, value, metadata: { ...surroundings(), ...metadata } });
}

/** A step of a funnel. */
export function step(step: FunnelStep, { effect_id, ...metadata }: Data & { effect_id?: string } = {}): void {
  put("funnel", { step, effect_id, metadata: { ...surroundings(), ...metadata } });
}

/** Something that the user did, or that happened to the user. */
export function event(type: EventType, data?: Data): void {
  put("event", { event_type: type, event_data: { ...surroundings(), ...data } });
}

/** An alert, which is sent at once. */
export function alert(what: Alert, context?: Data): void {
  put("alert", { ...what, user_context: { ...device(), ...surroundings(), ...context } });
}

/** Whose beacons these are from now on; `null`: nobody's. */
export function identify(userId: string | null): void {
  user = userId ?? undefined;
}

/** Which release the page runs from now on. */
export function setRelease(name: string | undefined): void {
  release = name;
}

/** Sends what waits now. Resolves when that is done or cannot be done now; never rejects. */
export async function flush(): Promise<void> {
  await attempt(() => running?.way.flush());
}

/** What has become of the beacons so far. */
export function stats(): Stats | undefined {
  return running?.way.stats();
}

/** Stops, and takes back what was put in place. What waits is sent, or kept for the next page. */
export function close(): void {
  attempt(() => {
    const was = running;
    running = undefined;
    if (was) {
      all(was.undo)();
      was.way.stop();
    }
  });
}

function put(kind: Kind, fields: Data): void {
  attempt(() => {
    if (!running) {
      return;
    }
    const { options, session, way } = running;
    const nowMs = Date.now();
    const session_id = session(nowMs);
    if (!isSampled(session_id, options.sampleRate ?? 1)) {
      return;
    }
    try {
      const beacon: Beacon = {
        kind,
        event_id: uuid(),
        session_id,
        timestamp: new Date(nowMs).toISOString(),
        ...(user && { user_id: user }),
        ...fields,
      };
      const kept = options.beforeSend ? options.beforeSend(beacon) : beacon;
      if (kept) {
        way.push(kind, JSON.stringify(kept));
      }
    } catch {
      // Of a cycle, or of what looks at beacons: never sent unseen.
      way.push(kind);
    }
  });
}

const page = () => attempt(() => running?.options.page?.() ?? location.pathname, "");

const surroundings = (): Data => ({ page: page(), release, environment: running?.options.environment });

function device(): Data {
  const { userAgent } = navigator;
  return {
    browser: userAgent.match(/Firefox|Chrome|Safari/)?.[0] || "other",
    device_type: /Mobi/.test(userAgent) ? "mobile" : "desktop",
  };
}
