/** Questions of a page, kept fresh while it is looked at, and changes with their failures. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { isLive } from "../range/live";
import { addressOf, ask, type Params } from "./client";
import { type Answer, ApiError, type Meta } from "./envelope";
import { canFollow, follow, isTold } from "./live";

export interface Question<T> {
  /** The last answer. It stays while the next one is fetched, also when the question has changed meanwhile. */
  data: T | undefined;
  meta: Meta | undefined;
  error: ApiError | undefined;
  /** There is nothing to show yet: draw a skeleton. */
  isLoading: boolean;
  /** `data` answers the question before this one: dim it. */
  isOld: boolean;
  /** Asks again, past what is kept. */
  again: () => void;
}

interface QuestionOptions {
  /** Asks again after so long; 0 never. Otherwise answers come by themselves, or when asking brings something new. */
  everyMs?: number;
  /** Never takes a kept answer: for what was changed by hand a moment ago. */
  fresh?: boolean;
  /** Leaves the page's project out. */
  everywhere?: boolean;
}

/** Without a stream of answers. */
const REFRESH_MIN_MS = 5_000;
const REFRESH_MAX_MS = 60_000;
/** With one: should it hang. */
const REFRESH_TOLD_MS = 60_000;
const BACK_OFF_MAX_MS = 60_000;

/** Whether an answer may be another one later: what ended in the past stays as it is. */
function isOpenEnded(params: Params): boolean {
  const to = params.to;
  return typeof to !== "string" || to.startsWith("now");
}

/**
 * Asks while the component is there: again when parameters change, when what is kept grows old, and when the tab is looked
 * at again. `path` null asks nothing. Ask for times before now (`from: "now-24h"`), which `useRange().params` does.
 */
export function useQuestion<T>(
  path: string | null,
  params: Params = {},
  options: QuestionOptions = {},
): Question<T> {
  const { everyMs, fresh, everywhere } = options;
  const address = path === null ? null : addressOf(path, params, everywhere);
  // What the server is asked to tell anew: without the project, which the stream is about.
  const told =
    path !== null && everyMs === undefined && !fresh && canFollow(path)
      ? addressOf(path, params, true)
      : null;
  const [state, setState] = useState<{
    address?: string;
    data?: T;
    meta?: Meta;
    error?: ApiError;
  }>({});
  const asked = useRef<(() => void) | undefined>(undefined);
  const live = isLive.value;
  const openEnded = isOpenEnded(params);

  // The address says all that path and params say.
  useEffect(() => {
    if (address === null || path === null) {
      return;
    }
    let stop = new AbortController();
    let timer = 0;
    let failures = 0;
    let isDue = false;
    let over = false;

    const later = (waitMs: number) => {
      clearTimeout(timer);
      timer = window.setTimeout(() => {
        if (document.hidden) {
          isDue = true;
        } else {
          run(false);
        }
      }, waitMs);
    };

    const take = (answer: Answer<T>) => {
      setState({ address, data: answer.data, meta: answer.meta });
      again(answer.meta);
    };

    const again = (meta: Meta) => {
      failures = 0;
      const hintMs = (meta.performance_hints?.suggested_cache_duration ?? 10) * 1000;
      const hintedMs = Math.min(Math.max(hintMs + 200, REFRESH_MIN_MS), REFRESH_MAX_MS);
      const ownMs = meta.degraded ? REFRESH_MIN_MS : (everyMs ?? hintedMs);
      const waitMs = told !== null && isTold(told) ? REFRESH_TOLD_MS : ownMs;
      if (ownMs > 0 && live && openEnded) {
        later(waitMs);
      }
    };

    const run = async (byHand: boolean) => {
      clearTimeout(timer);
      isDue = false;
      stop.abort();
      const own = new AbortController();
      stop = own;
      try {
        const answer = await ask<T>(path, params, {
          signal: own.signal,
          fresh: byHand || (fresh ?? false),
          everywhere: everywhere ?? false,
        });
        if (over || own.signal.aborted) {
          return;
        }
        take(answer);
      } catch (fault) {
        if (over || own.signal.aborted || !(fault instanceof ApiError)) {
          return;
        }
        failures += 1;
        setState((before) =>
          fault.fallback === undefined
            ? { ...before, error: fault }
            : {
                address,
                data: fault.fallback as T,
                meta: { processing_time: 0, degraded: true },
                error: fault,
              },
        );
        if (fault.retrySuggested || fault.status === 429) {
          const backOffMs = Math.min(2_000 * 2 ** (failures - 1), BACK_OFF_MAX_MS);
          later(Math.max(backOffMs, fault.retryAfterMs ?? 0));
        }
      }
    };

    const seen = () => {
      if (!document.hidden && isDue) {
        run(false);
      }
    };
    asked.current = () => run(true);
    document.addEventListener("visibilitychange", seen);
    run(false);
    const unfollow =
      told !== null && live && openEnded
        ? follow(told, {
            answer: (answer) => {
              stop.abort();
              take(answer as Answer<T>);
            },
            unchanged: (meta) => {
              setState((before) =>
                before.address === address && !before.error ? { ...before, meta } : before,
              );
              again(meta);
            },
            failed: () => run(false),
          })
        : undefined;
    return () => {
      over = true;
      unfollow?.();
      stop.abort();
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", seen);
    };
  }, [address, told, everyMs, fresh, live, openEnded]);

  const again = useCallback(() => asked.current?.(), []);
  const isOld = address !== null && state.address !== address;
  return {
    data: state.data,
    meta: state.meta,
    error: state.error,
    isLoading: address !== null && state.data === undefined && state.error === undefined,
    isOld: isOld && state.data !== undefined,
    again,
  };
}

export interface Change<A extends unknown[]> {
  /** Does it; gives false when it failed, and then `error` says why. */
  run: (...args: A) => Promise<boolean>;
  isBusy: boolean;
  error: ApiError | undefined;
  forget: () => void;
}

/** A change that a form or a button makes: `const save = useChange(async (name) => { await send("POST", …) })`. */
export function useChange<A extends unknown[]>(make: (...args: A) => Promise<unknown>): Change<A> {
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError>();
  const latest = useRef(make);
  latest.current = make;
  const run = useCallback(async (...args: A) => {
    setBusy(true);
    setError(undefined);
    try {
      await latest.current(...args);
      return true;
    } catch (fault) {
      setError(fault instanceof ApiError ? fault : new ApiError(0, { error: String(fault) }));
      return false;
    } finally {
      setBusy(false);
    }
  }, []);
  return { run, isBusy, error, forget: useCallback(() => setError(undefined), []) };
}
