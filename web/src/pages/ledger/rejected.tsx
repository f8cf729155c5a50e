import { useState } from "preact/hooks";
import type { Paged } from "../../api/envelope";
import { useQuestion } from "../../api/question";
import { words } from "../../format";
import { Snippet } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { Select } from "../../parts/form";
import { AnswerOf, Panel } from "../../parts/panel";
import { Time } from "../../parts/small";
import { Badge, EmptyState } from "../../parts/states";
import { Pager, Table } from "../../parts/table";
import { useParam } from "../../range/range";
import { reasonOf } from "./reasons";
import { KIND_WORDS, type Rejected as RejectedBeacon } from "./types";

const PAGE_SIZE = 20;
/** As many as Fresnel keeps. */
const KEPT_MAX = 100;

/** The last beacons that were refused, for those who build the pages that send them. */
export function Rejected({ id }: { id: string }) {
  const refused = useQuestion<Paged<RejectedBeacon>>(
    "/api/rejected",
    { page_size: KEPT_MAX },
    { everyMs: 10_000 },
  );
  const [reason, setReason] = useParam("reason");
  const [kind, setKind] = useParam("refused");
  const [field, setField] = useParam("field");
  const [pageText, setPage] = useParam("page", "1");
  const [chosen, setChosen] = useState<RejectedBeacon>();

  const all = refused.data?.items ?? [];
  const shown = all.filter(
    (one) =>
      (reason === "" || one.code === reason) &&
      (kind === "" || one.kind === kind) &&
      (field === "" || one.details.some((detail) => detail.field === field)),
  );
  const pages = Math.max(Math.ceil(shown.length / PAGE_SIZE), 1);
  const page = Math.min(Math.max(Number(pageText) || 1, 1), pages);
  const choices = (values: string[], now: string, word: (value: string) => string, every: string) => [
    { id: "", label: every },
    ...[...new Set(now === "" ? values : [...values, now])]
      .sort()
      .map((value) => ({ id: value, label: word(value) })),
  ];

  return (
    <div id={id}>
      <Panel
        title="Beacons that were refused"
        note="the last 100 since the start"
        flush
        actions={
          <>
            <Select
              label="Reason"
              value={reason}
              options={choices(
                all.map((one) => one.code),
                reason,
                (value) => reasonOf(value).title,
                "Every reason",
              )}
              onChange={(value) => setReason(value)}
            />
            <Select
              label="Posted as"
              value={kind}
              options={choices(
                all.map((one) => one.kind),
                kind,
                (value) => KIND_WORDS[value] ?? words(value),
                "Every kind",
              )}
              onChange={(value) => setKind(value)}
            />
            <Select
              label="Field"
              value={field}
              options={choices(
                all.flatMap((one) => one.details.map((detail) => detail.field)),
                field,
                (value) => value,
                "Every field",
              )}
              onChange={(value) => setField(value)}
            />
          </>
        }
      >
        <AnswerOf
          of={refused}
          height={200}
          canShrink
          isEmpty={() => shown.length === 0}
          empty={
            <EmptyState title={all.length === 0 ? "No beacon was refused" : "None of them fits"} icon="check">
              {all.length === 0
                ? "A beacon with wrong fields would stand here, with what is wrong with each. Try one with ?validate=1: it is looked at and not stored."
                : "Other reasons, kinds or fields may have some. Items over quota or sent twice are no refused beacons: they are in the ledger only."}
            </EmptyState>
          }
        >
          {() => (
            <>
              <Table
                label="Refused beacons"
                rows={shown.slice((page - 1) * PAGE_SIZE, page * PAGE_SIZE)}
                rowId={(row) => `${row.timestamp} ${row.shape} ${row.kind} ${all.indexOf(row)}`}
                onRow={setChosen}
                columns={[
                  { id: "at", title: "When", render: (row) => <Time at={row.timestamp} /> },
                  {
                    id: "kind",
                    title: "Posted as",
                    isMinor: true,
                    render: (row) => KIND_WORDS[row.kind] ?? words(row.kind),
                  },
                  { id: "reason", title: "Reason", render: (row) => reasonOf(row.code).title },
                  {
                    id: "fields",
                    title: "Fields",
                    render: (row) => (
                      <span class="code">{row.details.map((detail) => detail.field).join(", ") || "–"}</span>
                    ),
                  },
                  {
                    id: "body",
                    title: "Body",
                    isMinor: true,
                    render: (row) => <span class="code faint">{row.shape || "could not be read"}</span>,
                  },
                ]}
              />
              <Pager
                list={{
                  total: shown.length,
                  page,
                  page_size: PAGE_SIZE,
                  total_pages: pages,
                  has_next: page < pages,
                  has_prev: page > 1,
                }}
                onPage={(next) => setPage(String(next))}
              />
            </>
          )}
        </AnswerOf>
      </Panel>
      {chosen && <Details beacon={chosen} onClose={() => setChosen(undefined)} />}
    </div>
  );
}

function Details({ beacon, onClose }: { beacon: RejectedBeacon; onClose: () => void }) {
  const reason = reasonOf(beacon.code);
  return (
    <Dialog title={`Refused: ${reason.title}`} onClose={onClose}>
      <div class="stack">
        <p class="small soft">
          <Time at={beacon.timestamp} isExact /> · posted as {KIND_WORDS[beacon.kind] ?? beacon.kind}
          <br />
          {reason.means} {reason.todo}
        </p>
        {beacon.details.map((detail) => (
          <div key={detail.field} class="stack-tight" style={{ gap: "0.25rem" }}>
            <span class="row">
              <strong class="code">{detail.field}</strong>
              <Badge>{words(detail.code)}</Badge>
            </span>
            <span class="small">{detail.message}</span>
          </div>
        ))}
        {beacon.shape && (
          <div class="stack-tight">
            <h3>Its body: names and types; values are not kept</h3>
            <Snippet label="Body" text={beacon.shape} />
          </div>
        )}
      </div>
    </Dialog>
  );
}
