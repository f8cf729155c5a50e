/** The range, filters, comparison and zone of a page. All of it is in the address, so that a link shows the same. */
import { useLocation } from "preact-iso";
import type { Params } from "../api/client";
import { project } from "../session";

export interface Preset {
  id: string;
  label: string;
  ms: number;
}

const MINUTE = 60_000;
export const PRESETS: Preset[] = [
  { id: "15m", label: "15 min", ms: 15 * MINUTE },
  { id: "1h", label: "1 h", ms: 60 * MINUTE },
  { id: "6h", label: "6 h", ms: 360 * MINUTE },
  { id: "24h", label: "24 h", ms: 1440 * MINUTE },
  { id: "7d", label: "7 d", ms: 7 * 1440 * MINUTE },
  { id: "30d", label: "30 d", ms: 30 * 1440 * MINUTE },
];

/** Dimensions that metrics, steps and events share; each may be a filter. */
export const DIMENSIONS = [
  "page",
  "api_endpoint",
  "browser",
  "os",
  "device",
  "country",
  "region",
  "release",
  "environment",
  "effect_id",
  "method",
] as const;

export type Filters = Record<string, string[]>;

export interface RangeState {
  /** Null while absolute times are shown. */
  preset: string | null;
  /** What questions take as `from`, `to`, `timezone`. */
  params: Params;
  /** What questions take as filters. */
  filters: Filters;
  isCompared: boolean;
  /** IANA name of the zone in which times are shown. */
  zone: string;
  isBrowserZone: boolean;
  /** Length of the range. */
  spanMs: number;
  /** What questions over time take as `interval`: 60 to 170 buckets, few enough to be read. */
  interval: string;
  /** Goes to another range, filter, …; what is not named stays. The back button returns. */
  set: (change: RangeChange) => void;
  /** The part of a chart that was dragged over. */
  zoom: (fromMs: number, toMs: number) => void;
}

export interface RangeChange {
  preset?: string;
  /** Absolute, in ms since 1970. */
  between?: [number, number];
  isCompared?: boolean;
  isBrowserZone?: boolean;
  filters?: Filters;
}

const FILTER = "f.";

function intervalFor(spanMs: number): string {
  const steps: [number, string][] = [
    [120, "1m"],
    [720, "5m"],
    [1_500, "15m"],
    [8 * 1_440, "1h"],
    [45 * 1_440, "6h"],
  ];
  return steps.find(([minutes]) => spanMs <= minutes * MINUTE)?.[1] ?? "1d";
}

const iso = (ms: number) => new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
export const browserZone = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** Parts of the address that go along to other pages. */
const KEPT = /^(project|range|from|to|zone|compare|f\..+)$/;

/** The address of another page with the same project, range and filters; `more` adds parameters of that page. */
export function linkTo(path: string, url: string, more: Record<string, string> = {}): string {
  const old = new URL(url, location.origin).searchParams;
  const query = new URLSearchParams([...old].filter(([name]) => KEPT.test(name)));
  for (const [name, value] of Object.entries(more)) {
    query.set(name, value);
  }
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

/** One parameter of a page in the address, such as its tab or metric: `const [tab, setTab] = useParam("tab", "all")`. */
export function useParam(name: string, otherwise = ""): [string, (value: string, replace?: boolean) => void] {
  const { url, route } = useLocation();
  const here = new URL(url, location.origin);
  const set = (value: string, replace = false) => {
    // The address may have changed since this was drawn.
    const next = new URL(location.href);
    if (value === otherwise) {
      next.searchParams.delete(name);
    } else {
      next.searchParams.set(name, value);
    }
    route(next.pathname + next.search, replace);
  };
  return [here.searchParams.get(name) ?? otherwise, set];
}

/** The range of the page; `otherwise` is its preset when the address names none. */
export function useRange(otherwise = "24h"): RangeState {
  const { url, route } = useLocation();
  const query = new URL(url, location.origin).searchParams;
  const from = query.get("from");
  const to = query.get("to");
  const isAbsolute = from !== null && to !== null;
  const named = query.get("range") ?? otherwise;
  const preset = PRESETS.find((one) => one.id === named) ?? PRESETS[3];
  const isBrowserZone = query.get("zone") === "browser";
  const filters: Filters = {};
  for (const [name, value] of query) {
    if (name.startsWith(FILTER)) {
      const dimension = name.slice(FILTER.length);
      filters[dimension] = [...(filters[dimension] ?? []), value];
    }
  }

  const set = (change: RangeChange) => {
    const next = new URL(location.href);
    const search = next.searchParams;
    if (change.preset) {
      search.delete("from");
      search.delete("to");
      search.set("range", change.preset);
    }
    if (change.between) {
      search.delete("range");
      search.set("from", iso(change.between[0]));
      search.set("to", iso(change.between[1]));
    }
    for (const [name, isOn, value] of [
      ["compare", change.isCompared, "previous"],
      ["zone", change.isBrowserZone, "browser"],
    ] as const) {
      if (isOn === true) {
        search.set(name, value);
      } else if (isOn === false) {
        search.delete(name);
      }
    }
    if (change.filters) {
      for (const name of [...search.keys()].filter((one) => one.startsWith(FILTER))) {
        search.delete(name);
      }
      for (const [dimension, values] of Object.entries(change.filters)) {
        for (const value of values) {
          search.append(FILTER + dimension, value);
        }
      }
    }
    if (next.search !== location.search) {
      route(next.pathname + next.search);
    }
  };

  const params: Params = isAbsolute ? { from, to } : { from: `now-${preset?.id ?? "24h"}` };
  if (isBrowserZone) {
    params.timezone = browserZone;
  }
  const spanMs = isAbsolute ? Date.parse(to) - Date.parse(from) : (preset?.ms ?? 0);
  return {
    interval: intervalFor(spanMs),
    preset: isAbsolute ? null : (preset?.id ?? null),
    params,
    filters,
    isCompared: query.get("compare") === "previous",
    zone: isBrowserZone ? browserZone : (project.value?.time_zone ?? "UTC"),
    isBrowserZone,
    spanMs,
    set,
    zoom: (fromMs, toMs) => set({ between: [fromMs, toMs] }),
  };
}
