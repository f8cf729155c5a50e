import { useState } from "preact/hooks";
import { send } from "../../api/client";
import type { Paged } from "../../api/envelope";
import { useChange, useQuestion } from "../../api/question";
import { exactTime } from "../../format";
import { Button } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { ConfirmButton, SelectField, TextField } from "../../parts/fields";
import { Form } from "../../parts/form";
import { AnswerOf, Panel } from "../../parts/panel";
import { EmptyState } from "../../parts/states";
import { Pager, Table } from "../../parts/table";
import { browserZone, useParam } from "../../range/range";
import { fromLocalInput } from "../../range/zone";
import { may, project } from "../../session";
import type { Integration } from "../integrations/types";
import type { MaintenanceWindow } from "./types";

/** Times that count neither for nor against a vendor. */
export function Maintenance({ onChange }: { onChange: () => void }) {
  const [page, setPage] = useParam("page", "1");
  const [isNew, setNew] = useState(false);
  const windows = useQuestion<Paged<MaintenanceWindow>>(
    "/api-integrations/maintenance",
    { page, page_size: 20 },
    { everyMs: 0, fresh: true },
  );
  const known = useQuestion<Paged<Integration>>("/api/integrations", { page_size: 500 }, { everyMs: 0 });
  const zone = project.value?.time_zone ?? browserZone;
  const changed = () => {
    windows.again();
    onChange();
  };
  return (
    <Panel
      title="Maintenance"
      note="does not count"
      flush
      actions={
        may("admin") && (
          <Button icon="plus" onClick={() => setNew(true)}>
            Tell of maintenance
          </Button>
        )
      }
    >
      <AnswerOf
        of={windows}
        height={100}
        canShrink
        isEmpty={(data) => data.total === 0}
        empty={
          <EmptyState title="No maintenance was told of" icon="calendar">
            What is seen of a vendor within such a time counts neither for nor against it, also in the past,
            and no rule fires by it.
          </EmptyState>
        }
      >
        {(data) => (
          <>
            <Table
              label="Maintenance"
              rows={data.items}
              rowId={(row) => row.id}
              columns={[
                {
                  id: "whose",
                  title: "Service",
                  render: (row) =>
                    row.integration_id
                      ? (known.data?.items.find((one) => one.id === row.integration_id)?.definition.name ??
                        "…")
                      : "all of them",
                },
                { id: "from", title: "From", render: (row) => exactTime(row.starts_at_ms, zone, false) },
                { id: "to", title: "To", render: (row) => exactTime(row.ends_at_ms, zone, false) },
                { id: "note", title: "What for", isMinor: true, render: (row) => row.note },
                ...(may("admin")
                  ? [
                      {
                        id: "act",
                        title: "",
                        isNumber: true,
                        render: (row: MaintenanceWindow) => (
                          <ConfirmButton
                            label="Delete"
                            title="Delete this window?"
                            run={async () => {
                              await send("DELETE", `/api-integrations/maintenance/${row.id}`);
                              changed();
                            }}
                          >
                            What was seen within it counts again.
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
        <NewWindow
          zone={zone}
          integrations={known.data?.items ?? []}
          onClose={() => setNew(false)}
          onDone={() => {
            setNew(false);
            changed();
          }}
        />
      )}
    </Panel>
  );
}

const FIELDS = ["integration_id", "starts_at", "ends_at", "note"] as const;

interface NewWindowProps {
  zone: string;
  integrations: Integration[];
  onClose: () => void;
  onDone: () => void;
}

function NewWindow({ zone, integrations, onClose, onDone }: NewWindowProps) {
  const [whose, setWhose] = useState("");
  const [texts, setTexts] = useState({ starts_at: "", ends_at: "", note: "" });
  const save = useChange(async () => {
    const time = (text: string) =>
      text === "" ? undefined : new Date(fromLocalInput(text, zone)).toISOString();
    await send("POST", "/api-integrations/maintenance", {
      integration_id: whose || undefined,
      starts_at: time(texts.starts_at),
      ends_at: time(texts.ends_at),
      note: texts.note || undefined,
    });
    onDone();
  });
  const field = (name: "starts_at" | "ends_at" | "note", label: string, hint?: string) => (
    <TextField
      label={label}
      name={name}
      type={name === "note" ? "text" : "datetime-local"}
      value={texts[name]}
      onInput={(text) => setTexts({ ...texts, [name]: text })}
      error={save.error}
      hint={hint}
    />
  );
  return (
    <Dialog title="Tell of maintenance" onClose={onClose}>
      <Form fields={FIELDS} error={save.error} onSubmit={() => save.run()}>
        <SelectField
          label="Service"
          value={whose}
          options={[
            { id: "", label: "All of them" },
            ...integrations.map((one) => ({ id: one.id, label: one.definition.name })),
          ]}
          onChange={setWhose}
        />
        {field("starts_at", "From", `In ${zone}.`)}
        {field("ends_at", "To")}
        {field("note", "What for")}
        <div class="row">
          <Button type="submit" look="primary" isBusy={save.isBusy}>
            Save
          </Button>
        </div>
      </Form>
    </Dialog>
  );
}
