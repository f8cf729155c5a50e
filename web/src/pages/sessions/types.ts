export interface VisitorSession {
  session_id: string;
  start: string;
  end: string;
  duration_ms: number;
  rows: number;
  metrics: number;
  steps: number;
  events: number;
  alerts: number;
  errors: number;
  pages: number;
  entry_page: string;
  user_id: string;
  browser: string;
  os: string;
  device: string;
  country: string;
}
