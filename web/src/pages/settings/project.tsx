import { useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { send } from "../../api/client";
import { useChange, useQuestion } from "../../api/question";
import type { Project as ProjectData } from "../../api/types";
import { Button } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { CheckField, ConfirmButton, LinesField, linesOf, TextField } from "../../parts/fields";
import { Form } from "../../parts/form";
import { AnswerOf, Panel } from "../../parts/panel";
import { toast } from "../../parts/small";
import { findProjects, may, projectId, session } from "../../session";
import { EditForm, type Editing } from "./editing";
import { Names, Rules, Thresholds } from "./rules";

/** What a project is. Each panel is saved by itself. */
export function Project() {
  const known = useQuestion<ProjectData>(
    `/api/projects/${projectId.value}`,
    {},
    { everyMs: 0, fresh: true, everywhere: true },
  );
  // What was saved a moment ago, until it is read again; and a number that makes the forms anew.
  const [saved, setSaved] = useState<ProjectData>();
  const [round, setRound] = useState(0);
  return (
    <AnswerOf of={known} height={600} canShrink>
      {(read) => {
        const project = saved && saved.revision > read.revision ? saved : read;
        const editing: Editing = {
          project,
          save: async (body) => {
            const done = await send<ProjectData>(
              "PATCH",
              `/api/projects/${project.id}`,
              { revision: project.revision, ...body },
              { everywhere: true },
            );
            setSaved(done.data);
            toast("Saved: it holds at once");
            await findProjects();
          },
          reread: () => {
            known.again();
            setRound(round + 1);
          },
        };
        const key = `${project.id} ${round} ${known.data?.revision}`;
        return (
          <div class="stack" key={key}>
            <General editing={editing} />
            <Thresholds editing={editing} />
            <div class="grid-2">
              <Names editing={editing} />
              <Rules editing={editing} />
            </div>
            <Ends project={project} />
          </div>
        );
      }}
    </AnswerOf>
  );
}

const ZONES = Intl.supportedValuesOf("timeZone");

function General({ editing }: { editing: Editing }) {
  const { project } = editing;
  const [name, setName] = useState(project.name);
  const [zone, setZone] = useState(project.time_zone);
  const [origins, setOrigins] = useState(project.allowed_origins.join("\n"));
  const [isKeyless, setKeyless] = useState(project.allow_keyless);
  return (
    <Panel title="General" note={<span class="code">{project.id}</span>}>
      <EditForm
        editing={editing}
        fields={["name", "time_zone", "allowed_origins"]}
        body={() => ({
          name,
          time_zone: zone.trim(),
          allowed_origins: linesOf(origins),
          allow_keyless: isKeyless,
        })}
      >
        {(error) => (
          <div class="grid-2">
            <div class="stack">
              <TextField label="Name" name="name" value={name} onInput={setName} error={error} />
              <TextField
                label="Time zone"
                name="time_zone"
                value={zone}
                onInput={setZone}
                error={error}
                list="zones"
                hint="Days begin and end by it, in charts and reports."
              />
              <datalist id="zones">
                {ZONES.map((one) => (
                  <option key={one} value={one} />
                ))}
              </datalist>
            </div>
            <div class="stack">
              <LinesField
                label="Allowed origins"
                name="allowed_origins"
                value={origins}
                onInput={setOrigins}
                error={error}
                placeholder="https://shop.example"
                hint="From where pages may post, one a line: https://shop.example, https://*.shop.example, or *."
              />
              <CheckField
                label="Take beacons without a key from these origins"
                hint="Only where the setting ingest.allow_keyless allows it too."
                isOn={isKeyless}
                onChange={setKeyless}
              />
            </div>
          </div>
        )}
      </EditForm>
    </Panel>
  );
}

/** New projects, and the end of this one. */
function Ends({ project }: { project: ProjectData }) {
  const { route } = useLocation();
  const [isNew, setNew] = useState(false);
  const isInstanceOwner = session.value?.user.is_instance_owner ?? false;
  const mayDelete = may("owner") && project.id !== "default";
  if (!isInstanceOwner && !mayDelete) {
    return null;
  }
  return (
    <Panel title="Projects">
      <div class="row">
        {isInstanceOwner && (
          <Button icon="plus" onClick={() => setNew(true)}>
            New project
          </Button>
        )}
        {mayDelete && (
          <span class="push">
            <ConfirmButton
              label="Delete this project"
              title={`Delete ${project.name}?`}
              typed={project.id}
              run={async () => {
                await send("DELETE", `/api/projects/${project.id}`, undefined, { everywhere: true });
                toast(`${project.name} is deleted`);
                route("/");
                await findProjects();
              }}
            >
              Its keys are refused from now on, and nobody sees its data any more. Its id is not given again.
            </ConfirmButton>
          </span>
        )}
      </div>
      {isNew && <NewProject onClose={() => setNew(false)} />}
    </Panel>
  );
}

function NewProject({ onClose }: { onClose: () => void }) {
  const { route } = useLocation();
  const [id, setId] = useState("");
  const [name, setName] = useState("");
  const make = useChange(async () => {
    await send("POST", "/api/projects", { id, name }, { everywhere: true });
    await findProjects();
    toast(`${name} is made`);
    onClose();
    route(`/settings?project=${encodeURIComponent(id)}`);
  });
  return (
    <Dialog title="New project" onClose={onClose}>
      <Form fields={["id", "name"]} error={make.error} onSubmit={() => make.run()}>
        <TextField
          label="Id"
          name="id"
          value={id}
          onInput={setId}
          error={make.error}
          hint="a–z, 0–9, _ and -. It stays."
          isCode
        />
        <TextField label="Name" name="name" value={name} onInput={setName} error={make.error} />
        <div class="row">
          <Button type="submit" look="primary" isBusy={make.isBusy}>
            Make the project
          </Button>
        </div>
      </Form>
    </Dialog>
  );
}
