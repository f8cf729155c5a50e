/** Answers that several pages read. What one page alone reads stands beside that page. */

export type Role = "viewer" | "admin" | "owner";
/** How a value stands to the project's thresholds; `none` where there is no data or no threshold. */
export type State = "ok" | "warning" | "critical" | "none";

export interface User {
  id: string;
  email: string;
  name: string;
  is_instance_owner: boolean;
}

export interface Session {
  user: User;
  memberships: { project_id: string; role: Role }[];
  expires_at_ms: number;
}

export interface Threshold {
  statistic?: string;
  warning: number;
  critical: number;
}

export interface Project {
  id: string;
  name: string;
  time_zone: string;
  allowed_origins: string[];
  allow_keyless: boolean;
  revision: number;
  settings: {
    thresholds: Record<string, Threshold>;
    [other: string]: unknown;
  };
}

/** Statistics of a metric; without events all but `count` is null. */
export interface Statistics {
  count: number;
  avg: number | null;
  min: number | null;
  max: number | null;
  p50: number | null;
  p75: number | null;
  p90: number | null;
  p95: number | null;
  p99: number | null;
  error_share: number | null;
}

export interface MetricSummary extends Statistics {
  type: string;
  name?: string;
  group?: string;
  state: State;
  previous?: Statistics | null;
}

/** A stored beacon of any kind. */
export interface Beacon {
  kind: "event" | "metric" | "funnel" | "alert";
  event_id: string;
  ts: string;
  name: string;
  session_id: string;
  user_id: string;
  browser: string;
  os: string;
  device: string;
  country: string;
  page: string;
  value: number | null;
  fields: Record<string, unknown>;
  data: Record<string, unknown>;
}

export interface Marker {
  ts: string;
  release: string;
  source: "posted" | "first_seen";
}

export interface Series {
  type: string;
  name?: string;
  group: string | null;
  points: (Statistics & { ts: string })[];
}

export interface TimeSeries {
  interval_ms: number;
  from: string;
  to: string;
  timezone: string;
  series: Series[];
  markers: Marker[];
  kept_from?: string | null;
}
