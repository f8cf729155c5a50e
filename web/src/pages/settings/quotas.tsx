import { useState } from "preact/hooks";
import { send } from "../../api/client";
import type { Paged } from "../../api/envelope";
import { useChange, useQuestion } from "../../api/question";
import { exact, NOTHING, words } from "../../format";
import { Button } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { ConfirmButton, SelectField, TextField } from "../../parts/fields";
import { Form } from "../../parts/form";
import { AnswerOf, Panel } from "../../parts/panel";
import { toast } from "../../parts/small";
import { EmptyState } from "../../parts/states";
import { Pager, Table } from "../../parts/table";
import { useParam } from "../../range/range";
import { may } from "../../session";
import { LIMITS, type Limits, type Quota } from "./types";

const TARGETS = [
  { id: "project", label: "Everybody in this project" },
  { id: "endpoint", label: "One kind of beacons" },
  { id: "role", label: "Users with a role" },
  { id: "key", label: "One key" },
  { id: "user", label: "One user" },
] as const;
type Target = (typeof TARGETS)[number]["id"];
const ID_HINTS: Record<Target, string> = {
  project: "",
  endpoint: "metric, alert, funnel or event",
  role: "As tokens or members name it, such as tester",
  key: "The key's id",
  user: "As tokens or server keys name them",
};
/** Of the setting `quota.*`, unless the server was told otherwise. */
const DEFAULTS: Record<(typeof LIMITS)[number], number> = {
  metrics_per_hour: 500,
  events_per_hour: 1_000,
  api_per_minute: 100,
  external_per_minute: 100,
};
const TITLES: Record<(typeof LIMITS)[number], string> = {
  metrics_per_hour: "Metrics an hour",
  events_per_hour: "Other beacons an hour",
  api_per_minute: "Requests to the API a minute",
  external_per_minute: "External calls a minute",
};

const shown = (limit: number | null | undefined) =>
  limit === null || limit === undefined ? NOTHING : limit === 0 ? "No limit" : exact(limit);

/** How much a user may post and ask: the defaults, and who has other limits. */
export function Quotas() {
  const [page, setPage] = useParam("page", "1");
  const quotas = useQuestion<Paged<Quota>>(
    "/api/quotas",
    { page, page_size: 50 },
    { everyMs: 0, fresh: true },
  );
  const [chosen, setChosen] = useState<Quota | "new">();
  return (
    <>
      <Panel title="Defaults" note="per user, rolling; the server's settings quota.* change them" flush>
        <Table
          label="Defaults"
          rows={[...LIMITS]}
          rowId={(row) => row}
          columns={[
            { id: "limit", title: "Limit", render: (row) => TITLES[row] },
            {
              id: "value",
              title: "Unless set otherwise",
              isNumber: true,
              render: (row) => exact(DEFAULTS[row]),
            },
          ]}
        />
      </Panel>
      <Panel
        title="Other limits for some"
        note="of several that fit, the most particular wins, limit by limit"
        flush
        actions={
          may("admin") && (
            <Button look="primary" icon="plus" onClick={() => setChosen("new")}>
              New override
            </Button>
          )
        }
      >
        <AnswerOf
          of={quotas}
          height={160}
          canShrink
          isEmpty={(data) => data.total === 0}
          empty={<EmptyState title="The defaults hold for everybody" icon="check" />}
        >
          {(data) => (
            <>
              <Table
                label="Overrides"
                rows={data.items}
                rowId={(row) => row.id}
                onRow={may("admin") ? setChosen : undefined}
                columns={[
                  {
                    id: "target",
                    title: "For",
                    render: (row) => (
                      <strong>
                        {words(row.target.kind)} {row.target.id}
                      </strong>
                    ),
                  },
                  ...LIMITS.map((limit) => ({
                    id: limit,
                    title: TITLES[limit],
                    isNumber: true,
                    render: (row: Quota) => shown(row.limits[limit]),
                  })),
                ]}
              />
              <Pager list={data} onPage={(next) => setPage(String(next))} />
            </>
          )}
        </AnswerOf>
        {chosen && (
          <QuotaForm
            item={chosen === "new" ? undefined : chosen}
            onClose={() => setChosen(undefined)}
            onDone={() => {
              setChosen(undefined);
              quotas.again();
            }}
          />
        )}
      </Panel>
    </>
  );
}

interface QuotaFormProps {
  item: Quota | undefined;
  onClose: () => void;
  onDone: () => void;
}

function QuotaForm({ item, onClose, onDone }: QuotaFormProps) {
  const [kind, setKind] = useState<Target>("project");
  const [id, setId] = useState("");
  const [texts, setTexts] = useState<Partial<Record<keyof Limits, string>>>(() =>
    Object.fromEntries(LIMITS.map((limit) => [limit, String(item?.limits[limit] ?? "")])),
  );
  const save = useChange(async () => {
    const limits: Limits = {};
    for (const limit of LIMITS) {
      const text = texts[limit]?.trim() ?? "";
      if (text !== "") {
        limits[limit] = Number(text);
      } else if (item) {
        limits[limit] = null;
      }
    }
    if (item) {
      await send("PATCH", `/api/quotas/${item.id}`, { limits });
    } else {
      await send("POST", "/api/quotas", { target: kind === "project" ? { kind } : { kind, id }, limits });
    }
    toast("Saved: it holds at once");
    onDone();
  });
  const fields = ["target", "target.kind", "target.id", ...LIMITS.map((limit) => `limits.${limit}`)];
  return (
    <Dialog
      title={item ? `${words(item.target.kind)} ${item.target.id ?? ""}` : "New override"}
      onClose={onClose}
    >
      <Form fields={fields} error={save.error} onSubmit={() => save.run()}>
        {!item && (
          <>
            <SelectField
              label="For"
              name="target"
              value={kind}
              options={TARGETS}
              onChange={setKind}
              error={save.error}
            />
            {kind !== "project" && (
              <TextField
                label="Which"
                name="target.id"
                value={id}
                onInput={setId}
                error={save.error}
                hint={ID_HINTS[kind]}
              />
            )}
          </>
        )}
        {LIMITS.map((limit) => (
          <TextField
            key={limit}
            label={TITLES[limit]}
            name={`limits.${limit}`}
            type="number"
            value={texts[limit] ?? ""}
            onInput={(text) => setTexts({ ...texts, [limit]: text })}
            error={save.error}
            hint="Empty: as otherwise. 0: no limit."
          />
        ))}
        <div class="row">
          <Button type="submit" look="primary" isBusy={save.isBusy}>
            Save
          </Button>
          {item && (
            <span class="push">
              <ConfirmButton
                label="Remove"
                title="Remove this override?"
                run={async () => {
                  await send("DELETE", `/api/quotas/${item.id}`);
                  toast("Removed");
                  onDone();
                }}
              >
                What holds without it holds again, at once.
              </ConfirmButton>
            </span>
          )}
        </div>
      </Form>
    </Dialog>
  );
}
