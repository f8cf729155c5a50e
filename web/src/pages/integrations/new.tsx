import { useState } from "preact/hooks";
import { send } from "../../api/client";
import type { Paged } from "../../api/envelope";
import { useChange, useQuestion } from "../../api/question";
import { Button } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { OnceSnippet, SelectField, TextField } from "../../parts/fields";
import { Form } from "../../parts/form";
import { credentialOf } from "./credential";
import type { CatalogueService } from "./types";

const FIELDS = [
  "slug",
  "base_url",
  "credential.username",
  "credential.secret",
  "credential.expires_at_ms",
  "signing_secret",
] as const;

/** Adds a service. The address of its hook is shown once. */
export function NewIntegration({ onClose, onDone }: { onClose: () => void; onDone: () => void }) {
  const known = useQuestion<Paged<CatalogueService>>(
    "/api/integrations/catalogue",
    { page_size: 500 },
    { everyMs: 0 },
  );
  const [service, setService] = useState("stripe");
  const [texts, setTexts] = useState<Partial<Record<(typeof FIELDS)[number], string>>>({});
  const [hook, setHook] = useState<string>();
  const chosen = known.data?.items.find((one) => one.id === service);
  const save = useChange(async () => {
    const text = (name: (typeof FIELDS)[number]) => texts[name] || undefined;
    const answer = await send<{ hook_path?: string }>("POST", "/api/integrations", {
      service,
      slug: text("slug"),
      base_url: text("base_url"),
      credential: credentialOf(text),
      signing_secret: text("signing_secret"),
    });
    onDone();
    setHook(`${location.origin}${answer.data.hook_path}`);
  });
  const field = (
    name: (typeof FIELDS)[number],
    label: string,
    hint: string,
    type: "text" | "password" | "date" = "text",
  ) => (
    <TextField
      label={label}
      name={name}
      type={type}
      value={texts[name] ?? ""}
      onInput={(text) => setTexts({ ...texts, [name]: text })}
      error={save.error}
      hint={hint}
    />
  );
  if (hook) {
    return (
      <Dialog title="It is watched from now on" onClose={onClose}>
        <div class="stack">
          <OnceSnippet title="Give the vendor this address for its webhooks" text={hook} />
          <div class="row">
            <Button look="primary" onClick={onClose}>
              Done
            </Button>
          </div>
        </div>
      </Dialog>
    );
  }
  return (
    <Dialog title="Add a service" onClose={onClose}>
      <Form fields={FIELDS} error={save.error} onSubmit={() => save.run()}>
        <SelectField
          label="Service"
          name="service"
          value={service}
          options={[
            ...(known.data?.items.map((one) => ({ id: one.id, label: `${one.name} · ${one.category}` })) ?? [
              { id: "stripe", label: "Stripe" },
            ]),
            { id: "custom", label: "Another one" },
          ]}
          onChange={setService}
          error={save.error}
        />
        {field("slug", "Name in addresses", `Empty: ${service}. Calls go to /relay/NAME/…`)}
        {field(
          "base_url",
          "Address",
          chosen?.base_url ? `Empty: ${chosen.base_url}` : "Below which it is called.",
        )}
        {field("credential.username", "User", "For vendors that want a user and a password.")}
        {field("credential.secret", "Key or token", "Kept encrypted, and never shown again.", "password")}
        {field(
          "credential.expires_at_ms",
          "It ends on",
          "If the vendor says so: Fresnel tells two weeks before.",
          "date",
        )}
        {(chosen?.sync === "webhook" || service === "custom") &&
          field("signing_secret", "Signing secret", "What the vendor signs its webhooks with.", "password")}
        <div class="row">
          <Button type="submit" look="primary" isBusy={save.isBusy}>
            Add
          </Button>
        </div>
      </Form>
    </Dialog>
  );
}
