import { useState } from "preact/hooks";
import { send } from "../../api/client";
import type { Paged } from "../../api/envelope";
import { useChange, useQuestion } from "../../api/question";
import type { Role } from "../../api/types";
import { words } from "../../format";
import { Button } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { ConfirmButton, OnceSnippet, SelectField, ShownOnce, TextField } from "../../parts/fields";
import { Form } from "../../parts/form";
import { AnswerOf, Panel } from "../../parts/panel";
import { Time, toast } from "../../parts/small";
import { Badge, EmptyState } from "../../parts/states";
import { Pager, Table } from "../../parts/table";
import { useParam } from "../../range/range";
import { may, project, projectId, session } from "../../session";
import { AccessOf } from "./person";
import type { Invitation, Member } from "./types";

export const ROLES = [
  { id: "viewer", label: "Viewer: looks" },
  { id: "admin", label: "Admin: changes the project, its keys and rules" },
  { id: "owner", label: "Owner: also gives roles" },
] as const;

/** Who may what in the project, and who is invited. */
export function People() {
  const [page, setPage] = useParam("page", "1");
  const members = useQuestion<Paged<Member>>(
    `/api/projects/${projectId.value}/members`,
    { page, page_size: 50 },
    { everyMs: 0, fresh: true, everywhere: true },
  );
  const [chosen, setChosen] = useState<Member>();
  return (
    <>
      <Panel title="Members" note={`of ${project.value?.name ?? projectId.value}`} flush>
        <AnswerOf
          of={members}
          height={160}
          canShrink
          isEmpty={(data) => data.total === 0}
          empty={
            <EmptyState title="Nobody has a role here yet" icon="user">
              Instance owners may everything without one. Invite others below.
            </EmptyState>
          }
        >
          {(data) => (
            <>
              <Table
                label="Members"
                rows={data.items}
                rowId={(row) => row.id}
                onRow={setChosen}
                columns={[
                  { id: "name", title: "Name", render: (row) => <strong>{row.name}</strong> },
                  { id: "email", title: "E-mail", render: (row) => row.email },
                  { id: "role", title: "Role", render: (row) => words(row.role) },
                  {
                    id: "state",
                    title: "State",
                    isMinor: true,
                    render: (row) =>
                      row.disabled_at_ms === null ? "" : <Badge icon="close">Disabled</Badge>,
                  },
                ]}
              />
              <Pager list={data} onPage={(next) => setPage(String(next))} />
            </>
          )}
        </AnswerOf>
      </Panel>
      {may("owner") && <Invitations />}
      {chosen && (
        <MemberDialog
          member={chosen}
          onClose={() => setChosen(undefined)}
          onDone={() => {
            setChosen(undefined);
            members.again();
          }}
        />
      )}
    </>
  );
}

interface MemberDialogProps {
  member: Member;
  onClose: () => void;
  onDone: () => void;
}

function MemberDialog({ member, onClose, onDone }: MemberDialogProps) {
  const [role, setRole] = useState<Role>(member.role);
  const address = `/api/projects/${projectId.value}/members/${member.id}`;
  const save = useChange(async () => {
    await send("PUT", address, { role }, { everywhere: true });
    toast(`${member.name} is ${role} now`);
    onDone();
  });
  const isSelf = member.id === session.value?.user.id;
  return (
    <Dialog title={member.name} onClose={onClose}>
      <div class="stack">
        <p class="small soft">{member.email}</p>
        {may("owner") && (
          <Form fields={["role"]} error={save.error} onSubmit={() => save.run()}>
            <SelectField
              label="Role"
              name="role"
              value={role}
              options={ROLES}
              onChange={setRole}
              error={save.error}
            />
            <div class="row">
              <Button type="submit" look="primary" isBusy={save.isBusy} disabled={role === member.role}>
                Give this role
              </Button>
              <span class="push">
                <ConfirmButton
                  label="Take out"
                  title={`Take ${member.name} out of the project?`}
                  run={async () => {
                    await send("DELETE", address, undefined, { everywhere: true });
                    toast(`${member.name} has no role here any more`);
                    onDone();
                  }}
                >
                  The project is not there any more for {member.email}. Other projects are not concerned.
                </ConfirmButton>
              </span>
            </div>
          </Form>
        )}
        {!isSelf && <AccessOf person={member} />}
      </div>
    </Dialog>
  );
}

