/** `GET /api/health`: the status for everybody, the rest for instance owners. All sums are since the start of the node. */
export interface Health {
  status: "ok" | "degraded" | "unavailable";
  version?: string;
  uptime_ms: number;
  process: { resident_bytes: number; cpu_ms: number };
  memory: { level: string; resident_bytes: number; limit_bytes: number; limit_from: string };
  wal: {
    bytes_on_disk: number;
    segments_waiting: number;
    rows_waiting: number;
    oldest_age_ms: number | null;
    pending_bytes: number;
    commits: number;
    rows: number;
    last_commit_us: number;
    full: boolean;
    poisoned: boolean;
    damaged_segments: number;
    frames_lost: number;
  };
  flush: {
    rows: number;
    segments: number;
    dead_letters: number;
    already_stored: number;
    retries: number;
    tries_failed: number;
    last_error: string | null;
    failing_ms: number | null;
    segments_unreadable: number;
  };
  warehouse: {
    connected: boolean;
    breaker: { state: "closed" | "open" | "half_open"; failures: number; opened: number };
    slow_queries: SlowQuery[];
  };
  cache: {
    enabled: boolean;
    entries: number;
    bytes: number;
    lookups: number;
    hits: number;
    degraded: number;
    failed: number;
    hit_rate: number | null;
    redis?: { hits: number; misses: number; unanswered: number };
  };
  engine?: {
    state: string;
    pid: number | null;
    restarts: number;
    start_ms: number | null;
    last_error: string | null;
  };
}

export interface SlowQuery {
  query: string;
  duration_ms: number;
  at_ms: number;
  times: number;
}

export interface KeptAnswer {
  key: string;
  kind: string;
  bytes: number;
  age_ms: number;
  hits: number;
  /** 0 when it is no longer fresh. */
  expires_ms: number;
}
