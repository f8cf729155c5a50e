import { useEffect, useState } from "preact/hooks";
import { alertsChanged } from "../../api/alert-stream";
import { send } from "../../api/client";
import type { Paged } from "../../api/envelope";
import { useChange, useQuestion } from "../../api/question";
import { count, duration, inUnit, words } from "../../format";
import { Button } from "../../parts/button";
import { AnswerOf, Panel } from "../../parts/panel";
import { toast } from "../../parts/small";
import { Badge, EmptyState } from "../../parts/states";
import { type Column, Pager, Table } from "../../parts/table";
import { useParam } from "../../range/range";
import { may } from "../../session";
import { RuleEditor } from "./rule-editor";
import { LEVELS, type Rule, type Watch } from "./types";
import { PhaseBadge, unitOfMetric } from "./words";

/** What is watched, and how it stands. */
export function Rules() {
  const [search, setSearch] = useParam("search", "");
  const [at, setAt] = useParam("at", "1");
  // The address names the rule that is open, so that an alert can lead to its rule.
  const [open, setOpen] = useParam("rule", "");
  const [round, setRound] = useState(0);
  const rules = useQuestion<Paged<Rule>>(
    "/api/rules",
    { search, page: at, page_size: 50 },
    { fresh: true, everyMs: 15_000 },
  );
  const changed = alertsChanged.value;
  useEffect(() => {
    if (changed > 0) {
      rules.again();
    }
  }, [changed, rules.again]);
  const toggle = useChange(async (rule: Rule) => {
    await send("PATCH", `/api/rules/${rule.id}`, { revision: rule.revision, is_enabled: !rule.is_enabled });
    toast(
      rule.is_enabled ? `“${rule.name}” is off: what fires because of it is over` : `“${rule.name}” is on`,
    );
    rules.again();
  });
  const columns: Column<Rule>[] = [
    { id: "name", title: "Rule", render: (row) => <strong>{row.name}</strong> },
    { id: "watch", title: "Looks at", isMinor: true, render: (row) => watchWords(row.watch) },
    { id: "thresholds", title: "Fires", isMinor: true, render: thresholdWords },
    {
      id: "phase",
      title: "State",
      render: (row) =>
        row.is_enabled ? (
          <>
            <PhaseBadge phase={row.phase} />
            {row.groups > 1 && <span class="faint"> {count(row.groups)} groups</span>}
          </>
        ) : (
          <Badge icon="pause">Off</Badge>
        ),
    },
  ];
  if (may("admin")) {
    columns.push({
      id: "act",
      title: "",
      render: (row) => (
        // biome-ignore lint/a11y/noStaticElementInteractions: only keeps the press from the row.
        // biome-ignore lint/a11y/useKeyWithClickEvents: as above; the button has its own keys.
        <span onClick={(event) => event.stopPropagation()}>
          <Button isBusy={toggle.isBusy} onClick={() => toggle.run(row)}>
            {row.is_enabled ? "Turn off" : "Turn on"}
          </Button>
        </span>
      ),
    });
  }
  const close = () => {
    setOpen("");
    setRound(round + 1);
    rules.again();
  };
  return (
    <Panel
      title="Rules"
      actions={
        <>
          <input
            class="input"
            aria-label="Search by name"
            placeholder="Search by name"
            value={search}
            onChange={(event) => setSearch(event.currentTarget.value)}
          />
          {may("admin") && (
            <Button icon="plus" look="primary" onClick={() => setOpen("new")}>
              New rule
            </Button>
          )}
        </>
      }
      flush
    >
      <AnswerOf
        of={rules}
        height={6 * 40}
        canShrink
        isEmpty={(data) => data.items.length === 0}
        empty={<EmptyState title="No such rules" icon="alerts" />}
      >
        {(data) => (
          <>
            <Table
              label="Rules"
              rows={data.items}
              rowId={(row) => row.id}
              onRow={(row) => setOpen(row.id)}
              columns={columns}
            />
            <Pager list={data} onPage={(next) => setAt(String(next))} />
          </>
        )}
      </AnswerOf>
      {open && <OpenRule key={`${open} ${round}`} id={open} onClose={close} />}
    </Panel>
  );
}

function OpenRule({ id, onClose }: { id: string; onClose: () => void }) {
  const isNew = id === "new";
  const rule = useQuestion<Rule>(isNew ? null : `/api/rules/${id}`, {}, { fresh: true, everyMs: 0 });
  if (isNew) {
    return <RuleEditor rule={undefined} onClose={onClose} />;
  }
  return rule.data ? <RuleEditor rule={rule.data} onClose={onClose} /> : null;
}

/** `p95 of API response time over 5 min by page`. */
function watchWords(watch: Watch): string {
  const group = watch.group_by?.length
    ? ` by ${watch.group_by.map((one) => words(one).toLowerCase()).join(", ")}`
    : "";
  const over = watch.window_ms ? ` over ${duration(watch.window_ms)}` : "";
  const metric = watch.name ?? (watch.type ? words(watch.type) : "all measurements");
  switch (watch.kind) {
    case "single":
      return `each ${metric}${group}`;
    case "metric":
      return `${words(watch.aggregate ?? "").toLowerCase()} of ${metric}${over}${group}`;
    case "events":
      return `number of ${watch.names?.map(words).join(", ") || `${watch.beacon ?? "event"}s`}${watch.per_minute ? " a minute" : ""}${over}${group}`;
    case "cache_hit_rate":
      return `hit rate of the cache${over}`;
    case "memory":
      return "memory of Fresnel";
    case "vendor":
      return `${words(watch.measure ?? "").toLowerCase()} of ${watch.integrations?.join(", ") || "each third-party service"}${over}`;
    case "ledger":
      return `${words(watch.measure ?? "").toLowerCase()} in the ledger${over}`;
  }
}

function thresholdWords({ thresholds, watch }: Rule): string {
  const metric =
    watch.kind === "ledger" || watch.kind === "vendor"
      ? watch.measure
      : watch.kind === "metric" || watch.kind === "single"
        ? (watch.name ?? watch.type)
        : watch.kind;
  const unit = unitOfMetric(metric, watch.aggregate);
  return LEVELS.filter((level) => thresholds[level] !== undefined)
    .map(
      (level) => `${words(level).toLowerCase()} ${thresholds.direction} ${inUnit(thresholds[level], unit)}`,
    )
    .join(", ");
}
