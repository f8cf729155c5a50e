import { useState } from "preact/hooks";
import { send } from "../../api/client";
import type { Paged } from "../../api/envelope";
import { useChange, useQuestion } from "../../api/question";
import { Button } from "../../parts/button";
import { ConfirmButton, OnceSnippet, ShownOnce } from "../../parts/fields";
import { AnswerOf } from "../../parts/panel";
import { Time, toast } from "../../parts/small";
import { Badge, ErrorBox } from "../../parts/states";
import { Table } from "../../parts/table";
import type { LoginSession, Person } from "./types";

const EVERYWHERE = { everywhere: true };

/** How somebody else gets in: a link to a new password, and where they are logged in. Who may do it, the server says. */
export function AccessOf({ person }: { person: Person }) {
  const [token, setToken] = useState("");
  const [isShown, setShown] = useState(false);
  const reset = useChange(async () => {
    const made = await send<{ token: string }>(
      "POST",
      `/api/users/${person.id}/password-reset`,
      undefined,
      EVERYWHERE,
    );
    setToken(made.data.token);
  });
  if (token) {
    return (
      <ShownOnce title={`A new password for ${person.name}`}>
        <OnceSnippet title="Link to send" text={`${location.origin}/password-reset?token=${token}`} />
        <p class="small soft">It works once, within an hour, and ends all sessions of {person.email}.</p>
      </ShownOnce>
    );
  }
  return (
    <div class="stack-tight">
      <h3>Access</h3>
      <div class="row">
        <Button isBusy={reset.isBusy} onClick={() => reset.run()}>
          Make a password link
        </Button>
        <Button pressed={isShown} onClick={() => setShown(!isShown)}>
          Sessions
        </Button>
      </div>
      {reset.error && <ErrorBox error={reset.error} />}
      {isShown && <SessionsOf path={`/api/users/${person.id}/sessions`} />}
    </div>
  );
}

/** Where a user is logged in: another one's (`/api/users/{id}/sessions`), or one's own (`/api/sessions`). */
export function SessionsOf({ path, isOwn = false }: { path: string; isOwn?: boolean }) {
  const sessions = useQuestion<Paged<LoginSession>>(path, {}, { everyMs: 0, fresh: true, everywhere: true });
  return (
    <AnswerOf of={sessions} height={100} canShrink>
      {(data) => (
        <div class="stack-tight">
          <Table
            label="Sessions"
            rows={data.items}
            rowId={(row) => row.id}
            columns={[
              {
                id: "agent",
                title: "Browser",
                render: (row) => (
                  <span class="row" style={{ flexWrap: "nowrap" }}>
                    {row.is_current && <Badge tone="good">This one</Badge>}
                    <span class="cut" title={row.user_agent ?? undefined}>
                      {browserOf(row.user_agent)}
                    </span>
                  </span>
                ),
              },
              {
                id: "ip",
                title: "Network",
                isMinor: true,
                render: (row) => <span class="code">{row.ip_prefix ?? "–"}</span>,
              },
              { id: "seen", title: "Last used", render: (row) => <Time at={row.last_seen_ms} /> },
              ...(isOwn
                ? [
                    {
                      id: "end",
                      title: "",
                      isNumber: true,
                      render: (row: LoginSession) =>
                        !row.is_current && (
                          <ConfirmButton
                            label="End"
                            title="End this session?"
                            run={async () => {
                              await send("DELETE", `${path}/${row.id}`, undefined, EVERYWHERE);
                              sessions.again();
                            }}
                          >
                            Whoever uses it has to log in again.
                          </ConfirmButton>
                        ),
                    },
                  ]
                : []),
            ]}
          />
          <div class="row">
            <ConfirmButton
              label="End all sessions"
              title="End all sessions?"
              run={async () => {
                await send("DELETE", path, undefined, EVERYWHERE);
                toast("All sessions are ended");
                sessions.again();
              }}
            >
              {isOwn
                ? "You are logged out everywhere, here too."
                : "This user has to log in again everywhere."}
            </ConfirmButton>
          </div>
        </div>
      )}
    </AnswerOf>
  );
}

function browserOf(agent: string | null): string {
  const name = /(Edg|OPR|Firefox|Chrome|Safari)\//.exec(agent ?? "")?.[1];
  const system = /(Windows|Mac OS X|Android|iPhone|iPad|Linux)/.exec(agent ?? "")?.[1];
  return name
    ? [name === "Edg" ? "Edge" : name === "OPR" ? "Opera" : name, system].filter(Boolean).join(", ")
    : (agent ?? "Unknown");
}
