import { useEffect, useMemo } from "preact/hooks";
import { useLocation } from "preact-iso";
import { alertsChanged } from "../../api/alert-stream";
import { send } from "../../api/client";
import type { Paged } from "../../api/envelope";
import { useChange, useQuestion } from "../../api/question";
import { TimeChart } from "../../charts/time-chart";
import { count, duration } from "../../format";
import { Button, Segments } from "../../parts/button";
import { Select } from "../../parts/form";
import { AnswerOf, Panel } from "../../parts/panel";
import { Time, toast } from "../../parts/small";
import { Stat, Stats } from "../../parts/stat";
import { Badge, EmptyState } from "../../parts/states";
import { type Column, Pager, Table } from "../../parts/table";
import { linkTo, useParam } from "../../range/range";
import { may } from "../../session";
import type { Alert, TrendDay } from "./types";
import { groupOf, LevelBadge, measured } from "./words";

const PAGE_SIZE = 20;
const TREND_PX = 160;
const STATES = [
  { id: "open", label: "Open" },
  { id: "resolved", label: "Over" },
  { id: "all", label: "All" },
] as const;
type State = (typeof STATES)[number]["id"];
const LEVELS = [
  { id: "", label: "All levels" },
  { id: "critical", label: "Critical" },
  { id: "error", label: "Error" },
  { id: "warning", label: "Warning" },
  { id: "info", label: "Info" },
] as const;
const SOURCES = [
  { id: "", label: "All sources" },
  { id: "rule", label: "Rules" },
  { id: "client", label: "Posted" },
  { id: "fresnel", label: "Fresnel itself" },
] as const;

/** Alerts that are open, those that are over, and how many there were each day. */
export function AlertList() {
  const { url, route } = useLocation();
  const [state, setState] = useParam("state", "open");
  const [level, setLevel] = useParam("level", "");
  const [source, setSource] = useParam("source", "");
  const [at, setAt] = useParam("at", "1");
  const alerts = useQuestion<Paged<Alert>>(
    "/api/alerts",
    { state: state === "all" ? "" : state, level, source, page: at, page_size: PAGE_SIZE },
    { fresh: true, everyMs: 15_000 },
  );
  // Something has happened: at once.
  const changed = alertsChanged.value;
  useEffect(() => {
    if (changed > 0) {
      alerts.again();
    }
  }, [changed, alerts.again]);
  const acknowledge = useChange(async (alert: Alert) => {
    await send("POST", `/api/alerts/${alert.id}/acknowledge`);
    toast("You look after it: nobody else is woken");
    alerts.again();
  });

  const columns: Column<Alert>[] = [
    { id: "level", title: "Level", render: (row) => <LevelBadge level={row.level} /> },
    {
      id: "title",
      title: "Alert",
      render: (row) => (
        <>
          <strong>{row.title}</strong> <span class="soft">{groupOf(row.labels)}</span>
        </>
      ),
    },
    { id: "value", title: "Value", isMinor: true, render: measured },
    { id: "count", title: "Times", isNumber: true, isMinor: true, render: (row) => count(row.count) },
    {
      id: "since",
      title: "Since",
      isNumber: true,
      isMinor: true,
      render: (row) => <Time at={row.started_at_ms} />,
    },
    {
      id: "state",
      title: "State",
      render: (row) =>
        row.resolved_at_ms !== null ? (
          <Badge tone="good" icon="check">
            over after {duration(row.resolved_at_ms - row.started_at_ms)}
          </Badge>
        ) : row.acknowledged ? (
          <Badge tone="accent" icon="user">
            looked after
          </Badge>
        ) : (
          <Badge tone="critical" icon="alerts">
            open
          </Badge>
        ),
    },
  ];
  if (may("admin")) {
    columns.push({
      id: "act",
      title: "",
      render: (row) =>
        row.resolved_at_ms === null &&
        !row.acknowledged && (
          // biome-ignore lint/a11y/noStaticElementInteractions: only keeps the press from the row.
          // biome-ignore lint/a11y/useKeyWithClickEvents: as above; the button has its own keys.
          <span onClick={(event) => event.stopPropagation()}>
            <Button isBusy={acknowledge.isBusy} onClick={() => acknowledge.run(row)}>
              Acknowledge
            </Button>
          </span>
        ),
    });
  }
  return (
    <div class="stack">
      <Trends />
      <Panel
        title="Alerts"
        actions={
          <>
            <Segments label="State" value={state as State} options={STATES} onChange={setState} />
            <Select label="Level" value={level} options={LEVELS} onChange={setLevel} />
            <Select label="Source" value={source} options={SOURCES} onChange={setSource} />
          </>
        }
        flush
      >
        <AnswerOf
          of={alerts}
          height={8 * 40}
          canShrink
          isEmpty={(data) => data.items.length === 0}
          empty={
            state === "open" ? (
              <EmptyState title="Nothing is wrong" icon="check">
                Rules look each 15 seconds, at single values at once. What fires shows here by itself;
                channels tell you when you do not look.
              </EmptyState>
            ) : (
              <EmptyState title="There were none" icon="alerts" />
            )
          }
        >
          {(data) => (
            <>
              <Table
                label="Alerts"
                rows={data.items}
                rowId={(row) => row.id}
                onRow={(row) => route(linkTo(`/alerts/${row.id}`, url))}
                columns={columns}
              />
              <Pager list={data} onPage={(next) => setAt(String(next))} />
            </>
          )}
        </AnswerOf>
      </Panel>
    </div>
  );
}

/** How many began each day, by level. */
function Trends() {
  const trends = useQuestion<{ days: TrendDay[] }>("/api/alerts/trends", { days: 30 }, { everyMs: 60_000 });
  const drawn = useMemo(() => {
    const days = trends.data?.days ?? [];
    return {
      times: days.map((day) => day.day_ms),
      lines: (
        [
          ["Critical", "critical", 5],
          ["Error", "error", 1],
          ["Warning", "warning", 4],
          ["Info", "info", 0],
        ] as const
      ).map(([label, level, colour]) => ({
        label,
        colour,
        isBars: true,
        values: days.map((day) => day[level]),
      })),
    };
  }, [trends.data]);
  const days = trends.data?.days;
  const sum = days?.reduce((all, day) => all + day.total, 0);
  const over = (days ?? []).filter((day) => day.mean_time_to_resolve_ms !== null);
  const mean =
    over.length > 0
      ? over.reduce((all, day) => all + (day.mean_time_to_resolve_ms ?? 0), 0) / over.length
      : null;
  return (
    <>
      <Stats label="Alerts of the last 30 days">
        <Stat label="Last 30 days" value={days && count(sum)} trend={days?.map((day) => day.total)} />
        <Stat
          label="Last 7 days"
          value={days && count(days.slice(-7).reduce((all, day) => all + day.total, 0))}
        />
        <Stat label="Today" value={days && count(days.at(-1)?.total)} foot="days of UTC" />
        <Stat label="Mean time until over" value={days && duration(mean)} />
      </Stats>
      {sum !== 0 && (
        <Panel title="By day">
          <AnswerOf of={trends} height={TREND_PX + 32}>
            {() => (
              <TimeChart
                label="Alerts by day and level"
                times={drawn.times}
                lines={drawn.lines}
                unit="count"
                zone="UTC"
                height={TREND_PX}
                isStacked
              />
            )}
          </AnswerOf>
        </Panel>
      )}
    </>
  );
}
