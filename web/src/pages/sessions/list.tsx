import { useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { useCursorList } from "../../api/cursor";
import { count, duration } from "../../format";
import { More } from "../../parts/beacons";
import { Button } from "../../parts/button";
import { Downloads } from "../../parts/downloads";
import { AnswerOf, Panel } from "../../parts/panel";
import { Time } from "../../parts/small";
import { Badge, EmptyState } from "../../parts/states";
import { Table } from "../../parts/table";
import { linkTo, type RangeState } from "../../range/range";
import type { VisitorSession } from "./types";

/** Sessions, the one with the latest beacon first. */
export function SessionList({ range }: { range: RangeState }) {
  const { url, route } = useLocation();
  const asked = { ...range.filters, ...range.params };
  const list = useCursorList<VisitorSession>("/api/analytics/sessions", { ...asked, limit: 50 });
  const open = (id: string) => route(linkTo(`/sessions/${encodeURIComponent(id)}`, url));
  return (
    <Panel
      title="Latest sessions"
      note="a row opens what happened in it"
      actions={
        <>
          <FindSession onFind={open} />
          <Downloads path="/api/analytics/sessions" params={asked} isLong />
        </>
      }
      flush
    >
      <AnswerOf
        of={list.question}
        height={20 * 36}
        canShrink
        isEmpty={(data) => data.items.length === 0}
        empty={
          <EmptyState title="No sessions in this range" icon="sessions">
            Take a longer range or fewer filters.
          </EmptyState>
        }
      >
        {() => (
          <>
            <Table
              label="Sessions"
              rows={list.rows}
              rowId={(row) => `${row.session_id} ${row.start}`}
              onRow={(row) => open(row.session_id)}
              columns={[
                { id: "end", title: "Last seen", render: (row) => <Time at={row.end} /> },
                {
                  id: "who",
                  title: "Who",
                  render: (row) => row.user_id || <span class="code faint">{row.session_id}</span>,
                },
                { id: "entry", title: "Came to", isMinor: true, render: (row) => row.entry_page || "–" },
                { id: "length", title: "Length", isNumber: true, render: (row) => duration(row.duration_ms) },
                {
                  id: "pages",
                  title: "Pages",
                  isNumber: true,
                  isMinor: true,
                  render: (row) => count(row.pages),
                },
                {
                  id: "steps",
                  title: "Steps",
                  isNumber: true,
                  isMinor: true,
                  render: (row) => count(row.steps),
                },
                {
                  id: "events",
                  title: "Events",
                  isNumber: true,
                  isMinor: true,
                  render: (row) => count(row.events),
                },
                {
                  id: "errors",
                  title: "Errors",
                  isNumber: true,
                  render: (row) =>
                    row.errors > 0 ? (
                      <Badge tone="critical" icon="errors">
                        {count(row.errors)}
                      </Badge>
                    ) : (
                      "0"
                    ),
                },
                {
                  id: "with",
                  title: "With",
                  isMinor: true,
                  render: (row) => [row.browser, row.os, row.country].filter(Boolean).join(", ") || "–",
                },
              ]}
            />
            <More list={list} />
          </>
        )}
      </AnswerOf>
    </Panel>
  );
}

/** Goes to a session whose name is known, such as from a log. */
function FindSession({ onFind }: { onFind: (id: string) => void }) {
  const [id, setId] = useState("");
  return (
    <form
      class="row"
      onSubmit={(event) => {
        event.preventDefault();
        if (id.trim() !== "") {
          onFind(id.trim());
        }
      }}
    >
      <input
        class="input code"
        aria-label="Name of a session"
        placeholder="session_id"
        value={id}
        onInput={(event) => setId(event.currentTarget.value)}
      />
      <Button type="submit" icon="search" label="Open the session" />
    </form>
  );
}
