import { useMemo, useState } from "preact/hooks";
import { type Question, useQuestion } from "../../api/question";
import { BarList, FunnelBars } from "../../charts/bars";
import { TimeChart } from "../../charts/time-chart";
import { count, duration, exact, percent, words } from "../../format";
import { Page } from "../../layout/page";
import { Segments } from "../../parts/button";
import { AnswerOf, Panel } from "../../parts/panel";
import { Tabs, Time } from "../../parts/small";
import { Stat, Stats } from "../../parts/stat";
import { Badge, DegradedBadge, EmptyState, StateBadge } from "../../parts/states";
import { Table } from "../../parts/table";
import { useParam } from "../../range/range";
import { project } from "../../session";
import type { Activity, Analytics, Stats as Now, Overview } from "./types";

const CHART_PX = 240;
const DAYS = [
  { id: "7", label: "7 d" },
  { id: "30", label: "30 d" },
  { id: "90", label: "90 d" },
] as const;

export function Dashboard({ overview }: { overview: Question<Overview> }) {
  const [days, setDays] = useParam("days", "30");
  const analytics = useQuestion<Analytics>("/api/dashboard/analytics", { days });
  const now = useQuestion<Now>("/api/dashboard/stats");
  const kpis = overview.data?.kpis;
  const trends = analytics.data?.trends;
  return (
    <Page title="Overview" actions={<NowLine now={now} degraded={overview} />}>
      <Stats label="The last 30 days against the 30 before">
        <Stat
          label="Events"
          value={kpis && count(kpis.events.value)}
          change={kpis?.events.change}
          better="more"
          trend={trends?.map((day) => day.events)}
        />
        <Stat
          label="Sessions"
          value={kpis && count(kpis.sessions.value)}
          change={kpis?.sessions.change}
          better="more"
          trend={trends?.map((day) => day.sessions)}
        />
        <Stat
          label="Conversions"
          value={kpis && count(kpis.conversions.value)}
          change={kpis?.conversions.change}
          better="more"
          trend={trends?.map((day) => day.conversions)}
        />
        <Stat
          label="Conversion rate"
          value={kpis && percent(kpis.conversion_rate.value)}
          change={kpis?.conversion_rate.change}
          better="more"
          trend={trends?.map((day) => day.conversion_rate)}
        />
        <Stat
          label="Success rate"
          value={kpis && percent(kpis.success_rate.value)}
          change={kpis?.success_rate.change}
          better="more"
        />
        <Stat
          label="Mean processing time"
          value={kpis && duration(kpis.mean_duration_ms.value)}
          change={kpis?.mean_duration_ms.change}
          better="less"
          trend={trends?.map((day) => day.mean_ms.effect_processing_time ?? null)}
        />
      </Stats>
      <Trend analytics={analytics} days={days} setDays={setDays} />
      <div class="grid-2">
        <Panel title="Funnel" note="sessions with each step, 30 days">
          <AnswerOf of={overview} height={276} canShrink>
            {(data) =>
              data.funnel.every((step) => step.sessions === 0) ? (
                <NoSteps />
              ) : (
                <FunnelBars steps={data.funnel} />
              )
            }
          </AnswerOf>
        </Panel>
        <TopValues analytics={analytics} />
      </div>
      <Panel title="Latest activity" flush>
        <AnswerOf of={overview} height={400} canShrink isEmpty={(data) => data.activities.length === 0}>
          {(data) => <Activities items={data.activities} />}
        </AnswerOf>
      </Panel>
    </Page>
  );
}

function NowLine({ now, degraded }: { now: Question<Now>; degraded: Question<Overview> }) {
  const data = now.data;
  return (
    <>
      <DegradedBadge meta={degraded.meta} />
      {data && (
        <>
          <span class="small soft number">
            {count(data.events_per_minute)} events/min · {percent(data.error_share_last_hour)} errors in the
            last hour
          </span>
          <StateBadge state={data.state} />
        </>
      )}
    </>
  );
}

