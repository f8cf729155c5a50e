import type { ApiError } from "../../api/envelope";
import { words } from "../../format";
import { Button } from "../../parts/button";
import { SelectField, TextField } from "../../parts/fields";
import { Select } from "../../parts/form";
import { DIMENSIONS } from "../../range/range";
import type { LedgerMeasure, VendorMeasure, Watch, WatchKind } from "./types";

const KINDS = [
  { id: "metric", label: "Measurements of a window" },
  { id: "single", label: "Each measurement as it comes" },
  { id: "events", label: "How many beacons come" },
  { id: "ledger", label: "What is lost on the way" },
  { id: "vendor", label: "Third-party services" },
  { id: "cache_hit_rate", label: "The cache of Fresnel" },
  { id: "memory", label: "The memory of Fresnel" },
] as const;
const TYPES = ["page_load_time", "api_response_time", "effect_processing_time", "core_web_vitals"];
const VITALS = ["LCP", "INP", "CLS", "FCP", "TTFB"];
const AGGREGATES = ["p50", "p75", "p90", "p95", "p99", "avg", "min", "max", "count", "rate", "error_share"];
const WINDOWS = [
  [60_000, "a minute"],
  [300_000, "5 minutes"],
  [900_000, "15 minutes"],
  [3_600_000, "an hour"],
  [21_600_000, "6 hours"],
  [86_400_000, "a day"],
] as const;
const BEACONS = [
  { id: "event", label: "Events" },
  { id: "funnel", label: "Funnel steps" },
  { id: "alert", label: "Alerts" },
] as const;
const MEASURES = [
  { id: "missing", label: "Missing items" },
  { id: "client_lost", label: "Items lost by clients" },
  { id: "dropped_share", label: "Share of dropped items" },
] as const;
const OF_VENDORS = [
  { id: "error_rate", label: "Share of failures" },
  { id: "availability", label: "Availability" },
  { id: "timeout_share", label: "Share of time-outs" },
  { id: "response_ms", label: "95th percentile of the answer" },
  { id: "burn_rate", label: "Burn rate of the error budget" },
] as const;

/** What a kind of rule begins with. */
const FIRST: Record<WatchKind, Watch> = {
  metric: { kind: "metric", type: "page_load_time", aggregate: "p75", window_ms: 300_000, events_min: 5 },
  single: { kind: "single", type: "api_response_time" },
  events: { kind: "events", beacon: "event", names: [], window_ms: 300_000 },
  cache_hit_rate: { kind: "cache_hit_rate", lookups_min: 100, window_ms: 900_000 },
  memory: { kind: "memory" },
  vendor: { kind: "vendor", measure: "error_rate", integrations: [], window_ms: 300_000, seen_min: 5 },
  ledger: { kind: "ledger", measure: "missing", window_ms: 900_000 },
};

const named = (ids: readonly string[]) => ids.map((id) => ({ id, label: words(id) }));

interface WatchFieldsProps {
  watch: Watch;
  onChange: (watch: Watch) => void;
  error?: ApiError | undefined;
}

