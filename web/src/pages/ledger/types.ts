/** The account of a project: docs/api.md, "The ledger". */
export interface Account {
  received: number;
  stored: number;
  dropped: number;
  reasons: Record<string, number>;
  pending: number;
  /** Above 0: lost. Below 0: stored without having been received. */
  missing: number;
  expired: number;
  /** Never came, as clients tell; not among those received. */
  client_lost: number;
}

export interface LedgerAnswer {
  interval_ms: number;
  from: string;
  to: string;
  timezone: string;
  kept_from?: string;
  exact: boolean;
  totals: Account;
  items: (Account & { ts: string; kind: string })[];
}

export interface Rejected {
  timestamp: string;
  kind: string;
  code: string;
  details: { field: string; code: string; message: string }[];
  shape: string;
}

export const KINDS = ["metric", "event", "funnel", "alert", "unknown"] as const;

export const KIND_WORDS: Record<string, string> = {
  metric: "Metrics",
  event: "Events",
  funnel: "Funnel steps",
  alert: "Alerts",
  unknown: "Unreadable",
  batch: "Batch",
};

/** Sums accounts. */
export function sum(accounts: Account[]): Account {
  const total: Account = {
    received: 0,
    stored: 0,
    dropped: 0,
    reasons: {},
    pending: 0,
    missing: 0,
    expired: 0,
    client_lost: 0,
  };
  for (const one of accounts) {
    for (const name of OUTCOMES) {
      total[name] += one[name];
    }
    for (const [reason, items] of Object.entries(one.reasons)) {
      total.reasons[reason] = (total.reasons[reason] ?? 0) + items;
    }
  }
  return total;
}

const OUTCOMES = [
  "received",
  "stored",
  "dropped",
  "pending",
  "missing",
  "expired",
  "client_lost",
] as const satisfies readonly (keyof Account)[];
