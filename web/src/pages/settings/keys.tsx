import { useState } from "preact/hooks";
import { send } from "../../api/client";
import type { Paged } from "../../api/envelope";
import { useChange, useQuestion } from "../../api/question";
import { Button } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import {
  CheckField,
  ConfirmButton,
  folded,
  OnceSnippet,
  SelectField,
  ShownOnce,
  TextField,
} from "../../parts/fields";
import { Form } from "../../parts/form";
import { AnswerOf, Panel } from "../../parts/panel";
import { Time, toast } from "../../parts/small";
import { Badge, EmptyState } from "../../parts/states";
import { Pager, Table } from "../../parts/table";
import { useParam } from "../../range/range";
import { fromLocalInput, localInput } from "../../range/zone";
import { project } from "../../session";
import type { ApiKey, Scope } from "./types";

const KINDS = [
  { id: "browser", label: "Browser: public, only posts, from allowed origins" },
  { id: "server", label: "Server: secret, posts for its users" },
  { id: "read", label: "Read: secret, only looks" },
] as const;
const SCOPES: { id: Scope; label: string }[] = [
  { id: "ingest", label: "ingest: post beacons" },
  { id: "read", label: "read: ask questions" },
  { id: "manage", label: "manage: what an admin of this project may" },
  { id: "relay", label: "relay: post for others, with their addresses" },
  { id: "import", label: "import: post what is older" },
];

/** The keys of the project: whoever posts or asks shows one. */
export function Keys() {
  const [page, setPage] = useParam("page", "1");
  const keys = useQuestion<Paged<ApiKey>>("/api/keys", { page, page_size: 50 }, { everyMs: 0, fresh: true });
  const [isNew, setNew] = useState(false);
  const [chosen, setChosen] = useState<ApiKey>();
  return (
    <Panel
      title="Keys"
      note="choose one to change it"
      flush
      actions={
        <Button look="primary" icon="plus" onClick={() => setNew(true)}>
          New key
        </Button>
      }
    >
      <AnswerOf
        of={keys}
        height={200}
        canShrink
        isEmpty={(data) => data.total === 0}
        empty={<EmptyState title="No keys yet">Pages need a browser key to post.</EmptyState>}
      >
        {(data) => (
          <>
            <Table
              label="Keys"
              rows={data.items}
              rowId={(row) => row.id}
              onRow={setChosen}
              columns={[
                { id: "name", title: "Name", render: (row) => <strong>{row.name}</strong> },
                { id: "kind", title: "Kind", render: (row) => row.kind },
                { id: "state", title: "State", render: (row) => <KeyState item={row} /> },
                {
                  id: "shown",
                  title: "Begins",
                  isMinor: true,
                  render: (row) => <span class="code">{row.shown ? `${row.shown}…` : "–"}</span>,
                },
                { id: "scopes", title: "May", isMinor: true, render: (row) => row.scopes.join(", ") },
                {
                  id: "made",
                  title: "Made",
                  isMinor: true,
                  render: (row) => <Time at={row.created_at_ms} />,
                },
              ]}
            />
            <Pager list={data} onPage={(next) => setPage(String(next))} />
          </>
        )}
      </AnswerOf>
      {isNew && <NewKey onClose={() => setNew(false)} onMade={keys.again} />}
      {chosen && <EditKey item={chosen} onClose={() => setChosen(undefined)} onDone={keys.again} />}
    </Panel>
  );
}

function KeyState({ item }: { item: ApiKey }) {
  if (item.revoked_at_ms !== null) {
    return <Badge icon="close">Revoked</Badge>;
  }
  if (item.expires_at_ms === null) {
    return (
      <Badge tone="good" icon="check">
        Valid
      </Badge>
    );
  }
  return item.expires_at_ms < Date.now() ? (
    <Badge tone="warning" icon="clock">
      Expired
    </Badge>
  ) : (
    <Badge tone="good" icon="clock">
      <span>
        Ends <Time at={item.expires_at_ms} />
      </span>
    </Badge>
  );
}

const zone = () => project.value?.time_zone ?? "UTC";
/** The end of a day of the project's zone; undefined for none. */
const endOf = (day: string) => (day === "" ? undefined : fromLocalInput(`${day}T23:59`, zone()));

