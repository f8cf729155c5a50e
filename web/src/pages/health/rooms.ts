/** Each part of a node: how it stands, in words. */
import { bytes, count, duration, exact, percent } from "../../format";
import type { Health } from "./types";

export type Tone = "good" | "warning" | "critical";

export interface Room {
  id: string;
  title: string;
  tone: Tone;
  /** One word or two. */
  state: string;
  /** What there is to know. */
  more: string;
  /** Something to do, when it is not well. */
  todo?: string;
}

export function roomsOf(health: Health): Room[] {
  return [
    log(health),
    delivery(health),
    warehouse(health),
    breaker(health),
    engine(health),
    memory(health),
    cache(health),
    redis(health),
  ].filter((room) => room !== undefined);
}

function log({ wal }: Health): Room {
  const damaged = wal.damaged_segments > 0 || wal.frames_lost > 0;
  const more = [
    `${bytes(wal.bytes_on_disk)} on disk`,
    `${exact(wal.rows_waiting)} rows waiting${wal.oldest_age_ms === null ? "" : `, the oldest for ${duration(wal.oldest_age_ms)}`}`,
    `last commit ${duration(wal.last_commit_us / 1_000)}`,
    damaged && `${exact(wal.damaged_segments)} damaged segments, ${exact(wal.frames_lost)} frames lost`,
  ];
  const room = { id: "log", title: "Log on disk", more: more.filter(Boolean).join(" · ") };
  if (wal.poisoned) {
    return {
      ...room,
      tone: "critical",
      state: "Cannot be written",
      todo: "The disk failed: mend it, then start Fresnel again.",
    };
  }
  if (wal.full) {
    return {
      ...room,
      tone: "critical",
      state: "Full",
      todo: "Beacons are refused until there is room: see the warehouse, the disk and wal.max_bytes.",
    };
  }
  return damaged
    ? {
        ...room,
        tone: "warning",
        state: "Damaged",
        todo: "Some of it could not be read at the start: look at the service's log.",
      }
    : { ...room, tone: "good", state: "Takes beacons" };
}

function delivery({ flush }: Health): Room {
  const more = [
    `${count(flush.rows)} rows stored since the start`,
    flush.retries > 0 && `${exact(flush.retries)} tries again`,
    flush.dead_letters > 0 && `${exact(flush.dead_letters)} dead letters`,
    flush.segments_unreadable > 0 && `${exact(flush.segments_unreadable)} segments could not be read`,
    flush.last_error,
  ];
  const room = { id: "delivery", title: "Way to the warehouse", more: more.filter(Boolean).join(" · ") };
  if (flush.last_error !== null) {
    const since = flush.failing_ms === null ? "" : ` for ${duration(flush.failing_ms)}`;
    return {
      ...room,
      tone: "warning",
      state: `Fails${since}`,
      todo: "Nothing is lost: the log holds it, and it is tried again.",
    };
  }
  return flush.dead_letters > 0
    ? {
        ...room,
        tone: "warning",
        state: "Has dead letters",
        todo: "The warehouse refused rows: scripts/insert-dead-letters stores them once the cause is mended.",
      }
    : { ...room, tone: "good", state: "Delivers" };
}

function warehouse({ warehouse }: Health): Room {
  const room = { id: "warehouse", title: "Warehouse", more: "ClickHouse, which stores and answers" };
  return warehouse.connected
    ? { ...room, tone: "good", state: "Connected" }
    : {
        ...room,
        tone: "critical",
        state: "Away",
        todo: "Beacons are still taken; questions get the last good answers.",
      };
}

function breaker({ warehouse: { breaker } }: Health): Room {
  const room = {
    id: "breaker",
    title: "Breaker of questions",
    more: `${exact(breaker.failures)} failures in a row · opened ${exact(breaker.opened)} times since the start`,
  };
  switch (breaker.state) {
    case "closed":
      return { ...room, tone: "good", state: "Closed: questions go through" };
    case "half_open":
      return { ...room, tone: "warning", state: "Half open: trying one question" };
    default:
      return {
        ...room,
        tone: "critical",
        state: "Open: the warehouse is left alone",
        todo: "It failed too often, and is tried again by itself.",
      };
  }
}

const ENGINE: Record<string, { tone: Tone; state: string; todo?: string }> = {
  ready: { tone: "good", state: "Answers" },
  starting: { tone: "warning", state: "Starting" },
  silent: {
    tone: "warning",
    state: "Silent",
    todo: "It lives and does not answer: too much to do, or too little memory.",
  },
  pausing: {
    tone: "critical",
    state: "Died, starts again",
    todo: "Look at the service's log; memory is the most frequent cause.",
  },
  stopped: { tone: "critical", state: "Stopped", todo: "Start Fresnel again." },
};

function engine({ engine }: Health): Room | undefined {
  if (!engine) {
    return undefined;
  }
  const known = ENGINE[engine.state] ?? { tone: "warning" as const, state: engine.state };
  const more = [
    engine.pid !== null && `process ${engine.pid}`,
    engine.start_ms !== null && `started in ${duration(engine.start_ms)}`,
    `${exact(engine.restarts)} starts after a death`,
    engine.last_error,
  ];
  return { id: "engine", title: "Embedded ClickHouse", more: more.filter(Boolean).join(" · "), ...known };
}

function memory({ memory }: Health): Room {
  const room = {
    id: "memory",
    title: "Memory",
    more: `${bytes(memory.resident_bytes)} of ${bytes(memory.limit_bytes)} (${percent(memory.resident_bytes / memory.limit_bytes)}), which the ${memory.limit_from} allows`,
  };
  switch (memory.level) {
    case "ok":
      return { ...room, tone: "good", state: "Enough" };
    case "critical":
      return {
        ...room,
        tone: "critical",
        state: "Short",
        todo: "Questions are refused until there is more. Beacons are taken.",
      };
    default:
      return { ...room, tone: "warning", state: "Getting short", todo: "Less is kept in memory." };
  }
}

function cache({ cache }: Health): Room {
  const room = {
    id: "cache",
    title: "Kept answers",
    more: `${exact(cache.entries)} answers, ${bytes(cache.bytes)} · ${count(cache.hits)} of ${count(cache.lookups)} questions since the start · ${exact(cache.degraded)} with an old answer · ${exact(cache.failed)} without any`,
  };
  return cache.enabled
    ? {
        ...room,
        tone: "good",
        state: cache.hit_rate === null ? "Nothing asked yet" : `${percent(cache.hit_rate)} hits`,
      }
    : {
        ...room,
        tone: "warning",
        state: "Off",
        todo: "Each question goes to the warehouse (cache.enabled).",
      };
}

function redis({ cache: { redis } }: Health): Room | undefined {
  if (!redis) {
    return undefined;
  }
  const asked = redis.hits + redis.misses + redis.unanswered;
  const room = {
    id: "redis",
    title: "Redis, shared with other nodes",
    more: `${exact(redis.hits)} found · ${exact(redis.misses)} not found · ${exact(redis.unanswered)} not answered in time`,
  };
  return asked > 0 && redis.unanswered > asked / 10
    ? { ...room, tone: "warning", state: "Slow or away", todo: "Each node goes on by itself." }
    : { ...room, tone: "good", state: "Answers" };
}
