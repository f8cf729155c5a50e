import { send } from "../../api/client";
import type { Paged } from "../../api/envelope";
import { useChange, useQuestion } from "../../api/question";
import { bytes, duration, exact } from "../../format";
import { Button } from "../../parts/button";
import { AnswerOf, Panel } from "../../parts/panel";
import { toast } from "../../parts/small";
import { Badge, EmptyState, ErrorBox } from "../../parts/states";
import { Pager, Table } from "../../parts/table";
import { useParam } from "../../range/range";
import { project, projectId } from "../../session";
import type { KeptAnswer } from "./types";

/** The answers that this node keeps of the project, for its admins. */
export function Kept() {
  const [prefix, setPrefix] = useParam("prefix");
  const [page, setPage] = useParam("kept", "1");
  const kept = useQuestion<Paged<KeptAnswer>>(
    "/api/cache",
    { prefix: prefix && `${projectId.value}/${prefix}`, page, page_size: 20 },
    { everyMs: 5_000, fresh: true },
  );
  const forget = useChange(async (begin: string) => {
    const asked = new URLSearchParams({ project: projectId.value, prefix: begin });
    const done = await send<{ removed: number }>("DELETE", `/api/cache?${asked}`, undefined, {
      everywhere: true,
    });
    toast(`${exact(done.data.removed)} answers forgotten`);
    kept.again();
  });
  return (
    <Panel
      title="Kept answers"
      note={`of ${project.value?.name ?? projectId.value}, on this node`}
      flush
      actions={
        <>
          <input
            class="input"
            style={{ width: "12rem" }}
            aria-label="Questions that begin with"
            placeholder="Begins with, like timeseries"
            value={prefix}
            onInput={(event) => setPrefix(event.currentTarget.value.trim(), true)}
          />
          <Button isBusy={forget.isBusy} onClick={() => forget.run(`${projectId.value}/${prefix}`)}>
            {prefix ? "Forget these" : "Forget all"}
          </Button>
        </>
      }
    >
      {forget.error && <ErrorBox error={forget.error} />}
      <AnswerOf
        of={kept}
        height={200}
        canShrink
        isEmpty={(data) => data.total === 0}
        empty={
          <EmptyState title="No answers are kept" icon="clock">
            An answer is kept when a page asks for it, for as long as asking again brings the same.
          </EmptyState>
        }
      >
        {(data) => (
          <>
            <Table
              label="Kept answers"
              rows={data.items}
              rowId={(row) => row.key}
              columns={[
                {
                  id: "key",
                  title: "Question",
                  render: (row) => <span class="code">{row.key.replace(`${projectId.value}/`, "")}</span>,
                },
                { id: "kind", title: "Kind", isMinor: true, render: (row) => row.kind },
                {
                  id: "state",
                  title: "State",
                  render: (row) =>
                    row.expires_ms > 0 ? (
                      <Badge tone="good" icon="check">
                        Fresh for {duration(row.expires_ms)}
                      </Badge>
                    ) : (
                      <Badge icon="clock">Only if all else fails</Badge>
                    ),
                },
                {
                  id: "age",
                  title: "Age",
                  isNumber: true,
                  isMinor: true,
                  render: (row) => duration(row.age_ms),
                },
                {
                  id: "hits",
                  title: "Hits",
                  isNumber: true,
                  render: (row) => exact(row.hits),
                  sortBy: (row) => row.hits,
                },
                {
                  id: "bytes",
                  title: "Size",
                  isNumber: true,
                  isMinor: true,
                  render: (row) => bytes(row.bytes),
                  sortBy: (row) => row.bytes,
                },
              ]}
            />
            <Pager list={data} onPage={(next) => setPage(String(next))} />
          </>
        )}
      </AnswerOf>
    </Panel>
  );
}
