import { useState } from "preact/hooks";
import { send } from "../../api/client";
import { useChange } from "../../api/question";
import { Button } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import {
  CheckField,
  ConfirmButton,
  LinesField,
  linesOf,
  OnceSnippet,
  SelectField,
  ShownOnce,
  TextField,
} from "../../parts/fields";
import { Form } from "../../parts/form";
import { toast } from "../../parts/small";
import { KINDS } from "./channels";
import { MatcherField, matcherOf, rowsOf } from "./matcher-field";
import type { Channel, ChannelKind, Level } from "./types";

const LEVELS = [
  { id: "info", label: "Info and above" },
  { id: "warning", label: "Warning and above" },
  { id: "error", label: "Error and above" },
  { id: "critical", label: "Critical" },
] as const;
const LATER = [
  { id: "", label: "–" },
  { id: "300000", label: "after 5 minutes" },
  { id: "900000", label: "after 15 minutes" },
  { id: "3600000", label: "after an hour" },
  { id: "14400000", label: "after 4 hours" },
  { id: "86400000", label: "after a day" },
] as const;
const WAITS = [
  { id: "0", label: "not at all" },
  { id: "10000", label: "10 seconds" },
  { id: "60000", label: "a minute" },
  { id: "300000", label: "5 minutes" },
] as const;
const FIELDS = [
  "name",
  "level_min",
  "matcher",
  "target.url",
  "target.recipients",
  "target.routing_key",
  "target.authorization",
];

const known = (options: readonly { id: string; label: string }[], value: string) =>
  options.some((one) => one.id === value)
    ? options
    : [...options, { id: value, label: `${Number(value) / 1000} s` }];

interface ChannelEditorProps {
  /** None: a new one. */
  channel: Channel | undefined;
  onClose: () => void;
}

