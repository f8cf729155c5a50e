import { useState } from "preact/hooks";
import { send } from "../../api/client";
import type { Paged } from "../../api/envelope";
import { useChange, useQuestion } from "../../api/question";
import type { Role } from "../../api/types";
import { words } from "../../format";
import { Button } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { CheckField, TextField } from "../../parts/fields";
import { Form } from "../../parts/form";
import { AnswerOf, Panel } from "../../parts/panel";
import { toast } from "../../parts/small";
import { Badge } from "../../parts/states";
import { Pager, Table } from "../../parts/table";
import { useParam } from "../../range/range";
import { session } from "../../session";
import { Invitations } from "./people";
import { AccessOf } from "./person";
import type { Person } from "./types";

/** Everybody of this Fresnel, for instance owners. */
export function Users() {
  const [page, setPage] = useParam("page", "1");
  const users = useQuestion<Paged<Person>>(
    "/api/users",
    { page, page_size: 50 },
    { everyMs: 0, fresh: true, everywhere: true },
  );
  const [chosen, setChosen] = useState<Person>();
  return (
    <>
      <Panel title="Users" note="of all projects" flush>
        <AnswerOf of={users} height={160} canShrink>
          {(data) => (
            <>
              <Table
                label="Users"
                rows={data.items}
                rowId={(row) => row.id}
                onRow={setChosen}
                columns={[
                  { id: "name", title: "Name", render: (row) => <strong>{row.name}</strong> },
                  { id: "email", title: "E-mail", render: (row) => row.email },
                  {
                    id: "state",
                    title: "State",
                    render: (row) => (
                      <span class="row">
                        {row.is_instance_owner && <Badge tone="accent">Instance owner</Badge>}
                        {row.disabled_at_ms !== null && <Badge icon="close">Disabled</Badge>}
                      </span>
                    ),
                  },
                ]}
              />
              <Pager list={data} onPage={(next) => setPage(String(next))} />
            </>
          )}
        </AnswerOf>
      </Panel>
      <Invitations isForInstance />
      {chosen && (
        <UserDialog
          person={chosen}
          onClose={() => setChosen(undefined)}
          onDone={() => {
            setChosen(undefined);
            users.again();
          }}
        />
      )}
    </>
  );
}

interface UserDialogProps {
  person: Person;
  onClose: () => void;
  onDone: () => void;
}

function UserDialog({ person, onClose, onDone }: UserDialogProps) {
  const [name, setName] = useState(person.name);
  const [isOwner, setOwner] = useState(person.is_instance_owner);
  const [isDisabled, setDisabled] = useState(person.disabled_at_ms !== null);
  const full = useQuestion<Person & { memberships: { project_id: string; role: Role }[] }>(
    `/api/users/${person.id}`,
    {},
    { everyMs: 0, fresh: true, everywhere: true },
  );
  const save = useChange(async () => {
    const body = { name, is_instance_owner: isOwner, is_disabled: isDisabled };
    await send("PATCH", `/api/users/${person.id}`, body, { everywhere: true });
    toast("Saved");
    onDone();
  });
  const roles = full.data?.memberships.map((one) => `${words(one.role)} of ${one.project_id}`) ?? [];
  return (
    <Dialog title={person.name} onClose={onClose}>
      <div class="stack">
        <p class="small soft">
          {person.email} · {roles.join(" · ") || "no roles in projects"}
        </p>
        <Form fields={["name"]} error={save.error} onSubmit={() => save.run()}>
          <TextField label="Name" name="name" value={name} onInput={setName} error={save.error} />
          <CheckField
            label="Instance owner"
            hint="May everything in all projects."
            isOn={isOwner}
            onChange={setOwner}
          />
          <CheckField
            label="Disabled"
            hint="Cannot log in; the audit log goes on naming them."
            isOn={isDisabled}
            onChange={setDisabled}
          />
          <div class="row">
            <Button type="submit" look="primary" isBusy={save.isBusy}>
              Save
            </Button>
          </div>
        </Form>
        {person.id !== session.value?.user.id && <AccessOf person={person} />}
      </div>
    </Dialog>
  );
}
