import { useEffect, useState } from "preact/hooks";
import { ask } from "../api/client";
import type { Paged } from "../api/envelope";
import { useQuestion } from "../api/question";
import { count, exactTime, words } from "../format";
import { Button, Segments } from "../parts/button";
import { Combobox } from "../parts/combobox";
import { Field, Select } from "../parts/form";
import { Icon } from "../parts/icon";
import { Popover } from "../parts/popover";
import { project } from "../session";
import { isLive } from "./live";
import { browserZone, DIMENSIONS, PRESETS, type RangeState } from "./range";
import { fromLocalInput, localInput } from "./zone";

interface RangeBarProps {
  range: RangeState;
  /** Dimensions that may be filters here; none hides the filters. */
  dimensions?: readonly string[];
  /** Where suggestions of values come from: metrics (otherwise) or a kind of rows. */
  suggest?: "metric" | "event" | "funnel";
  canCompare?: boolean;
}

/** Range, filters, comparison, zone, pause: the state of all of it is in the address. */
export function RangeBar({
  range,
  dimensions = DIMENSIONS,
  suggest = "metric",
  canCompare = true,
}: RangeBarProps) {
  return (
    <section class="bar" aria-label="Range and filters">
      <Segments
        label="Range"
        value={range.preset}
        options={PRESETS}
        onChange={(preset) => range.set({ preset })}
      />
      <CustomRange range={range} />
      {canCompare && (
        <Button pressed={range.isCompared} onClick={() => range.set({ isCompared: !range.isCompared })}>
          Compare
        </Button>
      )}
      {dimensions.length > 0 && <AddFilter range={range} dimensions={dimensions} suggest={suggest} />}
      {Object.entries(range.filters).flatMap(([dimension, values]) =>
        values.map((value) => (
          <button
            key={`${dimension} ${value}`}
            type="button"
            class="button"
            aria-label={`Remove the filter ${words(dimension)} is ${value}`}
            onClick={() => range.set({ filters: without(range, dimension, value) })}
          >
            <span class="faint">{words(dimension)}</span>
            <span class="cut">{value}</span>
            <Icon name="close" size={12} />
          </button>
        )),
      )}
      <div class="row push">
        <Zone range={range} />
        <Button
          look="quiet"
          icon={isLive.value ? "pause" : "play"}
          label={isLive.value ? "Pause: stop asking again" : "Go on"}
          onClick={() => {
            isLive.value = !isLive.value;
          }}
        />
      </div>
    </section>
  );
}

function without(range: RangeState, dimension: string, value: string) {
  return { ...range.filters, [dimension]: (range.filters[dimension] ?? []).filter((one) => one !== value) };
}

function CustomRange({ range }: { range: RangeState }) {
  const { from, to } = range.params;
  const isAbsolute = range.preset === null;
  const label = isAbsolute
    ? `${exactTime(Date.parse(String(from)), range.zone, false)} – ${exactTime(Date.parse(String(to)), range.zone, false)}`
    : "Custom";
  return (
    <Popover icon="calendar" label={<span class="cut">{label}</span>}>
      {(close) => <CustomForm range={range} close={close} />}
    </Popover>
  );
}

function CustomForm({ range, close }: { range: RangeState; close: () => void }) {
  const now = Date.now();
  const isAbsolute = range.preset === null;
  const start = isAbsolute ? Date.parse(String(range.params.from)) : now - range.spanMs;
  const end = isAbsolute ? Date.parse(String(range.params.to)) : now;
  const [from, setFrom] = useState(localInput(start, range.zone));
  const [to, setTo] = useState(localInput(end, range.zone));
  const between: [number, number] = [fromLocalInput(from, range.zone), fromLocalInput(to, range.zone)];
  const isWrong = !(between[0] < between[1]);
  return (
    <form
      class="popover-form"
      onSubmit={(event) => {
        event.preventDefault();
        if (!isWrong) {
          close();
          range.set({ between });
        }
      }}
    >
      <Field label="From">
        {(own) => (
          <input
            {...own}
            class="input"
            type="datetime-local"
            value={from}
            onInput={(event) => setFrom(event.currentTarget.value)}
          />
        )}
      </Field>
      <Field label="To" hint={isWrong ? "Must be later than the start" : range.zone}>
        {(own) => (
          <input
            {...own}
            class="input"
            type="datetime-local"
            value={to}
            onInput={(event) => setTo(event.currentTarget.value)}
          />
        )}
      </Field>
      <Button type="submit" look="primary" disabled={isWrong}>
        Show
      </Button>
    </form>
  );
}