/** A place that is told: where it is, what it wants to hear, and when. */
export function ChannelEditor({ channel, onClose }: ChannelEditorProps) {
  const [name, setName] = useState(channel?.name ?? "");
  const [kind, setKind] = useState<ChannelKind>(channel?.target.kind ?? "webhook");
  const [url, setUrl] = useState("");
  const [recipients, setRecipients] = useState(channel?.target.recipients?.join("\n") ?? "");
  const [key, setKey] = useState("");
  const [level, setLevel] = useState<Level>(channel?.level_min ?? "warning");
  const [rows, setRows] = useState(() => rowsOf(channel?.matcher ?? []));
  const [isOn, setOn] = useState(channel?.is_enabled ?? true);
  const [hasReport, setReport] = useState(channel?.weekly_report ?? true);
  const [wait, setWait] = useState(String(channel?.group_wait_ms ?? 0));
  const [remind, setRemind] = useState(String(channel?.remind_after_ms ?? ""));
  const [escalate, setEscalate] = useState(String(channel?.escalate_after_ms ?? ""));
  const [secret, setSecret] = useState<string>();
  // Where it leads is never shown: what is left empty stays as it is.
  const isTargetNew =
    !channel || kind !== channel.target.kind || url !== "" || key !== "" || kind === "email";

  const target = () => {
    switch (kind) {
      case "email":
        return { kind, recipients: linesOf(recipients) };
      case "pager_duty":
        return { kind, routing_key: key, ...(url ? { url } : {}) };
      case "alertmanager":
        return { kind, url, ...(key ? { authorization: key } : {}) };
      default:
        return { kind, url };
    }
  };
  const save = useChange(async () => {
    const body = {
      name,
      is_enabled: isOn,
      level_min: level,
      matcher: matcherOf(rows),
      group_wait_ms: Number(wait),
      weekly_report: hasReport,
      ...(isTargetNew ? { target: target() } : {}),
      ...later("remind_after_ms", remind, channel),
      ...later("escalate_after_ms", escalate, channel),
    };
    const done = channel
      ? await send<{ secret?: string }>("PATCH", `/api/channels/${channel.id}`, {
          revision: channel.revision,
          ...body,
        })
      : await send<{ secret?: string }>("POST", "/api/channels", body);
    toast(`Saved “${name}”`);
    shown(done.data.secret);
  });
  const rotate = useChange(async () => {
    const done = await send<{ secret?: string }>("POST", `/api/channels/${channel?.id}/rotate`);
    shown(done.data.secret);
  });
  /** A secret is shown before the dialog closes: it comes this once. */
  const shown = (made: string | undefined) => (made ? setSecret(made) : onClose());

  if (secret) {
    return (
      <Dialog title={name} onClose={onClose}>
        <ShownOnce title="What signs its messages">
          <OnceSnippet title="Secret of the webhook" text={secret} />
          <p class="small soft">
            Receivers check it with any library of Standard Webhooks. The one before signs too for 24 hours.
          </p>
        </ShownOnce>
      </Dialog>
    );
  }
  const stays =
    channel && kind === channel.target.kind
      ? `stays ${channel.target.url ?? "as it is"} when empty`
      : undefined;
  return (
    <Dialog title={channel ? `Change ${channel.name}` : "New channel"} isWide onClose={onClose}>
      <Form fields={FIELDS} error={save.error} onSubmit={() => save.run()}>
        <div class="grid-3">
          <TextField
            label="Name"
            name="name"
            value={name}
            onInput={setName}
            error={save.error}
            placeholder="On call"
          />
          <SelectField label="Kind" value={kind} options={KINDS} onChange={setKind} />
          <SelectField label="Hears of" value={level} options={LEVELS} onChange={setLevel} />
        </div>
        {kind === "email" ? (
          <LinesField
            label="Recipients, one a line"
            name="target.recipients"
            value={recipients}
            onInput={setRecipients}
            error={save.error}
            placeholder="ops@example.com"
          />
        ) : (
          <TextField
            label={kind === "pager_duty" ? "Address, if it is not PagerDuty's own" : "Address"}
            name="target.url"
            type="url"
            value={url}
            onInput={setUrl}
            error={save.error}
            placeholder="https://hooks.example.com/fresnel"
            hint={stays}
          />
        )}
        {(kind === "pager_duty" || kind === "alertmanager") && (
          <TextField
            label={
              kind === "pager_duty"
                ? "Routing key of the integration"
                : "Value of the Authorization header, if it wants one"
            }
            name={kind === "pager_duty" ? "target.routing_key" : "target.authorization"}
            type="password"
            value={key}
            onInput={setKey}
            error={save.error}
            hint={stays && "a new address or key sets both"}
          />
        )}
        <MatcherField label="Only alerts with" rows={rows} onChange={setRows} error={save.error} />
        <div class="grid-3">
          <SelectField
            label="Waits for others"
            value={wait}
            options={known(WAITS, wait)}
            onChange={setWait}
          />
          <SelectField
            label="Is reminded"
            value={remind}
            options={known(LATER, remind)}
            onChange={setRemind}
          />
          <SelectField
            label="Is told only what nobody acknowledged"
            value={escalate}
            options={known(LATER, escalate)}
            onChange={setEscalate}
          />
        </div>
        <CheckField label="It is on" isOn={isOn} onChange={setOn} />
        {kind === "email" && (
          <CheckField label="Gets the report of each week" isOn={hasReport} onChange={setReport} />
        )}
        <div class="row">
          <Button type="submit" look="primary" isBusy={save.isBusy}>
            Save
          </Button>
          <Button onClick={onClose}>Cancel</Button>
          {channel?.target.kind === "webhook" && (
            <Button isBusy={rotate.isBusy} onClick={() => rotate.run()}>
              New secret
            </Button>
          )}
          {channel && (
            <span class="push">
              <ConfirmButton
                label="Delete"
                title={`Delete ${channel.name}`}
                run={async () => {
                  await send("DELETE", `/api/channels/${channel.id}`);
                  toast(`Deleted “${channel.name}”`);
                  onClose();
                }}
              >
                It is told nothing more, also not the end of what it knows. What waits for it is dead.
              </ConfirmButton>
            </span>
          )}
        </div>
      </Form>
    </Dialog>
  );
}

/** A time that may be taken away: null does that, and only where there was one. */
function later(field: "remind_after_ms" | "escalate_after_ms", value: string, channel: Channel | undefined) {
  if (value !== "") {
    return { [field]: Number(value) };
  }
  return channel?.[field] === undefined ? {} : { [field]: null };
}
