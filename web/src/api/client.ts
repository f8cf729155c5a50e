/** Requests to the API: the project of the page is added, envelopes are opened, failures are `ApiError`. */
import { projectId, signedOut } from "../session";
import { type Answer, ApiError, type Meta } from "./envelope";

export type Value = string | number | boolean | null | undefined;
/** Parameters of a question. A list is given once for each of its values; undefined, null and "" are left out. */
export type Params = Record<string, Value | readonly string[]>;

interface Options {
  signal?: AbortSignal;
  /** Ask past the answers that are kept. */
  fresh?: boolean;
  /** Instead of the session: the admin token, when a password is set with it. */
  token?: string;
  /** Leave the page's project out: for sessions, projects, users. */
  everywhere?: boolean;
}

/** The address of a question, also for links to files (`format: "csv"`). */
export function addressOf(path: string, params: Params = {}, everywhere = false): string {
  const query = new URLSearchParams();
  if (!everywhere && projectId.value) {
    query.set("project", projectId.value);
  }
  for (const name of Object.keys(params).sort()) {
    const value = params[name];
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null && one !== "") {
        query.append(name, String(one));
      }
    }
  }
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

async function request<T>(address: string, init: RequestInit, options: Options): Promise<Answer<T>> {
  const headers = new Headers(init.headers);
  // Other sites cannot send this header: it shows that a change comes from this page.
  headers.set("X-Fresnel-CSRF", "1");
  headers.set("Accept", "application/json");
  if (options.fresh) {
    headers.set("Cache-Control", "no-cache");
  }
  if (options.token) {
    headers.set("Authorization", `Bearer ${options.token}`);
  }
  let answer: Response;
  try {
    answer = await fetch(address, {
      ...init,
      headers,
      signal: options.signal ?? null,
      credentials: options.token ? "omit" : "same-origin",
    });
  } catch (fault) {
    if (options.signal?.aborted) {
      throw fault;
    }
    throw new ApiError(0, undefined);
  }
  const text = await answer.text();
  let body: unknown;
  try {
    body = text === "" ? {} : JSON.parse(text);
  } catch {
    body = undefined;
  }
  if (!answer.ok) {
    const error = new ApiError(answer.status, body, answer.headers.get("Retry-After"));
    if (error.status === 401 && error.code === "UNAUTHENTICATED" && !options.token) {
      signedOut();
    }
    throw error;
  }
  const opened = (body ?? {}) as { data: T; meta?: Meta };
  return { data: opened.data, meta: opened.meta ?? { processing_time: 0 } };
}

/** Asks a question. */
export function ask<T>(path: string, params: Params = {}, options: Options = {}): Promise<Answer<T>> {
  return request<T>(addressOf(path, params, options.everywhere), { method: "GET" }, options);
}

/** Changes something. */
export function send<T = unknown>(
  method: "POST" | "PUT" | "PATCH" | "DELETE",
  path: string,
  body?: unknown,
  options: Options = {},
): Promise<Answer<T>> {
  const init: RequestInit =
    body === undefined
      ? { method }
      : { method, body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
  return request<T>(addressOf(path, {}, options.everywhere), init, options);
}
