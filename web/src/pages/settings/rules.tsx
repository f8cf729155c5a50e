import { useState } from "preact/hooks";
import type { Threshold } from "../../api/types";
import { words } from "../../format";
import { LinesField, linesOf, SelectField, TextField } from "../../parts/fields";
import { Panel } from "../../parts/panel";
import { EditForm, type Editing } from "./editing";

const STATISTICS = ["p50", "p75", "p90", "p95", "p99", "avg"].map((id) => ({ id, label: id }));
const METRICS = ["page_load_time", "api_response_time", "effect_processing_time", "error_share"] as const;

/** Above which values dashboards warn. */
export function Thresholds({ editing }: { editing: Editing }) {
  const [values, setValues] = useState<
    Record<string, { statistic?: string; warning: string; critical: string }>
  >(() =>
    Object.fromEntries(
      METRICS.map((metric) => {
        const known: Partial<Threshold> = editing.project.settings.thresholds[metric] ?? {};
        return [
          metric,
          {
            ...(known.statistic ? { statistic: known.statistic } : {}),
            warning: String(known.warning ?? ""),
            critical: String(known.critical ?? ""),
          },
        ];
      }),
    ),
  );
  const nameOf = (metric: string, field: string) => `settings.thresholds.${metric}.${field}`;
  return (
    <Panel title="Thresholds" note="web vitals have fixed ones">
      <EditForm
        editing={editing}
        fields={METRICS.flatMap((metric) =>
          ["statistic", "warning", "critical"].map((field) => nameOf(metric, field)),
        )}
        body={() => ({
          settings: {
            thresholds: Object.fromEntries(
              Object.entries(values).map(([metric, value]) => [
                metric,
                { ...value, warning: Number(value.warning), critical: Number(value.critical) },
              ]),
            ),
          },
        })}
      >
        {(error) => (
          <div class="grid-3">
            {METRICS.map((metric) => {
              const value = values[metric] ?? { warning: "", critical: "" };
              const set = (change: Partial<typeof value>) =>
                setValues({ ...values, [metric]: { ...value, ...change } });
              const unit = metric === "error_share" ? "0 to 1" : "ms";
              return (
                <section key={metric} class="stack-tight" aria-label={words(metric)}>
                  <h3>{words(metric)}</h3>
                  {value.statistic && (
                    <SelectField
                      label="Statistic"
                      name={nameOf(metric, "statistic")}
                      value={value.statistic}
                      options={STATISTICS}
                      onChange={(statistic) => set({ statistic })}
                      error={error}
                    />
                  )}
                  <TextField
                    label={`Warning above, ${unit}`}
                    name={nameOf(metric, "warning")}
                    value={value.warning}
                    onInput={(warning) => set({ warning })}
                    error={error}
                  />
                  <TextField
                    label={`Critical above, ${unit}`}
                    name={nameOf(metric, "critical")}
                    value={value.critical}
                    onInput={(critical) => set({ critical })}
                    error={error}
                  />
                </section>
              );
            })}
          </div>
        )}
      </EditForm>
    </Panel>
  );
}

/** A list of the project's settings. */
function listOf<T>(editing: Editing, name: string): T[] {
  const found = editing.project.settings[name];
  return Array.isArray(found) ? found : [];
}

/** Names that are valid beside the standard ones. */
export function Names({ editing }: { editing: Editing }) {
  const [events, setEvents] = useState(listOf<string>(editing, "event_types").join("\n"));
  const [steps, setSteps] = useState(listOf<string>(editing, "funnel_steps").join("\n"));
  return (
    <Panel title="Own names" note="beside the standard ones">
      <EditForm
        editing={editing}
        fields={["settings.event_types", "settings.funnel_steps"]}
        body={() => ({ settings: { event_types: linesOf(events), funnel_steps: linesOf(steps) } })}
      >
        {(error) => (
          <>
            <LinesField
              label="Event types"
              name="settings.event_types"
              value={events}
              onInput={setEvents}
              error={error}
              placeholder="voucher_used"
              hint="One a line. Seven are valid anyway, such as feature_discovery."
              rows={4}
            />
            <LinesField
              label="Funnel steps"
              name="settings.funnel_steps"
              value={steps}
              onInput={setSteps}
              error={error}
              placeholder="voucher_entered"
              hint="One a line. Steps of the project's funnels are valid too."
              rows={4}
            />
          </>
        )}
      </EditForm>
    </Panel>
  );
}

const ARROW = "=>";
/** `pattern => name`, one a line. */
const ruleLines = (rules: { pattern: string; to: string }[]) =>
  rules.map((rule) => `${rule.pattern} ${ARROW} ${rule.to}`).join("\n");
function rulesOf<N extends string>(text: string, to: N): Record<string, string>[] {
  return linesOf(text).map((line) => {
    const place = line.lastIndexOf(ARROW);
    const pattern = place < 0 ? line : line.slice(0, place).trim();
    return { pattern, [to]: place < 0 ? "" : line.slice(place + ARROW.length).trim() };
  });
}

/** How pages are grouped, and what is taken out of texts. */
export function Rules({ editing }: { editing: Editing }) {
  const [grouping, setGrouping] = useState(
    ruleLines(
      listOf<{ pattern: string; name: string }>(editing, "grouping_rules").map((one) => ({
        pattern: one.pattern,
        to: one.name,
      })),
    ),
  );
  const [scrub, setScrub] = useState(
    ruleLines(
      listOf<{ pattern: string; replacement: string }>(editing, "scrub_rules").map((one) => ({
        pattern: one.pattern,
        to: one.replacement,
      })),
    ),
  );
  return (
    <Panel title="Rules for texts" note="for what comes from now on">
      <EditForm
        editing={editing}
        fields={["settings.grouping_rules", "settings.scrub_rules"]}
        body={() => ({
          settings: { grouping_rules: rulesOf(grouping, "name"), scrub_rules: rulesOf(scrub, "replacement") },
        })}
      >
        {(error) => (
          <>
            <LinesField
              label="Names of pages and endpoints"
              name="settings.grouping_rules"
              value={grouping}
              onInput={setGrouping}
              error={error}
              placeholder="^/shop/[^/]+$ => /shop/:product"
              hint="pattern => name, one a line. Ids such as /user/123 are grouped anyway."
              rows={4}
            />
            <LinesField
              label="Taken out of texts"
              name="settings.scrub_rules"
              value={scrub}
              onInput={setScrub}
              error={error}
              placeholder="[0-9]{16} => [card]"
              hint="pattern => replacement, one a line. Passwords, tokens and e-mail addresses are taken out anyway."
              rows={4}
            />
          </>
        )}
      </EditForm>
    </Panel>
  );
}
