import { useState } from "preact/hooks";
import { send } from "../../api/client";
import type { Paged } from "../../api/envelope";
import { useChange, useQuestion } from "../../api/question";
import { Button } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { ConfirmButton, TextField } from "../../parts/fields";
import { Form } from "../../parts/form";
import { AnswerOf, Panel } from "../../parts/panel";
import { Time, toast } from "../../parts/small";
import { EmptyState } from "../../parts/states";
import { Pager, Table } from "../../parts/table";
import { useParam } from "../../range/range";
import { fromLocalInput } from "../../range/zone";
import { may, project } from "../../session";
import type { Deploy } from "./types";

/** What went live, and when: charts mark it. */
export function Deploys() {
  const [page, setPage] = useParam("page", "1");
  const deploys = useQuestion<Paged<Deploy>>(
    "/api/deploys",
    { page, page_size: 50 },
    { everyMs: 0, fresh: true },
  );
  const [isNew, setNew] = useState(false);
  const canChange = may("admin");
  return (
    <Panel
      title="Deploys"
      note="charts mark them"
      flush
      actions={
        canChange && (
          <Button look="primary" icon="plus" onClick={() => setNew(true)}>
            Tell of a deploy
          </Button>
        )
      }
    >
      <AnswerOf
        of={deploys}
        height={160}
        canShrink
        isEmpty={(data) => data.total === 0}
        empty={
          <EmptyState
            title="No deploys were told of"
            icon="clock"
            snippet={`curl -H "Authorization: Bearer $DEPLOY_KEY" -H 'Content-Type: application/json' \\\n  '${location.origin}/api/deploys' -d '{"release": "2026.11.3", "environment": "production"}'`}
          >
            A build server tells of them with a server key that has the scope “manage”. Releases that beacons
            name are marked anyway.
          </EmptyState>
        }
      >
        {(data) => (
          <>
            <Table
              label="Deploys"
              rows={data.items}
              rowId={(row) => row.id}
              columns={[
                { id: "release", title: "Release", render: (row) => <strong>{row.release}</strong> },
                { id: "environment", title: "Environment", render: (row) => row.environment ?? "everywhere" },
                { id: "at", title: "When", render: (row) => <Time at={row.deployed_at_ms} /> },
                {
                  id: "more",
                  title: "What is new",
                  isMinor: true,
                  render: (row) => (
                    <>
                      {row.description}{" "}
                      {row.url && (
                        <a href={row.url} rel="noreferrer" target="_blank">
                          Read more
                        </a>
                      )}
                    </>
                  ),
                },
                ...(canChange
                  ? [
                      {
                        id: "act",
                        title: "",
                        isNumber: true,
                        render: (row: Deploy) => (
                          <ConfirmButton
                            label="Delete"
                            title={`Delete the deploy of ${row.release}?`}
                            run={async () => {
                              await send("DELETE", `/api/deploys/${row.id}`);
                              deploys.again();
                            }}
                          >
                            Charts mark it no more.
                          </ConfirmButton>
                        ),
                      },
                    ]
                  : []),
              ]}
            />
            <Pager list={data} onPage={(next) => setPage(String(next))} />
          </>
        )}
      </AnswerOf>
      {isNew && (
        <NewDeploy
          onClose={() => setNew(false)}
          onDone={() => {
            setNew(false);
            deploys.again();
          }}
        />
      )}
    </Panel>
  );
}

const FIELDS = ["release", "environment", "deployed_at", "description", "url"] as const;
const LABELS: Record<(typeof FIELDS)[number], string> = {
  release: "Release",
  environment: "Environment",
  deployed_at: "When",
  description: "What is new",
  url: "Where to read more",
};
const HINTS: Partial<Record<(typeof FIELDS)[number], string>> = {
  release: "As beacons name it.",
  environment: "Empty: everywhere.",
  deployed_at: "Empty: now.",
};

function NewDeploy({ onClose, onDone }: { onClose: () => void; onDone: () => void }) {
  const [texts, setTexts] = useState<Partial<Record<(typeof FIELDS)[number], string>>>({});
  const save = useChange(async () => {
    const body: Record<string, string> = { release: texts.release ?? "" };
    for (const field of FIELDS) {
      const text = texts[field] ?? "";
      if (text !== "") {
        const ms = field === "deployed_at" ? fromLocalInput(text, project.value?.time_zone ?? "UTC") : 0;
        body[field] = field === "deployed_at" ? new Date(ms).toISOString() : text;
      }
    }
    await send("POST", "/api/deploys", body);
    toast("Charts mark it from now on");
    onDone();
  });
  return (
    <Dialog title="Tell of a deploy" onClose={onClose}>
      <Form fields={FIELDS} error={save.error} onSubmit={() => save.run()}>
        {FIELDS.map((field) => (
          <TextField
            key={field}
            label={LABELS[field]}
            name={field}
            type={field === "deployed_at" ? "datetime-local" : field === "url" ? "url" : "text"}
            value={texts[field] ?? ""}
            onInput={(text) => setTexts({ ...texts, [field]: text })}
            error={save.error}
            hint={HINTS[field]}
          />
        ))}
        <div class="row">
          <Button type="submit" look="primary" isBusy={save.isBusy}>
            Save
          </Button>
        </div>
      </Form>
    </Dialog>
  );
}
