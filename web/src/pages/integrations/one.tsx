import { useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { send } from "../../api/client";
import type { Paged } from "../../api/envelope";
import { useChange, useQuestion } from "../../api/question";
import { TimeChart } from "../../charts/time-chart";
import { count, duration, percent } from "../../format";
import { Page } from "../../layout/page";
import { Button, Segments } from "../../parts/button";
import { ConfirmButton } from "../../parts/fields";
import { AnswerOf, Panel } from "../../parts/panel";
import { Time, toast } from "../../parts/small";
import { Stat, Stats } from "../../parts/stat";
import { Badge, EmptyState } from "../../parts/states";
import { Table } from "../../parts/table";
import { browserZone, linkTo, useParam } from "../../range/range";
import { may, project } from "../../session";
import { ChangeIntegration, LastActions } from "./change";
import type { HealthStatus, Listed, ServiceMetrics } from "./types";
import { INDICATOR_WORDS, SYNC_WORDS, VendorBadge } from "./words";

const HOURS = [
  { id: "1", label: "1 h" },
  { id: "24", label: "24 h" },
  { id: "168", label: "7 d" },
  { id: "720", label: "30 d" },
];
const TRENDS = {
  unknown: undefined,
  steady: <Badge>as before</Badge>,
  improving: (
    <Badge tone="good" icon="up">
      better than before
    </Badge>
  ),
  worsening: (
    <Badge tone="warning" icon="down">
      worse than before
    </Badge>
  ),
};

/** One service: how it does, what is done with it, and what can be done about it. */
export function OneIntegration({ slug }: { slug: string }) {
  const [hours, setHours] = useParam("hours", "24");
  const metrics = useQuestion<ServiceMetrics>(`/api-integrations/service/${slug}/metrics`, { hours });
  const list = useQuestion<Paged<Listed>>("/api/integrations", { page_size: 500 }, { everyMs: 10_000 });
  const health = useQuestion<HealthStatus>("/api-integrations/health-status", {}, { everyMs: 10_000 });
  const one = list.data?.items.find((found) => found.slug === slug);
  const state = health.data?.services.find((found) => found.integration === slug);
  const again = () => {
    list.again();
    health.again();
    metrics.again();
  };
  return (
    <Page
      title={one?.definition.name ?? slug}
      actions={<Segments label="Time" value={hours} options={HOURS} onChange={setHours} />}
    >
      {list.data && !one ? (
        <EmptyState title="There is no integration of this name" icon="integrations">
          It may have been deleted, or belong to another project.
        </EmptyState>
      ) : (
        <>
          <Figures metrics={metrics.data} />
          {one && <Facts one={one} state={state} again={again} />}
          <Times metrics={metrics} />
          <Operations metrics={metrics} />
        </>
      )}
    </Page>
  );
}

function Figures({ metrics }: { metrics: ServiceMetrics | undefined }) {
  const part = (now: number | null | undefined, before: number | null | undefined) =>
    now && before ? now / before - 1 : null;
  return (
    <Stats label="The service">
      <Stat
        label="Availability"
        value={metrics && percent(metrics.availability, 2)}
        foot={metrics && `${count(metrics.failed)} of ${count(metrics.seen)} failed`}
      />
      <Stat
        label="p95"
        value={metrics && duration(metrics.p95_ms)}
        change={metrics && part(metrics.p95_ms, metrics.before.p95_ms)}
        better="less"
        foot={metrics && TRENDS[metrics.trend]}
      />
      <Stat
        label="Calls"
        value={metrics && count(metrics.calls)}
        change={metrics && part(metrics.calls, metrics.before.calls)}
        foot={metrics && `${metrics.throughput_per_minute.toFixed(1)} a minute`}
      />
      <Stat
        label="Calls that succeed"
        value={metrics && percent(metrics.success_rate, 2)}
        foot={metrics && `${count(metrics.retries)} tries more, ${count(metrics.left_alone)} left alone`}
      />
      <Stat
        label="Answered from what is kept"
        value={metrics && percent(metrics.cache_hit_rate)}
        foot={metrics && count(metrics.cache_hits)}
      />
      <Stat label="Webhooks" value={metrics && count(metrics.webhooks)} />
    </Stats>
  );
}

interface FactsProps {
  one: Listed;
  state: HealthStatus["services"][number] | undefined;
  again: () => void;
}

function Facts({ one, state, again }: FactsProps) {
  const sync = useChange(async () => {
    const { data } = await send<{ outcome: string; error: string | null }>(
      "POST",
      `/api/integrations/${one.id}/sync`,
    );
    const words = { changed: "There was something new", unchanged: "There is nothing new" }[data.outcome];
    toast(words ?? `It failed: ${data.error}`, words === undefined);
    again();
  });
  const test = useChange(async () => {
    const { data } = await send<{ outcome: string; error: string | null; took_ms: number }>(
      "POST",
      `/api/integrations/${one.id}/test`,
    );
    const isGood = data.outcome === "ok";
    toast(
      isGood ? `It answers, in ${duration(data.took_ms)}` : (data.error ?? `It says: ${data.outcome}`),
      !isGood,
    );
  });
  const { url, route } = useLocation();
  const [isChanged, setChanged] = useState(false);
  const { sync_state: synced, quota, retry_state: retrying } = one;
  return (
    <Panel
      title="How it stands"
      actions={
        may("admin") && (
          <>
            <Button onClick={() => setChanged(true)}>Change</Button>
            <Button onClick={() => test.run()} isBusy={test.isBusy}>
              Test
            </Button>
            <Button onClick={() => sync.run()} isBusy={sync.isBusy}>
              Sync now
            </Button>
            <ConfirmButton
              label="Set back"
              title={`Begin anew with ${one.definition.name}?`}
              isHarmless
              run={async () => {
                await send("POST", "/api-integrations/reset-optimizations", { services: [one.slug] });
                again();
              }}
            >
              Its breaker closes, and answers that are kept of it are forgotten.
            </ConfirmButton>
            <LastActions one={one} onChange={again} onGone={() => route(linkTo("/integrations", url))} />
          </>
        )
      }
    >
      <dl class="facts">
        <dt>State</dt>
        <dd>{state ? <VendorBadge state={state.state} reason={state.reason} /> : "…"}</dd>
        <dt>Looked for last</dt>
        <dd>{state?.last_check_ms ? <Time at={state.last_check_ms} /> : "not in the last 15 minutes"}</dd>
        <dt>Breaker</dt>
        <dd>
          {one.breaker === "closed" ? (
            "closed"
          ) : (
            <Badge tone="warning">{one.breaker.replace("_", " ")}</Badge>
          )}
        </dd>
        <dt>Data comes by</dt>
        <dd>
          {SYNC_WORDS[synced.method]}
          {synced.is_fallback && ", because webhooks stay away"}
        </dd>
        <dt>Last sync</dt>
        <dd>{synced.last_sync_ms ? <Time at={synced.last_sync_ms} /> : "never"}</dd>
        {synced.next_poll_ms !== null && (
          <>
            <dt>Polled next</dt>
            <dd>
              <Time at={synced.next_poll_ms} />
              {synced.failures > 0 && ` after ${synced.failures} failures: ${synced.error}`}
            </dd>
          </>
        )}
        {quota && (
          <>
            <dt>Of its limit</dt>
            <dd class={quota.is_short ? "tone-warning" : undefined}>
              {count(quota.used)} of {count(quota.limit)} calls in its window
            </dd>
          </>
        )}
        {retrying && (
          <>
            <dt>A call is tried again</dt>
            <dd>
              try {retrying.attempt + 1} in {duration(retrying.next_delay_ms)}
            </dd>
          </>
        )}
        {one.credential_expires_at_ms !== null && (
          <>
            <dt>Its key ends</dt>
            <dd class={one.is_credential_ending ? "tone-warning" : undefined}>
              <Time at={one.credential_expires_at_ms} />
            </dd>
          </>
        )}
        <dt>It says itself</dt>
        <dd>
          {INDICATOR_WORDS[one.external_status?.indicator ?? ""] ?? "nothing"}
          {one.external_status?.description && `: ${one.external_status.description}`}
        </dd>
        <dt>Address</dt>
        <dd>{one.effective.base_url ?? "none"}</dd>
        <dt>Credential</dt>
        <dd>{one.has_credential ? "kept, encrypted" : "none"}</dd>
      </dl>
      {isChanged && (
        <ChangeIntegration
          one={one}
          onClose={() => setChanged(false)}
          onDone={() => {
            setChanged(false);
            again();
          }}
        />
      )}
    </Panel>
  );
}

function Times({ metrics }: { metrics: ReturnType<typeof useQuestion<ServiceMetrics>> }) {
  const zone = project.value?.time_zone ?? browserZone;
  return (
    <>
      <Panel title="Time until its answer">
        <AnswerOf of={metrics} height={276}>
          {({ series }) => (
            <TimeChart
              label="Time until its answer"
              times={series.map((bucket) => Date.parse(bucket.ts))}
              lines={[
                { label: "p50", values: series.map((bucket) => bucket.p50_ms) },
                { label: "p95", values: series.map((bucket) => bucket.p95_ms) },
              ]}
              unit="ms"
              zone={zone}
              height={240}
              sync="vendor"
            />
          )}
        </AnswerOf>
      </Panel>
      <Panel title="Calls and checks">
        <AnswerOf of={metrics} height={216}>
          {({ series }) => (
            <TimeChart
              label="Calls and checks"
              times={series.map((bucket) => Date.parse(bucket.ts))}
              lines={[
                { label: "Failed", colour: 7, isBars: true, values: series.map((bucket) => bucket.failed) },
                {
                  label: "Answered",
                  colour: 2,
                  isBars: true,
                  values: series.map((bucket) => bucket.seen - bucket.failed),
                },
              ]}
              unit="count"
              zone={zone}
              height={180}
              isStacked
              sync="vendor"
            />
          )}
        </AnswerOf>
      </Panel>
    </>
  );
}

function Operations({ metrics }: { metrics: ReturnType<typeof useQuestion<ServiceMetrics>> }) {
  return (
    <Panel title="What is done with it" flush>
      <AnswerOf
        of={metrics}
        height={160}
        canShrink
        isEmpty={(data) => data.operations.length === 0}
        empty={
          <EmptyState title="Nothing was seen of it in this time" icon="integrations">
            Calls through the relay, probes, polls and webhooks are shown here.
          </EmptyState>
        }
      >
        {(data) => (
          <Table
            label="Operations"
            rows={data.operations}
            rowId={(row) => row.operation}
            columns={[
              {
                id: "operation",
                title: "Operation",
                render: (row) => <code>{row.operation || "(webhook)"}</code>,
              },
              {
                id: "seen",
                title: "Contacts",
                isNumber: true,
                render: (row) => count(row.seen + row.webhooks + row.cache_hits),
                sortBy: (row) => row.seen + row.webhooks + row.cache_hits,
              },
              {
                id: "errors",
                title: "Failed",
                isNumber: true,
                render: (row) => percent(row.error_rate, 2),
                sortBy: (row) => row.error_rate,
              },
              {
                id: "p50",
                title: "p50",
                isNumber: true,
                isMinor: true,
                render: (row) => duration(row.p50_ms),
              },
              {
                id: "p95",
                title: "p95",
                isNumber: true,
                render: (row) => duration(row.p95_ms),
                sortBy: (row) => row.p95_ms,
              },
            ]}
          />
        )}
      </AnswerOf>
    </Panel>
  );
}
