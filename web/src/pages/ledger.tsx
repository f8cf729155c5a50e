import { useQuestion } from "../api/question";
import { count, exact, percent } from "../format";
import { Page } from "../layout/page";
import { Segments } from "../parts/button";
import { AnswerOf, Panel } from "../parts/panel";
import { Stat, Stats } from "../parts/stat";
import { Table } from "../parts/table";
import { useParam, useRange } from "../range/range";
import { RangeBar } from "../range/rangebar";
import { OverTime } from "./ledger/over-time";
import { Reasons } from "./ledger/reasons";
import { Rejected } from "./ledger/rejected";
import { type Account, KIND_WORDS, KINDS, type LedgerAnswer, sum } from "./ledger/types";
import { Verdict } from "./ledger/verdict";

const REJECTED_ID = "refused";

/** What has become of every item that was ever received. */
export default function Ledger() {
  const range = useRange("24h");
  const [kind, setKind] = useParam("kind");
  const [, setReason] = useParam("reason");
  const ledger = useQuestion<LedgerAnswer>(
    "/api/ledger",
    { ...range.params, interval: range.interval },
    { everyMs: 10_000 },
  );
  const totals = ledger.data && sum(ledger.data.items.filter((item) => kind === "" || item.kind === kind));
  const show = (reason: string) => {
    setReason(reason);
    document.getElementById(REJECTED_ID)?.scrollIntoView();
  };
  return (
    <Page title="Ledger" bar={<RangeBar range={range} dimensions={[]} canCompare={false} />}>
      <AnswerOf of={ledger} height={98}>
        {(data) => <Verdict ledger={data} />}
      </AnswerOf>
      <Figures totals={totals} />
      <Panel
        title="Received, over time"
        actions={
          <Segments
            label="Kind"
            value={kind}
            options={[{ id: "", label: "All" }, ...KINDS.map((id) => ({ id, label: KIND_WORDS[id] ?? id }))]}
            onChange={(id) => setKind(id)}
          />
        }
      >
        <AnswerOf of={ledger} height={276}>
          {(data) => <OverTime ledger={data} kind={kind} range={range} />}
        </AnswerOf>
      </Panel>
      {totals && <Reasons totals={totals} onChoose={show} />}
      <Panel title="By kind" flush>
        <AnswerOf of={ledger} height={32 + 5 * 34}>
          {(data) => <ByKind ledger={data} />}
        </AnswerOf>
      </Panel>
      <Rejected id={REJECTED_ID} />
    </Page>
  );
}

function Figures({ totals }: { totals: Account | undefined }) {
  const share = (items: number) =>
    totals && totals.received > 0 ? percent(items / totals.received, 2) : undefined;
  return (
    <Stats label="Totals">
      <Stat label="Received" value={totals && count(totals.received)} />
      <Stat label="Stored" value={totals && count(totals.stored)} foot={totals && share(totals.stored)} />
      <Stat
        label="Dropped, for a reason"
        value={totals && count(totals.dropped)}
        foot={totals && share(totals.dropped)}
      />
      <Stat label="Pending" value={totals && count(totals.pending)} foot="in the log, on their way" />
      <Stat
        label="Missing"
        value={totals && count(totals.missing)}
        foot={
          totals && (
            <span class={totals.missing === 0 ? "tone-good" : "tone-critical"}>
              {totals.missing === 0 ? "as it must be" : totals.missing > 0 ? "lost" : "more than received"}
            </span>
          )
        }
      />
      <Stat
        label="Lost by clients"
        value={totals && count(totals.client_lost)}
        foot="never came, as they tell"
      />
    </Stats>
  );
}

const COLUMNS = ["received", "stored", "dropped", "pending", "missing", "client_lost"] as const;
const TITLES = {
  received: "Received",
  stored: "Stored",
  dropped: "Dropped",
  pending: "Pending",
  missing: "Missing",
  client_lost: "Lost by clients",
};

function ByKind({ ledger }: { ledger: LedgerAnswer }) {
  const rows = KINDS.map((id) => ({ id, ...sum(ledger.items.filter((item) => item.kind === id)) }));
  return (
    <Table
      label="By kind"
      rows={rows}
      rowId={(row) => row.id}
      columns={[
        { id: "kind", title: "Kind", render: (row) => <strong>{KIND_WORDS[row.id]}</strong> },
        ...COLUMNS.map((name) => ({
          id: name,
          title: TITLES[name],
          isNumber: true,
          isMinor: name === "stored" || name === "pending" || name === "client_lost",
          render: (row: (typeof rows)[number]) => (
            <span class={name === "missing" && row.missing !== 0 ? "tone-critical" : undefined}>
              {exact(row[name])}
            </span>
          ),
          sortBy: (row: (typeof rows)[number]) => row[name],
        })),
      ]}
    />
  );
}
