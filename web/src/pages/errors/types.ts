export type ErrorState = "open" | "resolved" | "ignored" | "reopened";

export interface ErrorGroup {
  fingerprint: string;
  state: ErrorState;
  title: string;
  message: string;
  sources: string[];
  count: number;
  sessions: number;
  users: number;
  first_seen: string;
  last_seen: string;
  releases: string[];
  /** How many in each of 24 equal parts of the period. */
  points: number[];
}
