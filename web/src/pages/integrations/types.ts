/** What passed between the project and a vendor, added up. */
export interface Totals {
  calls: number;
  success_rate: number | null;
  failure_rate: number | null;
  cache_hits: number;
  cache_hit_rate: number | null;
  left_alone: number;
  limited: number;
  retries: number;
  checks: number;
  webhooks: number;
  seen: number;
  failed: number;
  availability: number | null;
  error_rate: number | null;
  timeout_share: number | null;
  mean_ms: number | null;
  p50_ms: number | null;
  p95_ms: number | null;
  p99_ms: number | null;
}

export type SyncMethod = "webhook" | "polling" | "manual";
export type BreakerState = "closed" | "open" | "half_open";
export type VendorState = "healthy" | "off" | "unknown" | "degraded" | "down";

export interface IntegrationDefinition {
  name: string;
  is_enabled: boolean;
  is_monitored: boolean;
}

export interface Integration {
  id: string;
  slug: string;
  service: string;
  is_in_catalogue: boolean;
  definition: IntegrationDefinition;
  effective: {
    base_url: string | null;
    sync: SyncMethod;
    fallback: SyncMethod | null;
    poll_interval_s: number | null;
    rate_limit: { calls: number; window_s: number } | null;
    sla: { availability_percent: number; response_ms: number; error_percent: number };
  };
  has_credential: boolean;
  credential_expires_at_ms: number | null;
  is_credential_ending: boolean;
  has_signing_secret: boolean;
  is_readable: boolean;
  revision: number;
}

/** An integration as the list has it: with how it does. */
export interface Listed extends Integration {
  performance: Totals | null;
  quota: { used: number; limit: number; share: number; is_short: boolean } | null;
  retry_state: { attempt: number; next_delay_ms: number; total_elapsed_ms: number } | null;
  breaker: BreakerState;
  sync_state: {
    method: SyncMethod;
    is_fallback: boolean;
    last_sync_ms: number | null;
    last_change_ms: number | null;
    next_poll_ms: number | null;
    failures: number;
    error: string | null;
  };
  external_status: { indicator: string | null; description: string | null } | null;
}

export interface CatalogueService {
  id: string;
  name: string;
  category: string;
  sync: SyncMethod;
  fallback?: SyncMethod;
  poll_interval_s?: number;
  is_bidirectional: boolean;
  has_bulk: boolean;
  base_url?: string;
  status_page?: string;
}

export interface VendorHealth {
  id: string;
  integration: string;
  name: string;
  state: VendorState;
  reason: string | null;
  breaker: BreakerState;
  is_monitored: boolean;
  last_check_ms: number | null;
}

export interface HealthStatus {
  state: VendorState;
  counts: Record<VendorState, number>;
  services: VendorHealth[];
}

export interface ServiceMetrics extends Totals {
  integration: string;
  from: string;
  to: string;
  throughput_per_minute: number;
  before: Totals;
  trend: "unknown" | "steady" | "improving" | "worsening";
  operations: ({ operation: string } & Totals)[];
  interval_ms: number;
  series: ({ ts: string } & Totals)[];
}
