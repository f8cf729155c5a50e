/** Stored beacons one by one, as pages about events, errors and sessions show them. */
import { useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import type { CursorList } from "../api/cursor";
import type { Beacon } from "../api/types";
import { inUnit, words } from "../format";
import { linkTo } from "../range/range";
import { Button } from "./button";
import { Icon, type IconName } from "./icon";
import { Time } from "./small";
import { Badge } from "./states";

const ICONS: Record<Beacon["kind"], IconName> = {
  event: "events",
  metric: "performance",
  funnel: "funnels",
  alert: "alerts",
};

const text = (value: unknown) => (value === undefined || value === null ? "" : String(value));

/** Whether a beacon tells that something went wrong. */
export function isError(beacon: Beacon): boolean {
  return (
    beacon.name === "error_occurrence" ||
    text(beacon.fields.error_context) !== "" ||
    Number(beacon.fields.status) >= 500
  );
}

/** What a beacon is called: of a vital its name. */
export function titleOf(beacon: Beacon): string {
  const name = beacon.name === "core_web_vitals" ? text(beacon.fields.name) : "";
  return name || words(beacon.name);
}

/** What it is about, in a few words. */
export function detailOf(beacon: Beacon): string {
  const { fields, data } = beacon;
  const parts =
    beacon.kind === "metric"
      ? [fields.method, fields.api_endpoint, fields.status, fields.error_context]
      : beacon.kind === "alert"
        ? [fields.severity, fields.threshold && `threshold ${text(fields.threshold)}`]
        : [data.message, data.feature, data.tutorial, data.effect_id];
  return parts.map(text).filter(Boolean).join(" · ");
}

export function measureOf(beacon: Beacon): string {
  const isVital = beacon.name === "core_web_vitals";
  return beacon.value === null
    ? ""
    : inUnit(
        beacon.value,
        isVital && beacon.fields.name === "CLS" ? "none" : beacon.kind === "metric" ? "ms" : "count",
      );
}

interface BeaconsProps {
  label: string;
  rows: Beacon[];
  /** Within the page of one session its name is known. */
  isOfSession?: boolean;
}

/** A list of beacons; each opens to all that it carried. */
export function Beacons({ label, rows, isOfSession }: BeaconsProps) {
  const [open, setOpen] = useState<string>();
  return (
    <ul class="beacons" aria-label={label}>
      {rows.map((beacon) => {
        const isOpen = open === beacon.event_id;
        return (
          <li key={beacon.event_id} id={`beacon-${beacon.event_id}`}>
            <button
              type="button"
              class="beacon"
              aria-expanded={isOpen}
              onClick={() => setOpen(isOpen ? undefined : beacon.event_id)}
            >
              <span class={isError(beacon) ? "tone-critical" : "faint"}>
                <Icon name={isError(beacon) ? "errors" : ICONS[beacon.kind]} />
              </span>
              <span class="cut">
                <strong>{titleOf(beacon)}</strong> <span class="soft">{detailOf(beacon)}</span>
              </span>
              <span class="number">{measureOf(beacon)}</span>
              <span class="cut soft wide-only">{beacon.page}</span>
              <span class="soft end">
                <Time at={beacon.ts} isExact={isOfSession ?? false} />
              </span>
            </button>
            {isOpen && <Details beacon={beacon} isOfSession={isOfSession ?? false} />}
          </li>
        );
      })}
    </ul>
  );
}

function Details({ beacon, isOfSession }: { beacon: Beacon; isOfSession: boolean }) {
  const { url } = useLocation();
  const known: [string, unknown][] = [
    ["Event id", beacon.event_id],
    ["User", beacon.user_id],
    ["Browser", [beacon.browser, beacon.os, beacon.device].filter(Boolean).join(", ")],
    ["Country", beacon.country],
    ["Page", beacon.page],
    ...Object.entries(beacon.fields).map(([name, value]) => [words(name), value] as [string, unknown]),
    // What stands in a column of its own is not said twice.
    ...Object.entries(beacon.data).filter(([name]) => !(name in beacon) && !(name in beacon.fields)),
  ];
  return (
    <div class="beacon-details">
      <dl>
        {known
          .filter(([, value]) => text(value) !== "")
          .map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd class="code">{typeof value === "object" ? JSON.stringify(value) : text(value)}</dd>
            </div>
          ))}
      </dl>
      {!isOfSession && (
        <a href={linkTo(`/sessions/${encodeURIComponent(beacon.session_id)}`, url)}>
          The session <span class="code">{beacon.session_id}</span>
        </a>
      )}
    </div>
  );
}

/** The foot of a list that goes on. */
export function More<T>({ list }: { list: CursorList<T> }) {
  return list.hasMore ? (
    <div class="pager">
      <Button isBusy={list.isBusy} onClick={list.more}>
        Show more
      </Button>
    </div>
  ) : (
    <div class="pager">
      <Badge>That is all of this range</Badge>
    </div>
  );
}
