/** Answers of management: docs/api.md, "Management". Times are ms since 1970. */
import type { Role } from "../../api/types";

export type Scope = "ingest" | "read" | "manage" | "relay" | "import";

export interface ApiKey {
  id: string;
  kind: "browser" | "server" | "read";
  name: string;
  /** How it begins. */
  shown: string;
  scopes: Scope[];
  created_at_ms: number;
  expires_at_ms: number | null;
  revoked_at_ms: number | null;
}

export const LIMITS = [
  "metrics_per_hour",
  "events_per_hour",
  "api_per_minute",
  "external_per_minute",
] as const;
export type Limits = Partial<Record<(typeof LIMITS)[number], number | null>>;

export interface Quota {
  id: string;
  target: { kind: string; id?: string };
  limits: Limits;
}

export interface Person {
  id: string;
  email: string;
  name: string;
  is_instance_owner: boolean;
  disabled_at_ms: number | null;
}

export type Member = Person & { role: Role };

export interface Invitation {
  id: string;
  email?: string;
  membership?: [string, Role] | null;
  created_at_ms: number;
  expires_at_ms: number;
  [other: string]: unknown;
}

export interface Issuer {
  id: string;
  name: string;
  issuer: string;
  audience: string;
  keys: { algorithm: "hs256" | "rs256" | "jwks"; url?: string; public_key_pem?: string };
  jwks?: {
    key_ids: (string | null)[];
    fetched_at_ms: number | null;
    tried_at_ms: number | null;
    last_error: string | null;
  };
}

export interface AuditEntry {
  id: string;
  ts_ms: number;
  actor: { kind: string; id: string | null; name: string };
  project_id: string | null;
  action: string;
  target: string;
  level: "info" | "warning";
  details: Record<string, unknown>;
  ip_prefix: string | null;
}

export interface Deploy {
  id: string;
  release: string;
  environment: string | null;
  deployed_at_ms: number;
  description: string | null;
  url: string | null;
}

export interface SavedView {
  id: string;
  name: string;
  page: string;
  state: string;
  owner: { kind?: string; id?: string | null; name?: string };
  is_shared: boolean;
  updated_at_ms: number;
  revision: number;
}

export interface LoginSession {
  id: string;
  created_at_ms: number;
  last_seen_ms: number;
  expires_at_ms: number;
  ip_prefix: string | null;
  user_agent: string | null;
  is_current: boolean;
}
