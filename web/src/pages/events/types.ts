interface Counts {
  count: number;
  sessions: number;
  users: number;
  visitors: number;
}

export interface EventType extends Counts {
  event_type: string;
  share: number;
  points: { ts: string; count: number }[];
}

export interface EventSummary {
  timezone: string;
  interval_ms: number;
  total: Counts;
  types: EventType[];
  previous?: { total: Counts };
}

export interface Properties {
  properties: { property: string; share: number }[];
}

export interface PropertyValues {
  events: number;
  events_with: number;
  distinct: number;
  values: { value: string; count: number; share: number }[];
}
