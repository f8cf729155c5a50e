import { useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import type { Paged } from "../../api/envelope";
import { useQuestion } from "../../api/question";
import { count, duration, percent } from "../../format";
import { Button, Segments } from "../../parts/button";
import { AnswerOf, Panel } from "../../parts/panel";
import { Time } from "../../parts/small";
import { Stat, Stats } from "../../parts/stat";
import { Badge, EmptyState } from "../../parts/states";
import { Pager, Table } from "../../parts/table";
import { linkTo, useParam } from "../../range/range";
import { may } from "../../session";
import { NewIntegration } from "./new";
import type { HealthStatus, Listed, VendorState } from "./types";
import { INDICATOR_WORDS, SYNC_WORDS, VendorBadge } from "./words";

const STATES: { id: VendorState | ""; label: string }[] = [
  { id: "", label: "All" },
  { id: "down", label: "Down" },
  { id: "degraded", label: "Degraded" },
  { id: "healthy", label: "Healthy" },
];

/** The services that a product depends on: how each does, and when its data came. */
export function IntegrationList() {
  const { url, route } = useLocation();
  const [page, setPage] = useParam("page", "1");
  const [state, setState] = useParam("state");
  const [isNew, setNew] = useState(false);
  const list = useQuestion<Paged<Listed>>("/api/integrations", { page, page_size: 200 }, { everyMs: 10_000 });
  const health = useQuestion<HealthStatus>("/api-integrations/health-status", {}, { everyMs: 10_000 });
  const of = (one: Listed) => health.data?.services.find((service) => service.id === one.id);
  return (
    <>
      <Figures health={health.data} list={list.data?.items} />
      <Panel
        title="Third-party services"
        note="the last 24 hours"
        flush
        actions={
          <>
            <Segments label="State" value={state} options={STATES} onChange={setState} />
            {may("admin") && (
              <Button look="primary" icon="plus" onClick={() => setNew(true)}>
                Add a service
              </Button>
            )}
          </>
        }
      >
        <AnswerOf
          of={list}
          height={240}
          canShrink
          isEmpty={(data) => data.total === 0}
          empty={
            <EmptyState
              title="No third-party service is watched yet"
              icon="integrations"
              snippet={`curl -H "Authorization: Bearer $RELAY_KEY" \\\n  '${location.origin}/relay/stripe/v1/balance'`}
            >
              Add a service that the product depends on: Fresnel looks whether it is there, takes its
              webhooks, and carries the product's calls to it.
            </EmptyState>
          }
        >
          {(data) => (
            <>
              <Table
                label="Third-party services"
                rows={data.items.filter((one) => state === "" || of(one)?.state === state)}
                rowId={(row) => row.id}
                onRow={(row) => route(linkTo(`/integrations/${row.slug}`, url))}
                columns={[
                  {
                    id: "name",
                    title: "Service",
                    render: (row) => (
                      <>
                        <strong>{row.definition.name}</strong>
                        {row.slug !== row.definition.name && <span class="small soft"> {row.slug}</span>}
                        {row.is_credential_ending && <Badge tone="warning">its key ends</Badge>}
                      </>
                    ),
                    sortBy: (row) => row.definition.name,
                  },
                  {
                    id: "state",
                    title: "State",
                    render: (row) => {
                      const found = of(row);
                      return found ? <VendorBadge state={found.state} reason={found.reason} /> : "…";
                    },
                    sortBy: (row) => of(row)?.state ?? null,
                  },
                  {
                    id: "calls",
                    title: "Calls",
                    isNumber: true,
                    render: (row) => count(row.performance?.calls),
                    sortBy: (row) => row.performance?.calls ?? null,
                  },
                  {
                    id: "good",
                    title: "Succeed",
                    isNumber: true,
                    render: (row) => percent(row.performance?.success_rate, 2),
                    sortBy: (row) => row.performance?.success_rate ?? null,
                  },
                  {
                    id: "available",
                    title: "Available",
                    isNumber: true,
                    isMinor: true,
                    render: (row) => percent(row.performance?.availability, 2),
                    sortBy: (row) => row.performance?.availability ?? null,
                  },
                  {
                    id: "p95",
                    title: "p95",
                    isNumber: true,
                    render: (row) => duration(row.performance?.p95_ms),
                    sortBy: (row) => row.performance?.p95_ms ?? null,
                  },
                  {
                    id: "quota",
                    title: "Of its limit",
                    isNumber: true,
                    isMinor: true,
                    render: (row) =>
                      row.quota && (
                        <span class={row.quota.is_short ? "tone-warning" : undefined}>
                          {percent(row.quota.share, 0)}
                        </span>
                      ),
                    sortBy: (row) => row.quota?.share ?? null,
                  },
                  {
                    id: "sync",
                    title: "Data comes by",
                    isMinor: true,
                    render: (row) => (
                      <>
                        {SYNC_WORDS[row.sync_state.method]}
                        {row.sync_state.is_fallback && <Badge tone="warning">webhooks stay away</Badge>}
                      </>
                    ),
                  },
                  {
                    id: "last",
                    title: "Last sync",
                    isMinor: true,
                    render: (row) =>
                      row.sync_state.last_sync_ms ? <Time at={row.sync_state.last_sync_ms} /> : "–",
                    sortBy: (row) => row.sync_state.last_sync_ms,
                  },
                  {
                    id: "says",
                    title: "It says itself",
                    isMinor: true,
                    render: (row) => INDICATOR_WORDS[row.external_status?.indicator ?? ""] ?? "–",
                  },
                ]}
              />
              <Pager list={data} onPage={(next) => setPage(String(next))} />
            </>
          )}
        </AnswerOf>
      </Panel>
      {isNew && (
        <NewIntegration
          onClose={() => setNew(false)}
          onDone={() => {
            list.again();
            health.again();
          }}
        />
      )}
    </>
  );
}

function Figures({ health, list }: { health: HealthStatus | undefined; list: Listed[] | undefined }) {
  const calls = list?.reduce((sum, one) => sum + (one.performance?.calls ?? 0), 0);
  const good = list?.reduce(
    (sum, one) => sum + (one.performance?.success_rate ?? 0) * (one.performance?.calls ?? 0),
    0,
  );
  return (
    <Stats label="Third-party services">
      <Stat label="Healthy" value={health && count(health.counts.healthy)} />
      <Stat
        label="Degraded"
        value={health && count(health.counts.degraded)}
        foot={health && health.counts.degraded > 0 && <span class="tone-warning">look at them</span>}
      />
      <Stat
        label="Down"
        value={health && count(health.counts.down)}
        foot={health && health.counts.down > 0 && <span class="tone-critical">they do not answer</span>}
      />
      <Stat label="Calls" value={list && count(calls)} foot="in 24 hours, through the relay" />
      <Stat label="Succeed" value={list && percent(calls && good !== undefined ? good / calls : null, 2)} />
    </Stats>
  );
}
