import { useState } from "preact/hooks";
import { send } from "../../api/client";
import type { Paged } from "../../api/envelope";
import { useChange, useQuestion } from "../../api/question";
import { Button } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { ConfirmButton, LinesField, SelectField, TextField } from "../../parts/fields";
import { Form } from "../../parts/form";
import { AnswerOf, Panel } from "../../parts/panel";
import { Time, toast } from "../../parts/small";
import { Badge, EmptyState } from "../../parts/states";
import { Table } from "../../parts/table";
import type { Issuer } from "./types";

const ALGORITHMS = [
  { id: "jwks", label: "Keys that it serves (JWKS)" },
  { id: "rs256", label: "RS256: a public key" },
  { id: "hs256", label: "HS256: a shared secret" },
] as const;

/** Whose JSON web tokens the project believes. */
export function Issuers() {
  const issuers = useQuestion<Paged<Issuer>>(
    "/api/issuers",
    { page_size: 500 },
    { everyMs: 10_000, fresh: true },
  );
  const [chosen, setChosen] = useState<Issuer | "new">();
  return (
    <Panel
      title="Issuers of tokens"
      note="whose JSON web tokens say who a user is"
      flush
      actions={
        <Button look="primary" icon="plus" onClick={() => setChosen("new")}>
          New issuer
        </Button>
      }
    >
      <AnswerOf
        of={issuers}
        height={160}
        canShrink
        isEmpty={(data) => data.total === 0}
        empty={
          <EmptyState title="No tokens are believed" icon="user">
            Pages post without saying whose they are. With an issuer, quotas and sessions follow the user of
            each token.
          </EmptyState>
        }
      >
        {(data) => (
          <Table
            label="Issuers"
            rows={data.items}
            rowId={(row) => row.id}
            onRow={setChosen}
            columns={[
              { id: "name", title: "Name", render: (row) => <strong>{row.name}</strong> },
              { id: "keys", title: "Keys", render: (row) => row.keys.algorithm.toUpperCase() },
              { id: "state", title: "State", render: (row) => <Standing item={row} /> },
              {
                id: "iss",
                title: "iss",
                isMinor: true,
                render: (row) => <span class="code">{row.issuer || "anything"}</span>,
              },
              {
                id: "aud",
                title: "aud",
                isMinor: true,
                render: (row) => <span class="code">{row.audience || "anything"}</span>,
              },
            ]}
          />
        )}
      </AnswerOf>
      {chosen && (
        <IssuerForm
          item={chosen === "new" ? undefined : chosen}
          onClose={() => setChosen(undefined)}
          onDone={() => {
            setChosen(undefined);
            issuers.again();
          }}
        />
      )}
    </Panel>
  );
}

function Standing({ item: { jwks } }: { item: Issuer }) {
  if (!jwks) {
    return (
      <Badge tone="good" icon="check">
        Key is set
      </Badge>
    );
  }
  const has = jwks.key_ids.length;
  if (jwks.last_error) {
    return (
      <span>
        <Badge tone={has > 0 ? "warning" : "critical"} icon={has > 0 ? "warning" : "critical"}>
          {has > 0 ? `Not reached; the last ${has} keys hold` : "Not reached, no keys"}
        </Badge>
        <div class="wrap small soft">{jwks.last_error}</div>
      </span>
    );
  }
  return jwks.fetched_at_ms === null ? (
    <Badge icon="clock">Not fetched yet</Badge>
  ) : (
    <span class="row">
      <Badge tone="good" icon="check">
        {has} {has === 1 ? "key" : "keys"}
      </Badge>
      <span class="soft">
        fetched <Time at={jwks.fetched_at_ms} />
      </span>
    </span>
  );
}

interface IssuerFormProps {
  item: Issuer | undefined;
  onClose: () => void;
  onDone: () => void;
}

function IssuerForm({ item, onClose, onDone }: IssuerFormProps) {
  const [name, setName] = useState(item?.name ?? "");
  const [issuer, setIssuer] = useState(item?.issuer ?? "");
  const [audience, setAudience] = useState(item?.audience ?? "");
  const [algorithm, setAlgorithm] = useState<Issuer["keys"]["algorithm"]>(item?.keys.algorithm ?? "jwks");
  const [key, setKey] = useState(item?.keys.url ?? item?.keys.public_key_pem ?? "");
  const field = { jwks: "url", rs256: "public_key_pem", hs256: "secret" }[algorithm];
  const save = useChange(async () => {
    const keys = item && key === "" ? {} : { algorithm, [field]: key };
    const body = { name, issuer, audience, ...keys };
    await (item ? send("PATCH", `/api/issuers/${item.id}`, body) : send("POST", "/api/issuers", body));
    toast("Saved");
    onDone();
  });
  const { error } = save;
  return (
    <Dialog title={item?.name ?? "New issuer"} onClose={onClose}>
      <Form
        fields={["name", "issuer", "audience", "algorithm", field]}
        error={error}
        onSubmit={() => save.run()}
      >
        <TextField label="Name" name="name" value={name} onInput={setName} error={error} />
        <TextField
          label="Issuer"
          name="issuer"
          value={issuer}
          onInput={setIssuer}
          error={error}
          hint="What iss must be. Empty: anything."
          isCode
        />
        <TextField
          label="Audience"
          name="audience"
          value={audience}
          onInput={setAudience}
          error={error}
          hint="What aud must hold. Empty: anything."
          isCode
        />
        <SelectField
          label="Keys"
          name="algorithm"
          value={algorithm}
          options={ALGORITHMS}
          onChange={(chosen) => {
            setAlgorithm(chosen);
            setKey("");
          }}
          error={error}
        />
        {algorithm === "rs256" ? (
          <LinesField
            label="Public key (PEM)"
            name={field}
            value={key}
            onInput={setKey}
            error={error}
            rows={6}
          />
        ) : (
          <TextField
            label={algorithm === "jwks" ? "Address of the keys" : "Secret"}
            name={field}
            type={algorithm === "jwks" ? "url" : "password"}
            value={key}
            onInput={setKey}
            error={error}
            hint={
              algorithm === "jwks"
                ? "https, at a public address, such as https://idp.example/.well-known/jwks.json"
                : `32 bytes or more. It is never shown.${item?.keys.algorithm === "hs256" ? " Empty: stays as it is." : ""}`
            }
            isCode
          />
        )}
        <div class="row">
          <Button type="submit" look="primary" isBusy={save.isBusy}>
            Save
          </Button>
          {item && (
            <span class="push">
              <ConfirmButton
                label="Remove"
                title={`Remove “${item.name}”?`}
                run={async () => {
                  await send("DELETE", `/api/issuers/${item.id}`);
                  toast("Removed");
                  onDone();
                }}
              >
                Its tokens are believed no more.
              </ConfirmButton>
            </span>
          )}
        </div>
      </Form>
    </Dialog>
  );
}
