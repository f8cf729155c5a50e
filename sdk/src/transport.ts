/**
 * The way to the service. Beacons wait as texts, are cut into batches, and a batch is kept until the service has answered
 * for it: 202, or a refusal for good. What has no answer yet when the page goes away is also written into localStorage, from
 * where the next page sends it again, with the same ids: the service stores each once. So what the browser's
 * last-minute requests do not deliver is only late.
 */
import { attempt } from "./attempt.js";
import { delayMs } from "./backoff.js";
import {
  addLost,
  BATCH_BYTES_MAX,
  type Batch,
  bodyOf,
  bytesOf,
  cut,
  fits,
  type Item,
  type Lost,
  lostOf,
} from "./batch.js";
import type { Store } from "./store.js";
import type { Kind, Stats } from "./types.js";
import { uuid } from "./uuid.js";

/** Requests that outlive the page may have 64 KiB of bodies under way, those of the page itself among them. */
const KEEPALIVE_BYTES_MAX = 60_000;
/** Most characters of what is kept for the next page. */
const STORED_CHARS_MAX = 262_144;
/** The service knows ids for a day: what is older might be stored twice. */
const AGE_MAX_MS = 86_400_000;
/** A request without an answer after this time has failed. */
const TIMEOUT_MS = 30_000;

export interface Transport {
  /** Takes a beacon; without a text it is one that could not be made into one, and lost. */
  push(kind: Kind, json?: string): void;
  /** Sends what waits; resolves when it is sent, or cannot be sent now. */
  flush(): Promise<void>;
  /** The page is hidden, or (`isLast`) perhaps leaves for good. */
  hide(isLast: boolean): void;
  /** The page is there: begins to send, with what earlier pages have left. */
  show(): void;
  /** There is a network again. */
  online(): void;
  stats(): Stats;
  stop(): void;
}

/** What the service answers to a batch. */
interface Answer {
  accepted: number;
  rejected: { code: string }[];
}

export interface Way {
  url: string;
  /** Begins the names in the store. */
  prefix: string;
  store: Store;
  /** The page's fetch as it was found. */
  fetch: typeof fetch;
  flushAfterMs: number;
  queueBytesMax: number;
}

