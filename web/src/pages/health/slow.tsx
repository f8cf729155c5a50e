import { useState } from "preact/hooks";
import { duration, exact } from "../../format";
import { Snippet } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { Panel } from "../../parts/panel";
import { Time } from "../../parts/small";
import { EmptyState } from "../../parts/states";
import { Table } from "../../parts/table";
import type { SlowQuery } from "./types";

/** What the warehouse took longest for. */
export function SlowQueries({ queries }: { queries: SlowQuery[] }) {
  const [chosen, setChosen] = useState<SlowQuery>();
  return (
    <Panel title="Slowest queries" note="of the last hour, above 100 ms" flush>
      {queries.length === 0 ? (
        <EmptyState title="None took longer than 100 ms" icon="check" />
      ) : (
        <Table
          label="Slowest queries"
          rows={queries}
          rowId={(row) => row.query}
          onRow={setChosen}
          columns={[
            {
              id: "duration",
              title: "Longest",
              isNumber: true,
              render: (row) => <strong>{duration(row.duration_ms)}</strong>,
              sortBy: (row) => row.duration_ms,
            },
            {
              id: "times",
              title: "Times",
              isNumber: true,
              render: (row) => exact(row.times),
              sortBy: (row) => row.times,
            },
            { id: "at", title: "When", render: (row) => <Time at={row.at_ms} /> },
            {
              id: "query",
              title: "Query",
              render: (row) => <span class="code">{row.query.replace(/\s+/g, " ")}</span>,
            },
          ]}
        />
      )}
      {chosen && (
        <Dialog title={`Took ${duration(chosen.duration_ms)}`} onClose={() => setChosen(undefined)}>
          <div class="stack-tight">
            <p class="small soft">
              <Time at={chosen.at_ms} isExact /> · {exact(chosen.times)} times above 100 ms. Values are not
              kept.
            </p>
            <Snippet label="Query" text={chosen.query} />
          </div>
        </Dialog>
      )}
    </Panel>
  );
}
