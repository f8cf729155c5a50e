import { useMemo, useState } from "preact/hooks";
import { send } from "../../api/client";
import { useChange } from "../../api/question";
import { words } from "../../format";
import { Button } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { CheckField, ConfirmButton, LinesField, SelectField, TextField } from "../../parts/fields";
import { Form } from "../../parts/form";
import { toast } from "../../parts/small";
import { may } from "../../session";
import { BacktestPanel } from "./backtest";
import { LEVELS, type Level, type Rule, type RuleDefinition, type Watch } from "./types";
import { WatchFields } from "./watch-fields";

const TIMES = [
  { id: "0", label: "at once" },
  { id: "30000", label: "30 seconds" },
  { id: "60000", label: "a minute" },
  { id: "300000", label: "5 minutes" },
  { id: "900000", label: "15 minutes" },
  { id: "3600000", label: "an hour" },
] as const;
const NO_DATA = [
  { id: "keep", label: "what was so stays so" },
  { id: "ok", label: "all is well" },
  { id: "fire", label: "it fires" },
] as const;
const DIRECTIONS = [
  { id: "above", label: "above" },
  { id: "below", label: "below" },
] as const;
const OWN_FIELDS = [
  "name",
  "description",
  "runbook_url",
  "for_ms",
  "keep_firing_for_ms",
  "no_data",
  ...LEVELS.map((level) => `thresholds.${level}`),
];

const NEW: RuleDefinition = {
  name: "",
  is_enabled: true,
  watch: { kind: "metric", type: "page_load_time", aggregate: "p75", window_ms: 300_000, events_min: 5 },
  thresholds: { direction: "above", warning: 3_000, critical: 5_000 },
  for_ms: 60_000,
  keep_firing_for_ms: 120_000,
  no_data: "keep",
};

const timesWith = (value: string) =>
  TIMES.some((one) => one.id === value)
    ? TIMES
    : [...TIMES, { id: value, label: `${Number(value) / 1_000} s` }];

interface RuleEditorProps {
  /** None: a new one. */
  rule: Rule | undefined;
  onClose: () => void;
}

/** What is watched, and when that is bad. What it would have done in the past is drawn while one types. */
export function RuleEditor({ rule, onClose }: RuleEditorProps) {
  const known = rule ?? NEW;
  const [name, setName] = useState(known.name);
  const [description, setDescription] = useState(known.description ?? "");
  const [runbook, setRunbook] = useState(known.runbook_url ?? "");
  const [isOn, setOn] = useState(known.is_enabled);
  const [watch, setWatch] = useState<Watch>(known.watch);
  const [direction, setDirection] = useState(known.thresholds.direction);
  const [levels, setLevels] = useState<Record<Level, string>>(
    () =>
      Object.fromEntries(LEVELS.map((level) => [level, String(known.thresholds[level] ?? "")])) as Record<
        Level,
        string
      >,
  );
  const [forMs, setForMs] = useState(String(known.for_ms));
  const [keepMs, setKeepMs] = useState(String(known.keep_firing_for_ms ?? 0));
  const [noData, setNoData] = useState(known.no_data);

  const body = useMemo(
    () => ({
      // A rule is tried before it has a name.
      name: name || "New rule",
      ...(description ? { description } : {}),
      ...(runbook ? { runbook_url: runbook } : {}),
      is_enabled: isOn,
      watch,
      thresholds: {
        direction,
        ...Object.fromEntries(
          LEVELS.filter((level) => levels[level].trim() !== "").map((level) => [
            level,
            Number(levels[level]),
          ]),
        ),
      },
      // A single value does not last.
      for_ms: watch.kind === "single" ? 0 : Number(forMs),
      ...(Number(keepMs) > 0 ? { keep_firing_for_ms: Number(keepMs) } : {}),
      no_data: noData,
    }),
    [name, description, runbook, isOn, watch, direction, levels, forMs, keepMs, noData],
  );
  const save = useChange(async () => {
    const named = { ...body, name };
    if (rule) {
      // What is taken away must be said.
      const taken = {
        ...(rule.description && !description ? { description: null } : {}),
        ...(rule.runbook_url && !runbook ? { runbook_url: null } : {}),
        ...(rule.keep_firing_for_ms && Number(keepMs) === 0 ? { keep_firing_for_ms: null } : {}),
      };
      await send("PATCH", `/api/rules/${rule.id}`, { revision: rule.revision, ...named, ...taken });
    } else {
      await send("POST", "/api/rules", named);
    }
    toast(`Saved “${name}”`);
    onClose();
  });
  const isReadOnly = !may("admin");
  return (
    <Dialog title={rule ? rule.name : "New rule"} isWide onClose={onClose}>
      <Form fields={OWN_FIELDS} error={save.error} onSubmit={() => !isReadOnly && save.run()}>
        <fieldset class="plain stack" disabled={isReadOnly}>
          <TextField
            label="Name"
            name="name"
            value={name}
            onInput={setName}
            error={save.error}
            placeholder="Slow checkout"
          />
          <WatchFields watch={watch} onChange={setWatch} error={save.error} />
          <div class="grid-levels">
            <SelectField
              label="Bad is what is"
              value={direction}
              options={DIRECTIONS}
              onChange={setDirection}
            />
            {LEVELS.map((level) => (
              <TextField
                key={level}
                label={words(level)}
                name={`thresholds.${level}`}
                type="number"
                value={levels[level]}
                onInput={(value) => setLevels({ ...levels, [level]: value })}
                error={save.error}
                placeholder="–"
              />
            ))}
          </div>
          <div class="grid-3">
            {watch.kind !== "single" && (
              <SelectField
                label="Fires when that lasts"
                value={forMs}
                options={timesWith(forMs)}
                onChange={setForMs}
              />
            )}
            <SelectField
              label="Is over when all is well for"
              value={keepMs}
              options={timesWith(keepMs)}
              onChange={setKeepMs}
            />
            <SelectField label="Without data" value={noData} options={NO_DATA} onChange={setNoData} />
          </div>
        </fieldset>
        <BacktestPanel rule={body} />
        <fieldset class="plain stack" disabled={isReadOnly}>
          <LinesField
            label="What it means and what to do"
            name="description"
            rows={2}
            value={description}
            onInput={setDescription}
            error={save.error}
          />
          <TextField
            label="Address of the runbook"
            name="runbook_url"
            type="url"
            value={runbook}
            onInput={setRunbook}
            error={save.error}
            placeholder="https://wiki.example.com/slow-checkout"
          />
          <CheckField label="It is on" isOn={isOn} onChange={setOn} />
        </fieldset>
        <div class="row">
          {!isReadOnly && (
            <Button type="submit" look="primary" isBusy={save.isBusy}>
              Save
            </Button>
          )}
          <Button onClick={onClose}>{isReadOnly ? "Close" : "Cancel"}</Button>
          {rule && !isReadOnly && (
            <span class="push">
              <ConfirmButton
                label="Delete"
                title={`Delete ${rule.name}`}
                run={async () => {
                  await send("DELETE", `/api/rules/${rule.id}`);
                  toast(`Deleted “${rule.name}”`);
                  onClose();
                }}
              >
                What fires because of it is over, and those who know of it are told.
              </ConfirmButton>
            </span>
          )}
        </div>
      </Form>
    </Dialog>
  );
}
