import { useState } from "preact/hooks";
import { ask, send } from "../../api/client";
import { useChange } from "../../api/question";
import type { Project } from "../../api/types";
import { Button } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { ConfirmButton, folded, LinesField, linesOf, SelectField, TextField } from "../../parts/fields";
import { Form } from "../../parts/form";
import { toast } from "../../parts/small";
import { findProjects, projectId } from "../../session";
import type { FunnelDefinition } from "./types";

const FIELDS = ["name", "steps", "id", "window_ms"];
export const WINDOWS = [
  { id: "1800000", label: "30 minutes" },
  { id: "3600000", label: "An hour" },
  { id: "86400000", label: "A day" },
  { id: "604800000", label: "A week" },
  { id: "2592000000", label: "30 days" },
] as const;

/** Changes the list of the project's own funnels, of the project as it is now. */
async function change(make: (funnels: FunnelDefinition[]) => FunnelDefinition[]) {
  const path = `/api/projects/${projectId.value}`;
  const { data } = await ask<Project>(path, {}, { everywhere: true, fresh: true });
  const funnels = make((data.settings.funnels as FunnelDefinition[] | undefined) ?? []);
  await send("PATCH", path, { revision: data.revision, settings: { funnels } }, { everywhere: true });
  await findProjects();
}

interface EditorProps {
  /** None: a new one. */
  funnel?: FunnelDefinition | undefined;
  onDone: (id: string | undefined) => void;
  onClose: () => void;
}

/** Defines a funnel of the project's own. Names of its steps are taken from then on. */
export function FunnelEditor({ funnel, onDone, onClose }: EditorProps) {
  const [name, setName] = useState(funnel?.name ?? "");
  const [steps, setSteps] = useState(funnel?.steps.join("\n") ?? "");
  const [windowMs, setWindowMs] = useState(String(funnel?.window_ms ?? 86_400_000));
  const save = useChange(async () => {
    const id = funnel?.id ?? idOf(name);
    const made = { id, name, steps: linesOf(steps), window_ms: Number(windowMs) };
    await change((known) =>
      funnel ? known.map((one) => (one.id === funnel.id ? made : one)) : [...known, made],
    );
    toast(`Saved “${name}”`);
    onDone(id);
  });
  const error = folded(ofTheFunnel(save.error), FIELDS);
  const isUnusual = !WINDOWS.some((one) => one.id === windowMs);
  return (
    <Dialog title={funnel ? `Change ${funnel.name}` : "New funnel"} onClose={onClose}>
      <Form fields={FIELDS} error={error} onSubmit={() => save.run()}>
        <TextField
          label="Name"
          name="name"
          value={name}
          onInput={setName}
          error={error}
          placeholder="Checkout"
        />
        <LinesField
          label="Steps, one a line, in their order"
          name="steps"
          rows={6}
          value={steps}
          onInput={setSteps}
          error={error}
          placeholder={"cart_viewed\naddress_given\norder_placed"}
          hint='As your page names them: fresnel.step("cart_viewed")'
        />
        <SelectField
          label="From the first step to the last within"
          name="window_ms"
          value={windowMs}
          options={isUnusual ? [...WINDOWS, { id: windowMs, label: `${windowMs} ms` }] : [...WINDOWS]}
          onChange={setWindowMs}
          error={error}
        />
        <div class="row">
          <Button type="submit" look="primary" isBusy={save.isBusy}>
            Save
          </Button>
          <Button onClick={onClose}>Cancel</Button>
          {funnel && (
            <span class="push">
              <ConfirmButton
                label="Delete"
                title={`Delete ${funnel.name}`}
                run={async () => {
                  await change((known) => known.filter((one) => one.id !== funnel.id));
                  toast(`Deleted “${funnel.name}”`);
                  onDone(undefined);
                }}
              >
                The definition goes; the steps that are stored stay. Beacons with steps that no funnel names
                are refused from then on.
              </ConfirmButton>
            </span>
          )}
        </div>
      </Form>
    </Dialog>
  );
}

const idOf = (name: string) =>
  name
    .toLowerCase()
    .normalize("NFKD")
    .replace(/[^a-z0-9_-]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 64) || "funnel";

/** `settings.funnels.3.steps` is this form's `steps`. */
function ofTheFunnel(error: ReturnType<typeof useChange>["error"]) {
  if (!error) {
    return undefined;
  }
  for (const detail of error.details) {
    detail.field = detail.field.replace(/^settings\.funnels\.\d+\./, "");
  }
  return error;
}
