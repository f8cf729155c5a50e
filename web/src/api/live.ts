/**
 * Answers that the server tells anew while the page is looked at: one stream for all questions of the page. Where there is no
 * stream (a proxy that holds it back, too many listeners), questions ask for themselves by their timers.
 */
import { effect, signal } from "@preact/signals";
import { isLive } from "../range/live";
import { addressOf } from "./client";
import type { Answer, Meta } from "./envelope";

/** Who follows the answers to one question. */
export interface Follower {
  answer: (answer: Answer<unknown>) => void;
  /** The answer is the one of before, calculated anew. */
  unchanged: (meta: Meta) => void;
  /** There is none: the question should be asked for itself. */
  failed: () => void;
}

/** Age at which an answer is replaced. With the time that it takes to come, panels are at most 10 s old. */
const MAX_AGE_MS = 8_000;
/** Questions come and go together with their page: so long is waited for the others. */
const GATHER_MS = 250;
/** When the server has refused: how long until it is asked again. Streams that only break come again by themselves. */
const AGAIN_MS = 10_000;
/** As many as the server takes, and as fit into an address. */
const QUESTIONS_MAX = 32;
const ADDRESS_CHARS_MAX = 7_000;

/** What has answers that are kept. Everything else is control data, or asked anew each time. */
const QUESTIONS =
  /^\/api\/(dashboard\/|analytics\/(performance|events|impact|sessions|errors)(\/|$)|analytics\/funnel$)/;

const followers = new Map<string, Set<Follower>>();
const isVisible = signal(document.visibilityState === "visible");
document.addEventListener("visibilitychange", () => {
  isVisible.value = document.visibilityState === "visible";
});

let stream: EventSource | undefined;
let told = new Set<string>();
let gathering = 0;

/** Whether a path is one whose answers can be followed. */
export const canFollow = (path: string) => QUESTIONS.test(path);

/** Whether the answers of a question come by themselves now. */
export const isTold = (ask: string) => told.has(ask) && stream?.readyState === EventSource.OPEN;

/** Follows the answers to a question, path and query string without the project; gives what ends it. */
export function follow(ask: string, follower: Follower): () => void {
  const all = followers.get(ask) ?? new Set();
  followers.set(ask, all.add(follower));
  gather();
  return () => {
    all.delete(follower);
    if (all.size === 0) {
      followers.delete(ask);
      gather();
    }
  };
}

function gather(waitMs = GATHER_MS) {
  clearTimeout(gathering);
  gathering = window.setTimeout(listen, waitMs);
}

function close() {
  stream?.close();
  stream = undefined;
  told = new Set();
}

function listen() {
  const wanted: string[] = [];
  let chars = 0;
  for (const ask of followers.keys()) {
    chars += encodeURIComponent(ask).length + 5;
    if (wanted.length < QUESTIONS_MAX && chars < ADDRESS_CHARS_MAX) {
      wanted.push(ask);
    }
  }
  if (wanted.length === 0 || !isVisible.peek() || !isLive.peek()) {
    close();
    return;
  }
  if (stream?.readyState !== EventSource.CLOSED && sameAs(wanted)) {
    return;
  }
  close();
  told = new Set(wanted);
  stream = new EventSource(addressOf("/api/live", { ask: wanted, max_age_ms: MAX_AGE_MS }));
  const to = (event: MessageEvent<string>, tell: (follower: Follower, data: never) => void) => {
    const data = JSON.parse(event.data) as { ask: string };
    for (const follower of followers.get(data.ask) ?? []) {
      tell(follower, data as never);
    }
  };
  stream.addEventListener("answer", (event) =>
    to(event, (follower, data: { answer: Answer<unknown> }) => follower.answer(data.answer)),
  );
  stream.addEventListener("unchanged", (event) =>
    to(event, (follower, data: { meta: Meta }) => follower.unchanged(data.meta)),
  );
  stream.addEventListener("failed", (event) => to(event, (follower) => follower.failed()));
  stream.addEventListener("error", () => {
    if (stream?.readyState === EventSource.CLOSED) {
      gather(AGAIN_MS);
    }
  });
}

/** Follows one question on a stream of its own, whose answers are replaced at another age; gives what ends it. */
export function followAs(path: string, maxAgeMs: number, tell: (data: unknown) => void): () => void {
  return effect(() => {
    if (!isVisible.value) {
      return;
    }
    let own: EventSource;
    let timer = 0;
    let last: unknown;
    const open = () => {
      own = new EventSource(addressOf("/api/live", { ask: [path], max_age_ms: maxAgeMs }));
      own.addEventListener("answer", (event) => {
        last = (JSON.parse(event.data) as { answer: Answer<unknown> }).answer.data;
        tell(last);
      });
      own.addEventListener("unchanged", () => tell(last));
      own.addEventListener("error", () => {
        if (own.readyState === EventSource.CLOSED) {
          timer = window.setTimeout(open, AGAIN_MS);
        }
      });
    };
    open();
    return () => {
      clearTimeout(timer);
      own.close();
    };
  });
}

const sameAs = (wanted: string[]) => wanted.length === told.size && wanted.every((ask) => told.has(ask));

// Not while nobody looks: without HTTP/2 a browser has six connections for all tabs of a host.
effect(() => {
  if (isVisible.value && isLive.value) {
    gather();
  } else {
    clearTimeout(gathering);
    close();
  }
});
