export interface FunnelDefinition {
  id: string;
  name: string;
  steps: string[];
  window_ms: number;
}

export interface Step {
  step: string;
  sessions: number;
  conversion_from_start: number | null;
  conversion_from_previous: number | null;
  /** Sessions that the step before had and this one has not. */
  drop_off: number;
  time_from_previous: { p50_ms: number | null; p90_ms: number | null } | null;
}

export interface Passage {
  entered: number;
  converted: number;
  conversion: number | null;
  steps: Step[];
}

export interface Funnel {
  funnel: string;
  window_ms: number;
  from: string;
  to: string;
  timezone: string;
  interval_ms: number;
  total: Passage;
  groups?: (Passage & { group: string })[];
  trend: { ts: string; entered: number; converted: number; conversion: number | null }[];
  previous?: { total: Passage };
  /** Share of the sessions that was looked at, where there are very many. */
  sampled_share?: number;
}
