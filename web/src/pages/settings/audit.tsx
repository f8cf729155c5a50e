import { useState } from "preact/hooks";
import type { Paged } from "../../api/envelope";
import { useQuestion } from "../../api/question";
import { Button, Snippet } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { Select } from "../../parts/form";
import { AnswerOf, Panel } from "../../parts/panel";
import { Time } from "../../parts/small";
import { Badge, EmptyState } from "../../parts/states";
import { Pager, Table } from "../../parts/table";
import { useParam } from "../../range/range";
import { fromLocalInput } from "../../range/zone";
import { project, session } from "../../session";
import type { AuditEntry } from "./types";

const ACTIONS = [
  { id: "", label: "Every action" },
  ...[
    "project",
    "key",
    "quota",
    "issuer",
    "user",
    "member",
    "invitation",
    "session",
    "password_reset",
    "rule",
    "silence",
    "alert",
    "channel",
    "error",
    "deploy",
    "view",
  ].map((id) => ({ id, label: `${id}.…` })),
];
const LEVELS = [
  { id: "", label: "Every level" },
  { id: "info", label: "Info" },
  { id: "warning", label: "Warning" },
];

/** Who changed what, and when. */
export function Audit() {
  const [page, setPage] = useParam("page", "1");
  const [user, setUser] = useParam("user");
  const [action, setAction] = useParam("action");
  const [level, setLevel] = useParam("level");
  const [since, setSince] = useParam("since");
  const [until, setUntil] = useParam("until");
  const [scope, setScope] = useParam("of", "project");
  const [chosen, setChosen] = useState<AuditEntry>();
  const zone = project.value?.time_zone ?? "UTC";
  const time = (text: string) => {
    const ms = text === "" ? Number.NaN : fromLocalInput(text, zone);
    return Number.isNaN(ms) ? undefined : new Date(ms).toISOString();
  };
  const entries = useQuestion<Paged<AuditEntry>>(
    "/api/audit",
    { page, page_size: 50, user, action, level, from: time(since), to: time(until) },
    { everyMs: 15_000, fresh: true, everywhere: scope === "all" },
  );
  const named = entries.data?.items.find((one) => one.actor.id === user)?.actor.name ?? user;
  return (
    <Panel title="Audit log" note="no secrets, no whole addresses" flush>
      <div class="row" style={{ padding: "0.5rem 1rem" }}>
        {session.value?.user.is_instance_owner && (
          <Select
            label="Of"
            value={scope}
            options={[
              { id: "project", label: "This project" },
              { id: "all", label: "All projects" },
            ]}
            onChange={(id) => setScope(id)}
          />
        )}
        <Select label="Action" value={action} options={withOwn(action)} onChange={(id) => setAction(id)} />
        <Select label="Level" value={level} options={LEVELS} onChange={(id) => setLevel(id)} />
        <TimeInput label="From" value={since} onChange={setSince} />
        <TimeInput label="To" value={until} onChange={setUntil} />
        {user && (
          <Button icon="close" onClick={() => setUser("")}>
            By {named}
          </Button>
        )}
      </div>
      <AnswerOf
        of={entries}
        height={300}
        canShrink
        isEmpty={(data) => data.total === 0}
        empty={<EmptyState title="Nothing fits">Other filters may show more.</EmptyState>}
      >
        {(data) => (
          <>
            <Table
              label="Audit log"
              rows={data.items}
              rowId={(row) => row.id}
              onRow={setChosen}
              columns={[
                { id: "ts", title: "When", render: (row) => <Time at={row.ts_ms} /> },
                {
                  id: "action",
                  title: "Action",
                  render: (row) => <strong class="code">{row.action}</strong>,
                },
                { id: "actor", title: "Who", render: (row) => row.actor.name },
                {
                  id: "level",
                  title: "Level",
                  render: (row) => (
                    <Badge
                      tone={row.level === "warning" ? "warning" : undefined}
                      icon={row.level === "warning" ? "warning" : undefined}
                    >
                      {row.level === "warning" ? "Warning" : "Info"}
                    </Badge>
                  ),
                },
                {
                  id: "what",
                  title: "What",
                  isMinor: true,
                  render: (row) => <span class="code soft">{told(row)}</span>,
                },
                {
                  id: "net",
                  title: "Network",
                  isMinor: true,
                  render: (row) => <span class="code">{row.ip_prefix ?? "–"}</span>,
                },
              ]}
            />
            <Pager list={data} onPage={(next) => setPage(String(next))} />
          </>
        )}
      </AnswerOf>
      {chosen && (
        <Dialog title={chosen.action} onClose={() => setChosen(undefined)}>
          <div class="stack">
            <p class="small">
              <Time at={chosen.ts_ms} isExact /> by <strong>{chosen.actor.name}</strong>, from{" "}
              <span class="code">{chosen.ip_prefix ?? "this machine"}</span>
            </p>
            <Snippet label="Target" text={chosen.target} />
            <Snippet label="Details" text={JSON.stringify(chosen.details, null, 2)} />
            {chosen.actor.id && (
              <div class="row">
                <Button
                  onClick={() => {
                    setUser(chosen.actor.id ?? "");
                    setChosen(undefined);
                  }}
                >
                  Only what {chosen.actor.name} did
                </Button>
              </div>
            )}
          </div>
        </Dialog>
      )}
    </Panel>
  );
}

/** An action of the address that is none of the list stays a choice. */
function withOwn(action: string) {
  return ACTIONS.some((one) => one.id === action) ? ACTIONS : [...ACTIONS, { id: action, label: action }];
}

function told(entry: AuditEntry): string {
  const parts = Object.entries(entry.details).map(
    ([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  return parts.join(", ") || entry.target;
}

function TimeInput({
  label,
  value,
  onChange,
}: {
  label: string;
  value: string;
  onChange: (value: string, replace?: boolean) => void;
}) {
  return (
    <label class="row small soft">
      {label}
      <input
        class="input"
        style={{ width: "12rem" }}
        type="datetime-local"
        value={value}
        onChange={(event) => onChange(event.currentTarget.value)}
      />
    </label>
  );
}
