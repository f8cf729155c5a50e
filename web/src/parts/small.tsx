/** Tabs, tooltips, toasts and times. */
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useId, useState } from "preact/hooks";
import { ago, exactTime } from "../format";
import { useRange } from "../range/range";
import { Icon } from "./icon";

interface TabsProps<T extends string> {
  label: string;
  value: T;
  tabs: readonly { id: T; label: string }[];
  onChange: (value: T) => void;
}

/** Views of the same thing. What they show follows as its own element. */
export function Tabs<T extends string>({ label, value, tabs, onChange }: TabsProps<T>) {
  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? tabs.length - 1 : 0;
    if (step > 0) {
      const place = tabs.findIndex((tab) => tab.id === value);
      const next = tabs[(place + step) % tabs.length];
      if (next) {
        onChange(next.id);
        const list = event.currentTarget as HTMLElement;
        requestAnimationFrame(() => list.querySelector<HTMLElement>('[aria-selected="true"]')?.focus());
      }
    }
  };
  return (
    <div class="segments" role="tablist" tabIndex={-1} aria-label={label} onKeyDown={onKeyDown}>
      {tabs.map((tab) => (
        <button
          key={tab.id}
          type="button"
          role="tab"
          class="segment"
          aria-selected={tab.id === value}
          tabIndex={tab.id === value ? 0 : -1}
          onClick={() => onChange(tab.id)}
        >
          {tab.label}
        </button>
      ))}
    </div>
  );
}

/** More about something, for pointers, keys and screen readers. */
export function Tooltip({ text, children }: { text: string; children: ComponentChildren }) {
  const id = useId();
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what it says must be within reach of keys.
    <span class="tip" tabIndex={0} aria-describedby={id}>
      {children}
      <span class="tip-text" role="tooltip" id={id}>
        {text}
      </span>
    </span>
  );
}

/** How long ago, with the exact time on demand, in the zone of the page. */
export function Time({ at, isExact }: { at: string | number; isExact?: boolean }) {
  const { zone } = useRange();
  const ms = typeof at === "number" ? at : Date.parse(at);
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 10_000);
    return () => clearInterval(timer);
  }, []);
  const full = `${exactTime(ms, zone)} ${zone}`;
  // What a server says of now may lie a moment ahead of this clock; what lies further ahead is meant to.
  const isSkewed = ms > now && ms < now + SKEW_MAX_MS;
  return (
    <time dateTime={new Date(ms).toISOString()} title={full}>
      {isExact ? exactTime(ms, zone) : ago(ms, isSkewed ? ms : now)}
    </time>
  );
}

const SKEW_MAX_MS = 60_000;

const toasts = signal<{ id: number; text: string; isFault: boolean }[]>([]);
let lastToast = 0;

/** Tells for a moment that something was done, or was not. */
export function toast(text: string, isFault = false): void {
  lastToast += 1;
  const id = lastToast;
  toasts.value = [...toasts.value.slice(-3), { id, text, isFault }];
  setTimeout(() => {
    toasts.value = toasts.value.filter((one) => one.id !== id);
  }, 5_000);
}

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map((one) => (
        <div class="toast" key={one.id}>
          <span class={one.isFault ? "tone-critical" : "tone-good"}>
            <Icon name={one.isFault ? "critical" : "check"} />
          </span>
          {one.text}
        </div>
      ))}
    </div>
  );
}
