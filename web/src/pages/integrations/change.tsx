import { useState } from "preact/hooks";
import { send } from "../../api/client";
import { useChange } from "../../api/question";
import { Button } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { CheckField, ConfirmButton, OnceSnippet, TextField } from "../../parts/fields";
import { Form } from "../../parts/form";
import { toast } from "../../parts/small";
import { credentialOf } from "./credential";
import type { Integration } from "./types";

const TEXTS = [
  ["name", "Name"],
  ["base_url", "Address"],
  ["sla.availability_percent", "Availability, at least %"],
  ["sla.response_ms", "Mean answer, at most ms"],
  ["sla.error_percent", "Failures, at most %"],
] as const;
const SECRETS = [
  ["credential.username", "User"],
  ["credential.secret", "New key or token"],
  ["credential.expires_at_ms", "It ends on"],
  ["signing_secret", "New signing secret"],
] as const;
const TYPES: Partial<Record<string, "password" | "date">> = {
  "credential.secret": "password",
  "credential.expires_at_ms": "date",
  signing_secret: "password",
};
const FIELDS = [
  "is_enabled",
  "is_monitored",
  ...TEXTS.map(([name]) => name),
  ...SECRETS.map(([name]) => name),
];
type Texts = Partial<Record<string, string>>;

interface ChangeProps {
  one: Integration;
  onClose: () => void;
  onDone: () => void;
}

/** What a project says of a service. Secrets are written and never read; what is left empty of them stays. */
export function ChangeIntegration({ one, onClose, onDone }: ChangeProps) {
  const { sla } = one.effective;
  const [flags, setFlags] = useState({
    is_enabled: one.definition.is_enabled,
    is_monitored: one.definition.is_monitored,
  });
  const [texts, setTexts] = useState<Texts>({
    name: one.definition.name,
    base_url: one.effective.base_url ?? "",
    "sla.availability_percent": String(sla.availability_percent),
    "sla.response_ms": String(sla.response_ms),
    "sla.error_percent": String(sla.error_percent),
  });
  const save = useChange(async () => {
    const text = (name: string) => texts[name] || undefined;
    const credential = credentialOf(text);
    await send("PATCH", `/api/integrations/${one.id}`, {
      revision: one.revision,
      ...flags,
      name: text("name"),
      ...(text("base_url") !== (one.effective.base_url ?? undefined) && {
        base_url: text("base_url") ?? null,
      }),
      sla: {
        ...sla,
        availability_percent: Number(text("sla.availability_percent")),
        response_ms: Number(text("sla.response_ms")),
        error_percent: Number(text("sla.error_percent")),
      },
      ...(credential && { credential }),
      ...(text("signing_secret") && { signing_secret: text("signing_secret") }),
    });
    toast("It is kept, and holds at once");
    onDone();
  });
  const field = ([name, label]: readonly [string, string], isSecret = false) => (
    <TextField
      key={name}
      label={label}
      name={name}
      type={TYPES[name] ?? "text"}
      value={texts[name] ?? ""}
      onInput={(text) => setTexts({ ...texts, [name]: text })}
      error={save.error}
      hint={isSecret ? "Empty: it stays as it is." : undefined}
    />
  );
  return (
    <Dialog title={`Change ${one.definition.name}`} onClose={onClose}>
      <Form fields={FIELDS} error={save.error} onSubmit={() => save.run()}>
        <CheckField
          label="Turned on"
          isOn={flags.is_enabled}
          onChange={(is_enabled) => setFlags({ ...flags, is_enabled })}
        />
        <CheckField
          label="Fresnel looks from time to time if it is there"
          isOn={flags.is_monitored}
          onChange={(is_monitored) => setFlags({ ...flags, is_monitored })}
        />
        {TEXTS.map((one) => field(one))}
        {SECRETS.map((one) => field(one, true))}
        <div class="row">
          <Button type="submit" look="primary" isBusy={save.isBusy}>
            Save
          </Button>
        </div>
      </Form>
    </Dialog>
  );
}

/** What cannot be undone: another address for its webhooks, and its end. */
export function LastActions({
  one,
  onChange,
  onGone,
}: {
  one: Integration;
  onChange: () => void;
  onGone: () => void;
}) {
  const [hook, setHook] = useState<string>();
  return (
    <>
      <ConfirmButton
        label="New hook"
        title="Give its webhooks another address?"
        run={async () => {
          const { data } = await send<{ hook_path: string }>("POST", `/api/integrations/${one.id}/rotate`);
          setHook(`${location.origin}${data.hook_path}`);
          onChange();
        }}
      >
        The vendor's webhooks are refused until it is told the new address.
      </ConfirmButton>
      <ConfirmButton
        label="Delete"
        title={`Delete ${one.definition.name}?`}
        typed={one.slug}
        run={async () => {
          await send("DELETE", `/api/integrations/${one.id}`);
          onGone();
        }}
      >
        Calls to it are refused from then on, and its credential is forgotten. What was seen of it stays.
      </ConfirmButton>
      {hook && (
        <Dialog title="Its new address" onClose={() => setHook(undefined)}>
          <OnceSnippet title="Give the vendor this address for its webhooks" text={hook} />
        </Dialog>
      )}
    </>
  );
}