function NewKey({ onClose, onMade }: { onClose: () => void; onMade: () => void }) {
  const [kind, setKind] = useState<ApiKey["kind"]>("browser");
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState<Scope[]>(["ingest"]);
  const [day, setDay] = useState("");
  const [secret, setSecret] = useState("");
  const make = useChange(async () => {
    const made = await send<{ secret: string }>("POST", "/api/keys", {
      kind,
      name,
      ...(kind === "server" ? { scopes } : {}),
      ...(day === "" ? {} : { expires_at_ms: endOf(day) }),
    });
    setSecret(made.data.secret);
    onMade();
  });
  const error = folded(make.error, ["scopes"]);
  return (
    <Dialog title="New key" onClose={onClose}>
      {secret ? (
        <ShownOnce title={`The key “${name}” is made`}>
          <OnceSnippet title="Key" text={secret} />
          <OnceSnippet title="To paste" text={usageOf(kind, scopes, secret)} />
          <div class="row">
            <Button look="primary" onClick={onClose}>
              Done
            </Button>
          </div>
        </ShownOnce>
      ) : (
        <Form fields={["kind", "name", "scopes", "expires_at_ms"]} error={error} onSubmit={() => make.run()}>
          <SelectField
            label="Kind"
            name="kind"
            value={kind}
            options={KINDS}
            onChange={setKind}
            error={error}
          />
          <TextField
            label="Name"
            name="name"
            value={name}
            onInput={setName}
            error={error}
            placeholder="Web shop"
          />
          {kind === "server" && (
            <fieldset class="stack-tight" style={{ border: 0, margin: 0, padding: 0 }}>
              <legend class="field-label">May</legend>
              {SCOPES.map((scope) => (
                <CheckField
                  key={scope.id}
                  label={scope.label}
                  isOn={scopes.includes(scope.id)}
                  onChange={(isOn) =>
                    setScopes(isOn ? [...scopes, scope.id] : scopes.filter((one) => one !== scope.id))
                  }
                />
              ))}
              {error?.of("scopes") && <span class="field-fault">{error.of("scopes")}</span>}
            </fieldset>
          )}
          <TextField
            label="Expires"
            name="expires_at_ms"
            type="date"
            value={day}
            onInput={setDay}
            error={error}
            hint={`At the end of this day, ${zone()}. Empty: never.`}
          />
          <div class="row">
            <Button type="submit" look="primary" isBusy={make.isBusy}>
              Make the key
            </Button>
          </div>
        </Form>
      )}
    </Dialog>
  );
}

function usageOf(kind: ApiKey["kind"], scopes: Scope[], secret: string): string {
  const { origin } = location;
  if (kind === "browser") {
    return `<script src="${origin}/fresnel.js" data-key="${secret}" defer></script>`;
  }
  return kind === "read" || !scopes.includes("ingest")
    ? `curl -H 'Authorization: Bearer ${secret}' \\\n  '${origin}/api/analytics/performance/timeseries?type=page_load_time'`
    : `curl -H 'Authorization: Bearer ${secret}' -H 'Content-Type: application/json' \\\n  ${origin}/api/analytics/events \\\n  -d '{"session_id": "try-1", "user_id": "u-1", "event_type": "feature_discovery", "event_data": {"page": "/"}}'`;
}

function EditKey({ item, onClose, onDone }: { item: ApiKey; onClose: () => void; onDone: () => void }) {
  const [name, setName] = useState(item.name);
  const [day, setDay] = useState(
    item.expires_at_ms === null ? "" : localInput(item.expires_at_ms, zone()).slice(0, 10),
  );
  const save = useChange(async () => {
    await send("PATCH", `/api/keys/${item.id}`, { name, expires_at_ms: endOf(day) ?? null });
    toast("Saved");
    onDone();
    onClose();
  });
  if (item.revoked_at_ms !== null) {
    return (
      <Dialog title={item.name} onClose={onClose}>
        <p>
          Revoked <Time at={item.revoked_at_ms} isExact />. It stays in the list until the audit log forgets
          it.
        </p>
      </Dialog>
    );
  }
  return (
    <Dialog title={item.name} onClose={onClose}>
      <Form fields={["name", "expires_at_ms"]} error={save.error} onSubmit={() => save.run()}>
        <TextField label="Name" name="name" value={name} onInput={setName} error={save.error} />
        <TextField
          label="Expires"
          name="expires_at_ms"
          type="date"
          value={day}
          onInput={setDay}
          error={save.error}
          hint={`At the end of this day, ${zone()}. Empty: never.`}
        />
        <div class="row">
          <Button type="submit" look="primary" isBusy={save.isBusy}>
            Save
          </Button>
          <span class="push">
            <ConfirmButton
              label="Revoke"
              title={`Revoke “${item.name}”?`}
              run={async () => {
                await send("DELETE", `/api/keys/${item.id}`);
                toast("The key is revoked");
                onDone();
                onClose();
              }}
            >
              Whatever shows this key is refused from now on, for ever.
            </ConfirmButton>
          </span>
        </div>
      </Form>
    </Dialog>
  );
}
