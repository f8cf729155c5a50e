export type Level = "info" | "warning" | "error" | "critical";
export const LEVELS: readonly Level[] = ["info", "warning", "error", "critical"];

export interface Alert {
  id: string;
  source: "rule" | "client" | "fresnel";
  rule_id: string | null;
  title: string;
  level: Level;
  labels: Record<string, string>;
  value: number | null;
  threshold: number | null;
  count: number;
  sessions: number;
  started_at_ms: number;
  updated_at_ms: number;
  resolved_at_ms: number | null;
  resolution: "recovered" | "rule_changed" | null;
  acknowledged: { actor_name?: string; name?: string; at_ms: number } | null;
}

export interface AlertEvent {
  id: string;
  at_ms: number;
  event: "fired" | "changed" | "acknowledged" | "resolved";
  level: Level;
  value: number | null;
  actor_name: string | null;
}

export interface TrendDay {
  day_ms: number;
  info: number;
  warning: number;
  error: number;
  critical: number;
  total: number;
  mean_time_to_resolve_ms: number | null;
}

/** One condition on the labels of alerts. */
export interface Matching {
  label: string;
  values: string[];
  is_not?: boolean;
}

export interface Silence {
  id: string;
  matcher: Matching[];
  starts_at_ms: number;
  ends_at_ms: number;
  comment?: string | null;
  created_by: { name: string };
}

export type WatchKind = "single" | "metric" | "events" | "cache_hit_rate" | "memory" | "ledger" | "vendor";

export type LedgerMeasure = "missing" | "client_lost" | "dropped_share";
export type VendorMeasure = "error_rate" | "availability" | "timeout_share" | "response_ms" | "burn_rate";

export interface Watch {
  kind: WatchKind;
  type?: string;
  name?: string;
  aggregate?: string;
  window_ms?: number;
  events_min?: number;
  filters?: Record<string, string[]>;
  group_by?: string[];
  beacon?: "event" | "funnel" | "alert";
  names?: string[];
  per_minute?: boolean;
  lookups_min?: number;
  measure?: LedgerMeasure | VendorMeasure;
  integrations?: string[];
  seen_min?: number;
}

export type Thresholds = { direction: "above" | "below" } & Partial<Record<Level, number>>;

export interface RuleDefinition {
  name: string;
  description?: string;
  runbook_url?: string;
  is_enabled: boolean;
  watch: Watch;
  thresholds: Thresholds;
  for_ms: number;
  keep_firing_for_ms?: number;
  no_data: "keep" | "ok" | "fire";
}

export type Phase = "ok" | "pending" | "firing" | "recovering" | "no_data";

export interface Rule extends RuleDefinition {
  id: string;
  revision: number;
  phase: Phase;
  /** How many groups do not stand well. */
  groups: number;
}

export type ChannelKind = "webhook" | "slack" | "pager_duty" | "alertmanager" | "email";

export interface Channel {
  id: string;
  name: string;
  is_enabled: boolean;
  level_min: Level;
  matcher: Matching[];
  group_wait_ms: number;
  remind_after_ms?: number;
  escalate_after_ms?: number;
  weekly_report: boolean;
  target: { kind: ChannelKind; url?: string; recipients?: string[]; is_readable: boolean };
  disabled_reason: string | null;
  revision: number;
}

export interface Notice {
  event: string;
  at_ms: number;
  alert_id: string;
  title: string;
  level: Level;
  labels: Record<string, string>;
}

export interface Try {
  id: string;
  number: number;
  at_ms: number;
  took_ms: number;
  outcome: "delivered" | "retried" | "given_up";
  request_line: string;
  request_headers: string;
  request_body: string;
  status: number | null;
  response_headers: string;
  response_body: string;
  error: string | null;
}

export interface Delivery {
  id: string;
  message_id: string | null;
  channel_id: string;
  notice: Notice;
  state: "waiting" | "delivered" | "dead";
  attempts: number;
  next_at_ms: number;
  last_error: string | null;
  created_at_ms: number;
  updated_at_ms: number;
  tries?: Try[];
}
