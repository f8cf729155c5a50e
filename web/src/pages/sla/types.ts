export type SlaTargetName =
  | "availability"
  | "response_time"
  | "error_rate"
  | "sync_latency"
  | "delivery"
  | "call_success";

export interface SlaTarget {
  target: SlaTargetName;
  expected: number;
  actual: number | null;
  is_kept: boolean | null;
}

export interface SlaDay {
  day: string;
  seen: number;
  failed: number;
  availability_percent: number | null;
  response_ms: number | null;
  is_kept: boolean | null;
}

export interface ServiceSla {
  integration: string;
  service: string;
  name: string;
  targets: SlaTarget[];
  is_kept: boolean | null;
  error_budget_used: number | null;
  burn_rate: number | null;
  seen: number;
  failed: number;
  history: SlaDay[];
}

export interface MaintenanceWindow {
  id: string;
  integration_id: string | null;
  starts_at_ms: number;
  ends_at_ms: number;
  note: string | null;
}

export interface SlaCompliance {
  from_ms: number;
  to_ms: number;
  kept: number;
  violated: number;
  services: ServiceSla[];
  maintenance: MaintenanceWindow[];
}

export interface Evidence {
  document: SlaCompliance & { project: string; month: string; is_complete: boolean; generated_at_ms: number };
  signature: { algorithm: string; public_key: string; value: string };
}
