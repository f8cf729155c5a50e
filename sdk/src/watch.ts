/** What the SDK sees by itself. Each watcher gives back what undoes it. */
import { attempt } from "./attempt.js";
import { endpointOf } from "./endpoint.js";
import type { Data } from "./types.js";

export type Undo = () => void;

/** Undoes all of them. */
export const all =
  (undo: Undo[]): Undo =>
  () => {
    for (const each of undo) {
      each();
    }
  };
type TellEvent = (type: string, data: Data) => void;
type TellMetric = (type: "page_load_time" | "api_response_time", value: number, metadata: Data) => void;

/** Different errors that are told of in a page view: a broken loop must not drown the rest. */
const ERRORS_MAX = 20;
/** The service cuts texts at 1,024 characters. */
const STACK_CHARS_MAX = 1_000;

/** Listens until it is undone; what the listener throws stays here. */
export function on(target: EventTarget | undefined, types: string, listener: (event: never) => void): Undo {
  const safe = (event: unknown) => attempt(() => listener(event as never));
  const each = types.split(" ");
  for (const type of each) {
    target?.addEventListener(type, safe);
  }
  return () => {
    for (const type of each) {
      target?.removeEventListener(type, safe);
    }
  };
}

/** Errors that nobody caught and that are not among those seen. */
export function watchErrors(event: TellEvent, seen: Set<string>): Undo {
  return on(
    globalThis,
    "error unhandledrejection",
    ({ type, error, reason, message }: ErrorEvent & PromiseRejectionEvent) => {
      const thrown = error ?? reason;
      const text = thrown?.message || message || String(thrown);
      const stack = `${thrown?.stack || ""}`.slice(0, STACK_CHARS_MAX);
      const key = text + stack;
      if (seen.size < ERRORS_MAX && !seen.has(key)) {
        seen.add(key);
        event("error_occurrence", {
          message: text,
          name: thrown?.name,
          stack,
          origin: type,
        });
      }
    },
  );
}

/** How the page was come to. */
export const navigationEntry = () =>
  performance.getEntriesByType("navigation")[0] as
    | (PerformanceNavigationTiming & { activationStart?: number })
    | undefined;

/** How long the page took to load, once it has. */
export function watchLoad(metric: TellMetric): Undo {
  const tell = () =>
    // The load event has to be over for its end to be known.
    setTimeout(() => {
      const entry = navigationEntry();
      if (entry?.loadEventEnd) {
        const value = Math.max(0, entry.loadEventEnd - (entry.activationStart || 0));
        metric("page_load_time", value, { navigation_type: entry.type });
      }
    });
  if (document.readyState === "complete") {
    tell();
    return () => {};
  }
  return on(globalThis, "load", tell);
}

/** Calls when the address changes without a new document. */
export function watchAddress(changed: () => void): Undo {
  const { navigation } = globalThis as { navigation?: EventTarget };
  if (navigation) {
    return on(navigation, "currententrychange", changed);
  }
  return all([
    on(globalThis, "popstate", changed),
    replace(
      history,
      "pushState",
      (original) =>
        function (this: History, ...rest) {
          original.apply(this, rest);
          changed();
        },
    ),
  ]);
}

/** Puts a function in the place of another, until it is undone; what somebody else has put over it stays. */
function replace<T extends object, N extends keyof T>(
  target: T,
  name: N,
  make: (original: T[N]) => T[N],
): Undo {
  const original = target[name];
  const own = make(original);
  target[name] = own;
  return () => {
    if (target[name] === own) {
      target[name] = original;
    }
  };
}

/** Measures requests from the call to the head of the answer. */
export function watchRequests(
  metric: TellMetric,
  filter: true | ((url: URL) => boolean),
  endpoint: string,
): Undo {
  let isOn = true;
  const tell = (
    address: string | URL,
    method: string,
    startedMs: number,
    status: number,
    failure: string,
  ) => {
    attempt(() => {
      const { origin } = location;
      const url = new URL(address, document.baseURI);
      const isChosen = url.origin === origin || (filter !== true && filter(url));
      // What was given up says how long somebody had patience, not how long it took.
      if (isOn && isChosen && failure !== "abort" && !url.href.startsWith(endpoint)) {
        metric("api_response_time", performance.now() - startedMs, {
          api_endpoint: endpointOf(url, origin),
          method: method.toUpperCase(),
          status: status || undefined,
          error_context: failure && `request ${failure}`,
        });
      }
    });
  };
  const undo = [
    replace(
      globalThis,
      "fetch",
      (original) =>
        function (this: unknown, input, init) {
          const startedMs = performance.now();
          const request = input as Request;
          const told = (status: number, failure: string) =>
            tell(
              request.url || String(input),
              init?.method || request.method || "GET",
              startedMs,
              status,
              failure,
            );
          return original.call(this as never, input, init).then(
            (answer) => {
              told(answer.status, "");
              return answer;
            },
            (error) => {
              // What aborts may give a reason of its own: anything.
              const isTimeout = error?.name === "TimeoutError";
              told(0, isTimeout ? "timeout" : (init?.signal || request.signal)?.aborted ? "abort" : "error");
              throw error;
            },
          );
        },
    ),
  ];
  const Xhr = globalThis.XMLHttpRequest?.prototype;
  if (Xhr) {
    const opened = new WeakMap<XMLHttpRequest, [method: string, url: string | URL]>();
    undo.push(
      replace(
        Xhr,
        "open",
        (original) =>
          function (this: XMLHttpRequest, ...rest: unknown[]) {
            opened.set(this, [String(rest[0]), rest[1] as string]);
            return original.apply(this, rest as never);
          } as typeof original,
      ),
      replace(
        Xhr,
        "send",
        (original) =>
          function (this: XMLHttpRequest, body) {
            const [method, url] = opened.get(this) || [];
            if (url) {
              const startedMs = performance.now();
              let failure = "";
              const undo = on(this, "error timeout abort loadend", ({ type }: Event) => {
                if (type === "loadend") {
                  tell(url, method || "", startedMs, this.status, failure);
                  undo();
                } else {
                  failure = type;
                }
              });
            }
            return original.call(this, body);
          },
      ),
    );
  }
  return () => {
    isOn = false;
    all(undo)();
  };
}