export function transport({ url, prefix, store, fetch, flushAfterMs, queueBytesMax }: Way): Transport {
  const lostName = `${prefix}lost`;
  const batchPrefix = `${prefix}batch.`;
  let open: Item[] = [];
  let openBytes = 0;
  let batches: Batch[] = [];
  const underWay = new Set<Batch>();
  const stored = new Set<Batch>();
  let underWayBytes = 0;
  let lost: Lost = {};
  let failures = 0;
  let notBeforeMs = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let timerMs = Number.POSITIVE_INFINITY;
  let isGone = false;
  let isGoneForGood = false;
  let isStarted = false;
  let pumping: Promise<void> | undefined;
  const counts = { recorded: 0, sent: 0, refused: 0, lost: 0 };

  const lose = (items: Item[]) => {
    addLost(lost, lostOf(items));
    counts.lost += items.length;
  };

  const later = (delay: number) => {
    const atMs = Date.now() + delay;
    if (isStarted && atMs < timerMs) {
      clearTimeout(timer);
      timerMs = atMs;
      timer = setTimeout(() => {
        timerMs = Number.POSITIVE_INFINITY;
        // Not while the page has something better to do; the second argument of the fallback is a time too.
        (globalThis.requestIdleCallback || setTimeout)(() => void flush());
      }, delay);
    }
  };

  const gather = () => {
    for (const items of cut(open)) {
      batches.push({ key: batchPrefix + uuid(), at: Date.now(), items, lost });
      lost = {};
    }
    open = [];
    openBytes = 0;
  };

  const forget = (batch: Batch) => {
    batches = batches.filter((other) => other !== batch);
    stored.delete(batch);
    store.remove(batch.key);
  };

  const giveUp = (batch: Batch) => {
    forget(batch);
    addLost(lost, batch.lost);
    lose(batch.items);
  };

  const again = (retryAfter: string | null) => {
    const delay = delayMs(++failures, retryAfter, Math.random());
    notBeforeMs = Date.now() + delay;
    later(delay);
  };

  const settle = async (batch: Batch, answer: Response) => {
    const { status } = answer;
    // Another 2xx is not the service's: a portal of a hotel, perhaps.
    if (status !== 202 && (status < 400 || status === 408 || status === 429 || status >= 500)) {
      return again(answer.headers.get("Retry-After"));
    }
    const text = await answer.text();
    failures = 0;
    if (status === 202) {
      const { accepted, rejected }: Answer = JSON.parse(text).data;
      if (/"(over_quota|under_way)"/.test(text)) {
        // Once more, for what could not be taken yet; the service knows the rest again, and what was lost.
        batch.lost = {};
        stored.delete(batch);
        return again(null);
      }
      forget(batch);
      counts.sent += accepted;
      counts.refused += rejected.length;
    } else {
      // The ledger knows what the service refuses, unless it does not know whose it is.
      if (status === 401 || status === 403 || !text.startsWith('{"success"')) {
        giveUp(batch);
      } else {
        forget(batch);
        addLost(lost, batch.lost);
        counts.refused += batch.items.length;
      }
    }
  };

  const send = async (batch: Batch) => {
    const body = bodyOf(batch, Date.now());
    const bytes = bytesOf(body);
    const keepalive = underWayBytes + bytes <= KEEPALIVE_BYTES_MAX;
    underWay.add(batch);
    underWayBytes += bytes;
    try {
      await settle(
        batch,
        // A text needs no preflight, which a page that leaves would not live to see the end of.
        await fetch(url, {
          method: "POST",
          body,
          keepalive,
          credentials: "omit",
          signal: AbortSignal.timeout(TIMEOUT_MS),
        }),
      );
    } catch {
      again(null);
    }
    underWay.delete(batch);
    underWayBytes -= bytes;
  };

  const next = () => batches.find((batch) => !underWay.has(batch));

  const mayPump = () => isStarted && !isGone && navigator.onLine;

  const pump = async () => {
    // Never over before its promise is kept.
    await 0;
    for (let batch = next(); batch && mayPump() && Date.now() >= notBeforeMs; batch = next()) {
      await send(batch);
    }
    pumping = undefined;
    if (mayPump() && next()) {
      later(Math.max(50, notBeforeMs - Date.now()));
    }
  };

  const flush = (): Promise<void> => {
    gather();
    pumping ||= pump();
    return pumping;
  };

  const keep = () => {
    let chars = store.names(prefix).reduce((sum, name) => sum + (store.get(name) || "").length, 0);
    for (const batch of batches) {
      const text = JSON.stringify(batch);
      if (!stored.has(batch) && chars + text.length <= STORED_CHARS_MAX && store.set(batch.key, text)) {
        stored.add(batch);
        chars += text.length;
      }
    }
  };

  /** Something kept; nothing when somebody has tampered with it. */
  const read = (name: string) => attempt(() => JSON.parse(store.get(name) || "null"));

  const keepLost = () => {
    const all = addLost(read(lostName) || {}, lost);
    if (Object.keys(lost).length && store.set(lostName, JSON.stringify(all))) {
      lost = {};
    }
  };

  const hide = (isLast: boolean) => {
    isStarted = isGone = true;
    isGoneForGood ||= isLast;
    gather();
    keep();
    for (const batch of batches) {
      // What is kept can wait for the next page, when it is not the time.
      const mayGo = Date.now() >= notBeforeMs || !stored.has(batch);
      if (mayGo && !underWay.has(batch) && underWayBytes + BATCH_BYTES_MAX <= KEEPALIVE_BYTES_MAX) {
        void send(batch);
      }
      if (isGoneForGood && !underWay.has(batch) && !stored.has(batch)) {
        giveUp(batch);
      }
    }
    keepLost();
  };

  const load = () => {
    addLost(lost, read(lostName) || {});
    store.remove(lostName);
    // What another page has brought home meanwhile.
    for (const batch of stored) {
      if (store.get(batch.key) === null && !underWay.has(batch)) {
        forget(batch);
      }
    }
    for (const name of store.names(batchPrefix)) {
      if (!batches.some((batch) => batch.key === name)) {
        const batch: Batch | undefined = read(name);
        if (batch?.items) {
          stored.add(batch);
          batches.push(batch);
          if (Date.now() - batch.at > AGE_MAX_MS) {
            giveUp(batch);
          }
        }
      }
    }
  };

  return {
    push(kind, json = "") {
      const item: Item = [kind, json, bytesOf(json)];
      const waiting = batches.reduce(
        (sum, { items }) => items.reduce((all, [, , bytes]) => all + bytes, sum),
        openBytes,
      );
      counts.recorded++;
      if (!json || !fits(item) || waiting + item[2] > queueBytesMax) {
        lose([item]);
        return;
      }
      open.push(item);
      openBytes += item[2];
      if (isGone) {
        // Such as a web vital, which is known when the page is hidden.
        queueMicrotask(() => hide(false));
      } else {
        later(kind === "alert" || openBytes > BATCH_BYTES_MAX * 0.8 ? 0 : flushAfterMs);
      }
    },
    flush,
    hide,
    show() {
      isStarted = true;
      isGone = isGoneForGood = false;
      load();
      later(batches.length ? 0 : flushAfterMs);
    },
    stats: () => ({
      ...counts,
      waiting: batches.reduce((sum, { items }) => sum + items.length, open.length),
    }),
    online() {
      notBeforeMs = failures = 0;
      later(0);
    },
    stop() {
      hide(true);
      isStarted = false;
      clearTimeout(timer);
    },
  };
}
