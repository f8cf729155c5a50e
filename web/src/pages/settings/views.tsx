import { useState } from "preact/hooks";
import { send } from "../../api/client";
import type { Paged } from "../../api/envelope";
import { useChange, useQuestion } from "../../api/question";
import { words } from "../../format";
import { Button } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { CheckField, ConfirmButton, TextField } from "../../parts/fields";
import { Form } from "../../parts/form";
import { AnswerOf, Panel } from "../../parts/panel";
import { Time, toast } from "../../parts/small";
import { Badge, EmptyState } from "../../parts/states";
import { Pager, Table } from "../../parts/table";
import { useParam } from "../../range/range";
import { may, projectId, session } from "../../session";
import type { SavedView } from "./types";

/** Where a view leads: its page, with its state as the query. */
function addressOf(view: SavedView): string {
  const query = new URLSearchParams(view.state);
  query.set("project", projectId.value);
  return `/${view.page === "overview" ? "" : view.page}?${query}`;
}

/** One's own saved views, and those that others share. */
export function Views() {
  const [page, setPage] = useParam("page", "1");
  const views = useQuestion<Paged<SavedView>>(
    "/api/views",
    { page, page_size: 50 },
    { everyMs: 0, fresh: true },
  );
  const [chosen, setChosen] = useState<SavedView>();
  const mayChange = (view: SavedView) => view.owner.id === session.value?.user.id || may("admin");
  return (
    <Panel title="Saved views" note="yours, and those that are shared" flush>
      <AnswerOf
        of={views}
        height={160}
        canShrink
        isEmpty={(data) => data.total === 0}
        empty={
          <EmptyState title="No views are saved" icon="save">
            On any page, “Views” saves its range, filters and choices.
          </EmptyState>
        }
      >
        {(data) => (
          <>
            <Table
              label="Saved views"
              rows={data.items}
              rowId={(row) => row.id}
              columns={[
                { id: "name", title: "Name", render: (row) => <a href={addressOf(row)}>{row.name}</a> },
                { id: "page", title: "Page", render: (row) => words(row.page) },
                { id: "owner", title: "Of", isMinor: true, render: (row) => row.owner.name ?? "–" },
                {
                  id: "shared",
                  title: "Seen by",
                  render: (row) => <Badge>{row.is_shared ? "Everybody" : "Its owner"}</Badge>,
                },
                {
                  id: "at",
                  title: "Changed",
                  isMinor: true,
                  render: (row) => <Time at={row.updated_at_ms} />,
                },
                {
                  id: "act",
                  title: "",
                  isNumber: true,
                  render: (row) =>
                    mayChange(row) && (
                      <Button onClick={() => setChosen(row)} label={`Change ${row.name}`} icon="more" />
                    ),
                },
              ]}
            />
            <Pager list={data} onPage={(next) => setPage(String(next))} />
          </>
        )}
      </AnswerOf>
      {chosen && (
        <ViewForm
          view={chosen}
          onClose={() => setChosen(undefined)}
          onDone={() => {
            setChosen(undefined);
            views.again();
          }}
        />
      )}
    </Panel>
  );
}

function ViewForm({ view, onClose, onDone }: { view: SavedView; onClose: () => void; onDone: () => void }) {
  const [name, setName] = useState(view.name);
  const [isShared, setShared] = useState(view.is_shared);
  const save = useChange(async () => {
    await send("PATCH", `/api/views/${view.id}`, { revision: view.revision, name, is_shared: isShared });
    toast("Saved");
    onDone();
  });
  return (
    <Dialog title={view.name} onClose={onClose}>
      <Form fields={["name"]} error={save.error} onSubmit={() => save.run()}>
        <TextField label="Name" name="name" value={name} onInput={setName} error={save.error} />
        <CheckField label="Others see it too" isOn={isShared} onChange={setShared} />
        <div class="row">
          <Button type="submit" look="primary" isBusy={save.isBusy}>
            Save
          </Button>
          <span class="push">
            <ConfirmButton
              label="Delete"
              title={`Delete “${view.name}”?`}
              run={async () => {
                await send("DELETE", `/api/views/${view.id}`);
                toast("Deleted");
                onDone();
              }}
            >
              Its link shows nothing any more.
            </ConfirmButton>
          </span>
        </div>
      </Form>
    </Dialog>
  );
}
