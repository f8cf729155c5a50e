/** What every answer of the API looks like: docs/api.md, "Errors" and "Answers that are kept". */

export interface Meta {
  processing_time: number;
  cache_hit?: boolean;
  /** How old a kept answer is. */
  age_ms?: number;
  calculated_at?: string;
  /** The warehouse did not answer in time: this is the last good answer. */
  degraded?: boolean;
  performance_hints?: { suggested_cache_duration?: number; resource_intensive?: boolean };
}

export interface Answer<T> {
  data: T;
  meta: Meta;
}

export interface Detail {
  field: string;
  code: string;
  message: string;
}

/** Lists in pages. */
export interface Paged<T> {
  items: T[];
  total: number;
  page: number;
  page_size: number;
  total_pages: number;
  has_next: boolean;
  has_prev: boolean;
}

/** A list by cursor: `next_cursor` is null at its end. */
export interface Cursored<T> {
  items: T[];
  next_cursor: string | null;
}

/** What went wrong, in words for people, with the id under which the log has the cause. */
export class ApiError extends Error {
  /** 0 when no answer came at all. */
  readonly status: number;
  readonly code: string;
  readonly details: Detail[];
  readonly errorId: string | undefined;
  readonly retrySuggested: boolean;
  /** From `Retry-After`. */
  readonly retryAfterMs: number | undefined;
  /** The last good answer, where there is one. */
  readonly fallback: unknown;

  constructor(status: number, body: unknown, retryAfterS?: string | null) {
    const said = (typeof body === "object" && body !== null ? body : {}) as {
      error?: string;
      code?: string;
      details?: Detail[];
      fallback_data?: unknown;
      meta?: { error_id?: string; retry_suggested?: boolean };
    };
    super(said.error ?? (status === 0 ? "Fresnel cannot be reached" : `the server answered ${status}`));
    this.name = "ApiError";
    this.status = status;
    this.code = said.code ?? (status === 0 ? "UNREACHABLE" : `HTTP_${status}`);
    this.details = said.details ?? [];
    this.errorId = said.meta?.error_id;
    this.retrySuggested = said.meta?.retry_suggested ?? (status === 0 || status >= 502);
    this.retryAfterMs = retryAfterS ? Number(retryAfterS) * 1000 : undefined;
    this.fallback = said.fallback_data;
  }

  /** What is said about a field of a form. */
  of(field: string): string | undefined {
    return this.details.find((detail) => detail.field === field)?.message;
  }
}
