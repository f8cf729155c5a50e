import type { State } from "../../api/types";

export interface Kpi {
  value: number | null;
  previous: number | null;
  change: number | null;
}

type KpiName =
  | "events"
  | "sessions"
  | "conversions"
  | "conversion_rate"
  | "success_rate"
  | "mean_duration_ms"
  | "sessions_per_hour";

export interface Activity {
  timestamp: string;
  kind: "funnel" | "event" | "alert";
  name: string;
  session_id: string;
  user_id: string;
  device: string;
  country: string;
}

export interface Overview {
  from: string;
  to: string;
  kpis: Record<KpiName, Kpi>;
  services: { total: number; active: number; draft: number };
  funnel: { step: string; sessions: number; share: number | null }[];
  activities: Activity[];
}

export interface Share {
  name: string;
  count: number;
  share: number | null;
}

export interface Analytics {
  timezone: string;
  trends: {
    ts: string;
    events: number;
    sessions: number;
    conversions: number;
    conversion_rate: number | null;
    error_share: number | null;
    mean_ms: Record<string, number | null>;
  }[];
  distributions: Record<"kinds" | "event_types" | "devices" | "browsers" | "systems" | "countries", Share[]>;
}

export interface Stats {
  events_per_minute: number | null;
  events_last_day: number;
  sessions_last_day: number;
  client_alerts_last_day: number;
  error_share_last_hour: number | null;
  state: State;
}