function Zone({ range }: { range: RangeState }) {
  const own = project.value?.time_zone ?? "UTC";
  if (own === browserZone) {
    return <span class="faint small">{own}</span>;
  }
  return (
    <Select
      label="Time zone"
      value={range.isBrowserZone ? "browser" : "project"}
      options={[
        { id: "project", label: own },
        { id: "browser", label: browserZone },
      ]}
      onChange={(zone) => range.set({ isBrowserZone: zone === "browser" })}
    />
  );
}

interface AddFilterProps {
  range: RangeState;
  dimensions: readonly string[];
  suggest: "metric" | "event" | "funnel";
}

function AddFilter(props: AddFilterProps) {
  return (
    <Popover icon="plus" label="Filter" isFilter>
      {(close) => <FilterForm {...props} close={close} />}
    </Popover>
  );
}

interface Suggestion {
  id: string;
  note: string;
}

/** The values of a dimension that the range has, the most frequent first. */
function useValues(dimension: string, range: RangeState, suggest: AddFilterProps["suggest"]): Suggestion[] {
  const isMetric = suggest === "metric";
  const groups = useQuestion<{ groups: Paged<{ group: string; count: number }> }>(
    isMetric ? "/api/analytics/performance/dashboard" : null,
    { ...range.params, group_by: dimension, page_size: 50 },
    { everyMs: 0 },
  );
  const [values, setValues] = useState<Suggestion[]>([]);
  const { from, to } = range.params;
  // From and to are all that counts of the range.
  useEffect(() => {
    if (isMetric) {
      return;
    }
    const stop = new AbortController();
    setValues([]);
    ask<{ values: { value: string; count: number }[] }>(
      "/api/analytics/events/properties",
      {
        ...range.params,
        kind: suggest === "event" ? undefined : suggest,
        property: dimension,
        groups_max: 50,
      },
      { signal: stop.signal },
    ).then(
      ({ data }) => setValues(data.values.map((one) => ({ id: one.value, note: count(one.count) }))),
      // Suggestions are a help: without them a value can be typed.
      () => undefined,
    );
    return () => stop.abort();
  }, [dimension, isMetric, from, to]);
  if (!isMetric) {
    return values;
  }
  const counts = new Map<string, number>();
  for (const { group, count: events } of groups.isOld ? [] : (groups.data?.groups.items ?? [])) {
    counts.set(group, (counts.get(group) ?? 0) + events);
  }
  return [...counts].map(([id, events]) => ({ id, note: count(events) }));
}

function FilterForm({ range, dimensions, suggest, close }: AddFilterProps & { close: () => void }) {
  const [dimension, setDimension] = useState(dimensions[0] ?? "page");
  const [text, setText] = useState("");
  const values = useValues(dimension, range, suggest).filter(
    (one) => one.id !== "" && one.id !== "__other__",
  );
  return (
    <div class="popover-form">
      <Select
        label="Filter by"
        value={dimension}
        options={dimensions.map((id) => ({ id, label: words(id) }))}
        onChange={(chosen) => {
          setDimension(chosen);
          setText("");
        }}
      />
      <Combobox
        label={`${words(dimension)} is`}
        placeholder="Value, then Enter"
        value={text}
        options={values}
        onInput={setText}
        onChoose={(value) => {
          close();
          const others = range.filters[dimension] ?? [];
          range.set({ filters: { ...range.filters, [dimension]: [...new Set([...others, value])] } });
        }}
      />
    </div>
  );
}