/** What a rule looks at: each kind takes its own fields. */
export function WatchFields({ watch, onChange, error }: WatchFieldsProps) {
  const set = (change: Partial<Watch>) => onChange({ ...watch, ...change });
  const faults = error?.details.filter((detail) => detail.field.startsWith("watch")) ?? [];
  const isMeasured = watch.kind === "metric" || watch.kind === "single";
  return (
    <>
      <div class="grid-3">
        <SelectField
          label="Looks at"
          value={watch.kind}
          options={KINDS}
          onChange={(kind) => onChange(FIRST[kind])}
        />
        {isMeasured && (
          <SelectField
            label="Metric"
            value={watch.type ?? ""}
            options={[
              ...(watch.kind === "metric" ? [{ id: "", label: "All of them" }] : []),
              ...named(TYPES),
            ]}
            onChange={(type) => onChange(withType(watch, type))}
          />
        )}
        {watch.type === "core_web_vitals" && (
          <SelectField
            label="Vital"
            value={watch.name ?? "LCP"}
            options={VITALS.map((id) => ({ id, label: id }))}
            onChange={(name) => set({ name })}
          />
        )}
        {watch.kind === "metric" && (
          <SelectField
            label="Of it"
            value={watch.aggregate ?? "p75"}
            options={named(AGGREGATES)}
            onChange={(aggregate) => set({ aggregate })}
          />
        )}
        {watch.kind === "events" && (
          <>
            <SelectField
              label="Beacons"
              value={watch.beacon ?? "event"}
              options={BEACONS}
              onChange={(beacon) => set({ beacon })}
            />
            <TextField
              label="With the names"
              name="watch.names"
              value={(watch.names ?? []).join(", ")}
              onInput={(text) => set({ names: split(text) })}
              placeholder="all"
              hint="with commas between them"
            />
          </>
        )}
        {watch.kind === "ledger" && (
          <SelectField
            label="Measure"
            value={(watch.measure ?? "missing") as LedgerMeasure}
            options={MEASURES}
            onChange={(measure) => set({ measure })}
          />
        )}
        {watch.kind === "vendor" && (
          <>
            <SelectField
              label="Measure"
              value={(watch.measure ?? "error_rate") as VendorMeasure}
              options={OF_VENDORS}
              onChange={(measure) => set({ measure })}
            />
            <TextField
              label="Integrations"
              name="watch.integrations"
              value={(watch.integrations ?? []).join(", ")}
              onInput={(text) => set({ integrations: split(text) })}
              placeholder="all"
              hint="their names in addresses, with commas between them"
            />
          </>
        )}
        {watch.window_ms !== undefined && (
          <SelectField
            label="Within"
            value={String(watch.window_ms)}
            options={windowsWith(watch.window_ms)}
            onChange={(window) => set({ window_ms: Number(window) })}
          />
        )}
        {watch.kind === "metric" && (
          <TextField
            label="From so many on"
            name="watch.events_min"
            type="number"
            value={String(watch.events_min ?? 1)}
            onInput={(text) => set({ events_min: Number(text) })}
            hint="with fewer there is no data"
          />
        )}
      </div>
      {(isMeasured || watch.kind === "events") && <Narrowing watch={watch} set={set} />}
      {faults.map((detail) => (
        <span class="field-fault" key={`${detail.field} ${detail.message}`}>
          {detail.field}: {detail.message}
        </span>
      ))}
    </>
  );
}

function withType(watch: Watch, type: string): Watch {
  const { type: _type, name: _name, ...rest } = watch;
  if (type === "") {
    return rest;
  }
  return type === "core_web_vitals" ? { ...rest, type, name: "LCP" } : { ...rest, type };
}

const split = (text: string) =>
  text
    .split(",")
    .map((one) => one.trim())
    .filter(Boolean);

const windowsWith = (ms: number) => {
  const options = WINDOWS.map(([id, label]) => ({ id: String(id), label: label as string }));
  return options.some((one) => one.id === String(ms))
    ? options
    : [...options, { id: String(ms), label: `${ms / 60_000} min` }];
};

/** By what groups are told apart, and which measurements count at all. */
function Narrowing({ watch, set }: { watch: Watch; set: (change: Partial<Watch>) => void }) {
  const groups = watch.group_by ?? [];
  const filters = Object.entries(watch.filters ?? {});
  const free = DIMENSIONS.filter((one) => !groups.includes(one));
  const unfiltered = DIMENSIONS.filter((one) => !(one in (watch.filters ?? {})));
  return (
    <div class="stack-tight">
      <div class="row">
        <span class="field-label">An alert for each</span>
        {groups.map((one) => (
          <Button
            key={one}
            icon="close"
            onClick={() => set({ group_by: groups.filter((other) => other !== one) })}
          >
            {words(one)}
          </Button>
        ))}
        {groups.length < 3 && (
          <Select
            label="An alert for each"
            value=""
            options={[{ id: "", label: groups.length === 0 ? "only one for all" : "and" }, ...named(free)]}
            onChange={(one) => one && set({ group_by: [...groups, one] })}
          />
        )}
      </div>
      <div class="row">
        <span class="field-label">Only where</span>
        {filters.map(([dimension, values]) => (
          <span class="row" key={dimension}>
            <span class="small">{words(dimension)} is</span>
            <input
              class="input"
              aria-label={`Values of ${words(dimension)}, with commas between them`}
              value={values.join(", ")}
              onChange={(event) =>
                set({ filters: { ...watch.filters, [dimension]: split(event.currentTarget.value) } })
              }
            />
            <Button
              look="quiet"
              icon="close"
              label={`Remove ${words(dimension)}`}
              onClick={() =>
                set({ filters: Object.fromEntries(filters.filter(([name]) => name !== dimension)) })
              }
            />
          </span>
        ))}
        <Select
          label="Only where"
          value=""
          options={[
            { id: "", label: filters.length === 0 ? "everything counts" : "and" },
            ...named(unfiltered),
          ]}
          onChange={(one) => one && set({ filters: { ...watch.filters, [one]: [] } })}
        />
      </div>
    </div>
  );
}
