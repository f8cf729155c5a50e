/** Numbers, times and sizes for people. Null and undefined are "–": no data is never 0. */

export const NOTHING = "–";
type Maybe = number | null | undefined;

const language = navigator.language;
const whole = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat(language, { notation: "compact", maximumFractionDigits: 1 });
const fine = new Intl.NumberFormat(language, { maximumSignificantDigits: 3 });
const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });

const isNothing = (value: Maybe): value is null | undefined => value === null || value === undefined;

/** 1,234 up to ten thousand, 12.3K beyond. */
export function count(value: Maybe): string {
  if (isNothing(value)) {
    return NOTHING;
  }
  if (Math.abs(value) >= 10_000) {
    return compact.format(value);
  }
  return Number.isInteger(value) ? whole.format(value) : fine.format(value);
}

/** Every digit: 1,234,567. */
export function exact(value: Maybe): string {
  return isNothing(value) ? NOTHING : whole.format(value);
}

/** 0.1234 → 12.3 %. */
export function percent(share: Maybe, digits = 1): string {
  if (isNothing(share)) {
    return NOTHING;
  }
  const small = share !== 0 && Math.abs(share) < 0.001 ? 2 : digits;
  return new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: small }).format(share);
}

/** A change of a share: +12 %, −3.4 %. */
export function change(share: Maybe): string {
  if (isNothing(share)) {
    return NOTHING;
  }
  const digits = Math.abs(share) < 0.1 ? 1 : 0;
  return new Intl.NumberFormat(language, {
    style: "percent",
    maximumFractionDigits: digits,
    signDisplay: "exceptZero",
  }).format(share);
}

/** 87 ms, 1.24 s, 3 min 5 s, 2 h 4 min, 3 d 2 h. */
export function duration(ms: Maybe): string {
  if (isNothing(ms)) {
    return NOTHING;
  }
  if (Math.abs(ms) < 1_000) {
    return `${fine.format(Math.abs(ms) < 100 ? ms : Math.round(ms))} ms`;
  }
  if (ms < 60_000) {
    return `${fine.format(ms / 1_000)} s`;
  }
  const parts: [number, string][] = [
    [Math.floor(ms / 86_400_000), "d"],
    [Math.floor(ms / 3_600_000) % 24, "h"],
    [Math.floor(ms / 60_000) % 60, "min"],
    [Math.floor(ms / 1_000) % 60, "s"],
  ];
  const first = parts.findIndex(([size]) => size > 0);
  return parts
    .slice(first, first + 2)
    .filter(([size]) => size > 0)
    .map(([size, unit]) => `${size} ${unit}`)
    .join(" ");
}

/** 1.5 MB, in units of 1,000. */
export function bytes(size: Maybe): string {
  if (isNothing(size)) {
    return NOTHING;
  }
  const units = ["B", "kB", "MB", "GB", "TB"];
  const step = size < 1 ? 0 : Math.min(Math.floor(Math.log10(size) / 3), units.length - 1);
  return `${fine.format(size / 1000 ** step)} ${units[step]}`;
}

/** What a value is measured in. `none` is CLS. */
export type Unit = "count" | "ms" | "percent" | "bytes" | "none";

export function inUnit(value: Maybe, unit: Unit): string {
  switch (unit) {
    case "ms":
      return duration(value);
    case "percent":
      return percent(value);
    case "bytes":
      return bytes(value);
    case "none":
      return isNothing(value) ? NOTHING : fine.format(Math.round(value * 1000) / 1000);
    default:
      return count(value);
  }
}

/** 3 min ago, in 2 hr. */
export function ago(ms: number, nowMs = Date.now()): string {
  const seconds = Math.round((ms - nowMs) / 1000);
  const size = Math.abs(seconds);
  if (size < 60) {
    return size < 5 ? "now" : relative.format(seconds, "second");
  }
  if (size < 3_600) {
    return relative.format(Math.round(seconds / 60), "minute");
  }
  if (size < 86_400) {
    return relative.format(Math.round(seconds / 3_600), "hour");
  }
  return relative.format(Math.round(seconds / 86_400), "day");
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** Formats of times are slow to make: each is made once. */
export function timeFormat(zone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${zone} ${JSON.stringify(options)}`;
  let format = formats.get(key);
  if (!format) {
    format = new Intl.DateTimeFormat(language, { timeZone: zone, hourCycle: "h23", ...options });
    formats.set(key, format);
  }
  return format;
}

/** 23 Nov 2026, 08:41:12. */
export function exactTime(ms: number, zone: string, seconds = true): string {
  const time: Intl.DateTimeFormatOptions = seconds ? { second: "2-digit" } : {};
  return timeFormat(zone, {
    year: "numeric",
    month: "short",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    ...time,
  }).format(ms);
}

/** `page_load_time` → Page load time. Names of metrics, steps and events read as words. */
export function words(name: string): string {
  const known: Record<string, string> = {
    api_response_time: "API response time",
    core_web_vitals: "Web vitals",
    api_endpoint: "Endpoint",
    os: "System",
    effect_id: "Effect",
    __other__: "Other",
  };
  const text = known[name] ?? name.replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}
