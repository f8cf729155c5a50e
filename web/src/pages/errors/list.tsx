import { useLocation } from "preact-iso";
import type { Paged } from "../../api/envelope";
import { useQuestion } from "../../api/question";
import { Sparkline } from "../../charts/sparkline";
import { count } from "../../format";
import { Segments } from "../../parts/button";
import { Downloads } from "../../parts/downloads";
import { Select } from "../../parts/form";
import { AnswerOf, Panel } from "../../parts/panel";
import { Time } from "../../parts/small";
import { Badge, EmptyState } from "../../parts/states";
import { Pager, Table } from "../../parts/table";
import { linkTo, type RangeState, useParam } from "../../range/range";
import { ErrorStateBadge } from "./state";
import type { ErrorGroup } from "./types";

const PAGE_SIZE = 20;
const STATES = [
  { id: "open", label: "Open" },
  { id: "resolved", label: "Resolved" },
  { id: "ignored", label: "Ignored" },
  { id: "", label: "All" },
] as const;
type Shown = (typeof STATES)[number]["id"];
const SORTS = [
  { id: "last_seen", label: "Latest first" },
  { id: "count", label: "Most frequent first" },
  { id: "first_seen", label: "Newest first" },
] as const;
type Sort = (typeof SORTS)[number]["id"];

/** Errors by what their messages have in common. */
export function ErrorList({ range }: { range: RangeState }) {
  const { url, route } = useLocation();
  const [state, setState] = useParam("state", "open");
  const [sort, setSort] = useParam("sort", "last_seen");
  const [at, setAt] = useParam("at", "1");
  const asked = { ...range.filters, ...range.params, state: state === "all" ? "" : state, sort };
  const errors = useQuestion<Paged<ErrorGroup> & { truncated?: boolean }>("/api/analytics/errors", {
    ...asked,
    page_number: at,
    page_size: PAGE_SIZE,
  });
  return (
    <Panel
      title="Errors"
      note={errors.data && `${count(errors.data.total)} kinds`}
      actions={
        <>
          <Segments
            label="State"
            value={(state === "all" ? "" : state) as Shown}
            options={STATES}
            onChange={(next) => setState(next || "all")}
          />
          <Select label="Order" value={sort as Sort} options={SORTS} onChange={setSort} />
          <Downloads path="/api/analytics/errors" params={asked} />
        </>
      }
      flush
    >
      <AnswerOf
        of={errors}
        height={PAGE_SIZE * 36}
        canShrink
        isEmpty={(data) => data.items.length === 0}
        empty={
          <EmptyState
            title={state === "open" ? "No open errors in this range" : "No such errors in this range"}
            icon="check"
            snippet={'fresnel.event("error_occurrence", { message: "the cart is empty" })'}
          >
            The SDK reports uncaught errors and failed requests by itself; what you catch, you can report.
          </EmptyState>
        }
      >
        {(data) => (
          <>
            <Table
              label="Errors"
              rows={data.items}
              rowId={(row) => row.fingerprint}
              onRow={(row) => route(linkTo(`/errors/${row.fingerprint}`, url))}
              columns={[
                {
                  id: "title",
                  title: "Error",
                  render: (row) => (
                    <>
                      <strong>{row.title}</strong>
                      {row.sources.includes("metric") && <span class="faint"> in a request</span>}
                    </>
                  ),
                },
                { id: "state", title: "State", render: (row) => <ErrorStateBadge state={row.state} /> },
                {
                  id: "points",
                  title: "Over time",
                  isMinor: true,
                  render: (row) => <Sparkline values={row.points} />,
                },
                { id: "count", title: "Times", isNumber: true, render: (row) => count(row.count) },
                {
                  id: "sessions",
                  title: "Sessions",
                  isNumber: true,
                  isMinor: true,
                  render: (row) => count(row.sessions),
                },
                {
                  id: "users",
                  title: "Users",
                  isNumber: true,
                  isMinor: true,
                  render: (row) => count(row.users),
                },
                {
                  id: "first",
                  title: "First seen",
                  isNumber: true,
                  isMinor: true,
                  render: (row) => <Time at={row.first_seen} />,
                },
                {
                  id: "last",
                  title: "Last seen",
                  isNumber: true,
                  render: (row) => <Time at={row.last_seen} />,
                },
              ]}
            />
            {data.truncated && <Badge>Only the first 1,000 kinds are listed</Badge>}
            <Pager list={data} onPage={(next) => setAt(String(next))} />
          </>
        )}
      </AnswerOf>
    </Panel>
  );
}
