import { useState } from "preact/hooks";
import { send } from "../../api/client";
import type { Paged } from "../../api/envelope";
import { useChange, useQuestion } from "../../api/question";
import { Button, Segments } from "../../parts/button";
import { AnswerOf, Panel } from "../../parts/panel";
import { Time, toast } from "../../parts/small";
import { Badge, EmptyState } from "../../parts/states";
import { type Column, Pager, Table } from "../../parts/table";
import { useParam } from "../../range/range";
import { may } from "../../session";
import { matcherWords } from "./matcher-field";
import { SilenceEditor } from "./silence-editor";
import type { Silence } from "./types";

/** Times in which alerts are not told. */
export function Silences() {
  const [shown, setShown] = useParam("over", "");
  const [at, setAt] = useParam("at", "1");
  const [isNew, setNew] = useState(false);
  const silences = useQuestion<Paged<Silence>>(
    "/api/silences",
    { over: shown === "true" ? "true" : undefined, page: at, page_size: 50 },
    { fresh: true, everyMs: 30_000 },
  );
  const end = useChange(async (silence: Silence) => {
    await send("DELETE", `/api/silences/${silence.id}`);
    toast("Ended: what still fires is told now");
    silences.again();
  });
  const columns: Column<Silence>[] = [
    { id: "what", title: "Alerts with", render: (row) => matcherWords(row.matcher) },
    { id: "why", title: "Why", isMinor: true, render: (row) => row.comment ?? "" },
    { id: "who", title: "By", isMinor: true, render: (row) => row.created_by.name },
    { id: "state", title: "State", render: stateOf },
    {
      id: "from",
      title: "From",
      isNumber: true,
      isMinor: true,
      render: (row) => <Time at={row.starts_at_ms} />,
    },
    { id: "to", title: "Until", isNumber: true, render: (row) => <Time at={row.ends_at_ms} /> },
  ];
  if (may("admin")) {
    columns.push({
      id: "act",
      title: "",
      render: (row) =>
        row.ends_at_ms > Date.now() && (
          <Button isBusy={end.isBusy} onClick={() => end.run(row)}>
            End now
          </Button>
        ),
    });
  }
  return (
    <Panel
      title="Silences"
      note="alerts that are told to nobody for a time; they are listed all the same"
      actions={
        <>
          <Segments
            label="Which"
            value={shown === "true" ? "true" : ""}
            options={[
              { id: "", label: "Now and later" },
              { id: "true", label: "All" },
            ]}
            onChange={setShown}
          />
          {may("admin") && (
            <Button icon="plus" onClick={() => setNew(true)}>
              New silence
            </Button>
          )}
        </>
      }
      flush
    >
      <AnswerOf
        of={silences}
        height={200}
        canShrink
        isEmpty={(data) => data.items.length === 0}
        empty={
          <EmptyState title="Nothing is silenced" icon="alerts">
            Before you move a database, silence what will fire because of it. An alert can be silenced from
            its own page too.
          </EmptyState>
        }
      >
        {(data) => (
          <>
            <Table label="Silences" rows={data.items} rowId={(row) => row.id} columns={columns} />
            <Pager list={data} onPage={(next) => setAt(String(next))} />
          </>
        )}
      </AnswerOf>
      {isNew && (
        <SilenceEditor
          onClose={() => setNew(false)}
          onDone={() => {
            setNew(false);
            silences.again();
          }}
        />
      )}
    </Panel>
  );
}

function stateOf(silence: Silence) {
  const now = Date.now();
  if (silence.ends_at_ms <= now) {
    return <Badge>Over</Badge>;
  }
  return silence.starts_at_ms > now ? (
    <Badge tone="accent" icon="clock">
      Later
    </Badge>
  ) : (
    <Badge tone="warning" icon="pause">
      Quiet
    </Badge>
  );
}