/** Invitations that wait; `isForInstance` for those of instance owners. */
export function Invitations({ isForInstance = false }: { isForInstance?: boolean }) {
  const waiting = useQuestion<Paged<Invitation>>(
    "/api/invitations",
    { page_size: 500 },
    { everyMs: 0, fresh: true, everywhere: isForInstance },
  );
  const [isNew, setNew] = useState(false);
  const shown = (waiting.data?.items ?? []).filter((one) => !isForInstance || !one.membership);
  return (
    <Panel
      title={isForInstance ? "Invited as instance owners" : "Invitations that wait"}
      note="each lasts 7 days"
      flush
      actions={
        <Button look="primary" icon="plus" onClick={() => setNew(true)}>
          {isForInstance ? "Invite an instance owner" : "Invite"}
        </Button>
      }
    >
      <AnswerOf
        of={waiting}
        height={120}
        canShrink
        isEmpty={() => shown.length === 0}
        empty={<EmptyState title="Nobody is invited right now" icon="user" />}
      >
        {() => (
          <Table
            label="Invitations"
            rows={shown}
            rowId={(row) => row.id}
            columns={[
              { id: "email", title: "E-mail", render: (row) => <strong>{row.email}</strong> },
              { id: "role", title: "As", render: (row) => words(row.membership?.[1] ?? "instance owner") },
              { id: "end", title: "Ends", render: (row) => <Time at={row.expires_at_ms} /> },
              {
                id: "act",
                title: "",
                isNumber: true,
                render: (row) => (
                  <ConfirmButton
                    label="Take back"
                    title="Take this invitation back?"
                    run={async () => {
                      await send("DELETE", `/api/invitations/${row.id}`, undefined, {
                        everywhere: isForInstance,
                      });
                      waiting.again();
                    }}
                  >
                    Its link opens nothing any more.
                  </ConfirmButton>
                ),
              },
            ]}
          />
        )}
      </AnswerOf>
      {isNew && <Invite isForInstance={isForInstance} onClose={() => setNew(false)} onMade={waiting.again} />}
    </Panel>
  );
}

interface InviteProps {
  isForInstance: boolean;
  onClose: () => void;
  onMade: () => void;
}

function Invite({ isForInstance, onClose, onMade }: InviteProps) {
  const [email, setEmail] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  const [token, setToken] = useState("");
  const invite = useChange(async () => {
    const made = await send<{ token: string }>(
      "POST",
      "/api/invitations",
      isForInstance ? { email } : { email, role },
      { everywhere: isForInstance },
    );
    setToken(made.data.token);
    onMade();
  });
  return (
    <Dialog title={isForInstance ? "Invite an instance owner" : "Invite"} onClose={onClose}>
      {token ? (
        <ShownOnce title={`${email} is invited`}>
          <OnceSnippet title="Link to send" text={`${location.origin}/invitation?token=${token}`} />
          <p class="small soft">
            Whoever opens it within 7 days sets a password. Fresnel does not send it by itself.
          </p>
        </ShownOnce>
      ) : (
        <Form fields={["email", "role"]} error={invite.error} onSubmit={() => invite.run()}>
          <TextField
            label="E-mail"
            name="email"
            type="email"
            value={email}
            onInput={setEmail}
            error={invite.error}
          />
          {!isForInstance && (
            <SelectField
              label="Role"
              name="role"
              value={role}
              options={ROLES}
              onChange={setRole}
              error={invite.error}
            />
          )}
          <div class="row">
            <Button type="submit" look="primary" isBusy={invite.isBusy}>
              Make the link
            </Button>
          </div>
        </Form>
      )}
    </Dialog>
  );
}
