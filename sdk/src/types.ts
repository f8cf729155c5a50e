/** What a beacon is about. */
export type Kind = "metric" | "alert" | "funnel" | "event";

/** What is known of a beacon beside the fields of its kind. */
export type Data = Record<string, unknown>;

/** A beacon as it is posted. */
export interface Beacon extends Data {
  kind: Kind;
  event_id: string;
  session_id: string;
  timestamp: string;
  user_id?: string;
}

/** Types of measurements that the service takes. */
export type MetricType =
  | "page_load_time"
  | "api_response_time"
  | "effect_processing_time"
  | "core_web_vitals";

/** Types of events that every project takes; a project may name others. */
export type EventType =
  | "page_view"
  | "image_upload"
  | "result_download"
  | "result_share"
  | "profile_update"
  | "feature_discovery"
  | "tutorial_completion"
  | "error_occurrence"
  | (string & {});

/** Steps that every project takes; a project may name others. */
export type FunnelStep =
  | "effect_discovered"
  | "effect_viewed"
  | "effect_started"
  | "image_uploaded"
  | "parameters_set"
  | "processing_started"
  | "processing_completed"
  | "result_downloaded"
  | "result_shared"
  | (string & {});

/** An alert that the page raises by itself. */
export interface Alert {
  severity: "warning" | "error" | "critical";
  /** What was looked at, such as `long_task`. */
  metric: string;
  threshold: number;
  actual_value: number;
}

/** Which requests are measured: those to the page's own origin, also those that a function chooses, or none. */
export type RequestFilter = boolean | ((url: URL) => boolean);

export interface Options {
  /** Where Fresnel is, such as `https://telemetry.example`; a path may follow. */
  endpoint: string;
  /** The project's browser key. */
  key: string;
  release?: string | undefined;
  environment?: string | undefined;
  /** Share of the sessions that are told about, from 0 to 1. All of a session is, or nothing. Default: 1. */
  sampleRate?: number | undefined;
  /** With a browser that asks for privacy (Global Privacy Control), do nothing at all. Default: false. */
  respectGpc?: boolean | undefined;
  /** Looks at each beacon before it is kept, and may change it; none is sent for `null`. */
  beforeSend?: ((beacon: Beacon) => Beacon | null | undefined) | undefined;
  /** May keep the session's id, and what was not sent, in localStorage. Default: true. */
  persist?: boolean | undefined;
  /** Measure page loads. Default: true. */
  loads?: boolean | undefined;
  /** Tell of page views, also within a single page. Default: true. */
  views?: boolean | undefined;
  /** Tell of errors that nobody caught. Default: true. */
  errors?: boolean | undefined;
  /** Measure fetch and XMLHttpRequest to the page's origin (`true`), also those that a function chooses, or none. Default: true. */
  requests?: RequestFilter | undefined;
  /** What the current page is called. Default: the path of the address. */
  page?: (() => string) | undefined;
  /** Longest time that a beacon waits for others, in milliseconds. Default: 5,000. */
  flushAfterMs?: number | undefined;
  /** Most memory for what waits, in bytes. Default: 262,144. */
  queueBytesMax?: number | undefined;
}

/** What has become of beacons since `init`. */
export interface Stats {
  /** Taken from the page; what was kept by earlier pages is not among them. */
  recorded: number;
  /** Acknowledged by the service, also for earlier pages. */
  sent: number;
  /** Refused by the service for good: its ledger says why. */
  refused: number;
  /** Thrown away, and told to the service's ledger with the next batch. */
  lost: number;
  /** Not acknowledged yet. */
  waiting: number;
}