const MEASURES = [
  { id: "events", label: "Events" },
  { id: "sessions", label: "Sessions" },
  { id: "conversion_rate", label: "Conversion" },
  { id: "error_share", label: "Errors" },
] as const;
type Measure = (typeof MEASURES)[number]["id"];

function Trend({
  analytics,
  days,
  setDays,
}: {
  analytics: Question<Analytics>;
  days: string;
  setDays: (days: string) => void;
}) {
  const [measure, setMeasure] = useState<Measure>("events");
  const trends = analytics.data?.trends;
  const times = useMemo(() => trends?.map((day) => Date.parse(day.ts)) ?? [], [trends]);
  const lines = useMemo(
    () => [
      {
        label: MEASURES.find((one) => one.id === measure)?.label ?? measure,
        values: trends?.map((day) => day[measure]) ?? [],
      },
    ],
    [trends, measure],
  );
  return (
    <Panel
      title="By day"
      actions={
        <>
          <Tabs label="Measure" value={measure} tabs={MEASURES} onChange={setMeasure} />
          <Segments label="Days" value={days} options={DAYS} onChange={setDays} />
        </>
      }
    >
      <AnswerOf of={analytics} height={CHART_PX + 34}>
        {(data) => (
          <TimeChart
            label={`${lines[0]?.label} by day`}
            times={times}
            lines={lines}
            unit={measure === "events" || measure === "sessions" ? "count" : "percent"}
            zone={data.timezone}
            height={CHART_PX}
          />
        )}
      </AnswerOf>
    </Panel>
  );
}

const DISTRIBUTIONS = [
  { id: "browsers", label: "Browsers" },
  { id: "devices", label: "Devices" },
  { id: "systems", label: "Systems" },
  { id: "countries", label: "Countries" },
  { id: "event_types", label: "Events" },
] as const;

function TopValues({ analytics }: { analytics: Question<Analytics> }) {
  const [of, setOf] = useState<(typeof DISTRIBUTIONS)[number]["id"]>("browsers");
  return (
    <Panel
      title="Who and what"
      actions={<Tabs label="Dimension" value={of} tabs={DISTRIBUTIONS} onChange={setOf} />}
    >
      <AnswerOf of={analytics} height={276} canShrink>
        {(data) => (
          <BarList
            items={data.distributions[of].slice(0, 8).map((one) => ({
              id: one.name,
              value: one.count,
              share: one.share,
              label:
                of === "event_types" || of === "devices"
                  ? words(one.name)
                  : one.name === ""
                    ? "Unknown"
                    : one.name,
            }))}
          />
        )}
      </AnswerOf>
    </Panel>
  );
}

function NoSteps() {
  return (
    <EmptyState title="No steps yet" icon="funnels" snippet={'fresnel.step("effect_viewed")'}>
      Tell Fresnel when somebody gets a step further, and see here how many go on.
    </EmptyState>
  );
}

const KINDS = { funnel: "Step", event: "Event", alert: "Alert" } as const;

function Activities({ items }: { items: Activity[] }) {
  return (
    <Table
      label={`The latest ${exact(items.length)} steps, events and alerts of ${project.value?.name ?? "the project"}`}
      rows={items.slice(0, 10)}
      rowId={(row) => `${row.timestamp} ${row.session_id} ${row.name} ${row.kind}`}
      columns={[
        { id: "when", title: "When", render: (row) => <Time at={row.timestamp} /> },
        {
          id: "kind",
          title: "Kind",
          render: (row) => (
            <Badge
              tone={row.kind === "alert" ? "warning" : undefined}
              icon={row.kind === "alert" ? "warning" : undefined}
            >
              {KINDS[row.kind]}
            </Badge>
          ),
        },
        { id: "what", title: "What", render: (row) => words(row.name) },
        {
          id: "session",
          title: "Session",
          render: (row) => <span class="code soft">{row.session_id}</span>,
          isMinor: true,
        },
        { id: "device", title: "Device", render: (row) => words(row.device), isMinor: true },
        { id: "country", title: "Country", render: (row) => row.country || "–" },
      ]}
    />
  );
}
