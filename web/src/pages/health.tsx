import { useEffect, useRef, useState } from "preact/hooks";
import { useQuestion } from "../api/question";
import { bytes, count, duration, percent } from "../format";
import { Page } from "../layout/page";
import { Button } from "../parts/button";
import { Icon } from "../parts/icon";
import { AnswerOf, Panel } from "../parts/panel";
import { Stat, Stats } from "../parts/stat";
import { Badge, EmptyState } from "../parts/states";
import { Table } from "../parts/table";
import { isLive } from "../range/live";
import { may, session } from "../session";
import { Kept } from "./health/kept";
import { type Room, roomsOf } from "./health/rooms";
import { SlowQueries } from "./health/slow";
import type { Health as HealthData } from "./health/types";

/** Within the quota of requests: 20 of 100 a minute. */
const EVERY_MS = 3_000;
const SAMPLES_MAX = 60;

const WORDS = {
  ok: {
    tone: "good",
    icon: "check",
    title: "Everything works",
    more: "Beacons are taken, stored and answered.",
  },
  degraded: {
    tone: "warning",
    icon: "warning",
    title: "Degraded",
    more: "Beacons are taken and kept; the warehouse is behind or away, or memory is short.",
  },
  unavailable: {
    tone: "critical",
    icon: "critical",
    title: "Unavailable",
    more: "Beacons are not taken: clients keep them and try again.",
  },
} as const;

/** How Fresnel itself is, as it is now. */
export default function Health() {
  const isOwner = session.value?.user.is_instance_owner ?? false;
  const health = useQuestion<HealthData>("/api/health", {}, { everyMs: EVERY_MS, everywhere: true });
  const samples = useSamples(health.data);
  return (
    <Page
      title="System health"
      actions={
        <Button
          look="quiet"
          icon={isLive.value ? "pause" : "play"}
          onClick={() => {
            isLive.value = !isLive.value;
          }}
        >
          {isLive.value ? "Live" : "Paused"}
        </Button>
      }
    >
      <AnswerOf of={health} height={80}>
        {(data) => <Status health={data} />}
      </AnswerOf>
      {isOwner ? (
        <>
          <Figures health={health.data} samples={samples} />
          <Panel title="Parts" note="of the node that answered" flush>
            <AnswerOf of={health} height={7 * 36 + 33} canShrink>
              {(data) => <Rooms rooms={roomsOf(data)} />}
            </AnswerOf>
          </Panel>
          {health.data && <SlowQueries queries={health.data.warehouse.slow_queries} />}
        </>
      ) : (
        <Panel title="More about it">
          <EmptyState title="Details are for instance owners" icon="health">
            The log, the warehouse, memory and the slowest queries concern all projects, so they are shown to
            those who own this Fresnel.
          </EmptyState>
        </Panel>
      )}
      {may("admin") && <Kept />}
    </Page>
  );
}

function Status({ health }: { health: HealthData }) {
  const { tone, icon, title, more } = WORDS[health.status];
  return (
    <section class="panel" role="status" aria-label="Status">
      <div class="panel-body row" style={{ minHeight: "4.5rem" }}>
        <span class={`tone-${tone}`}>
          <Icon name={icon} size={26} />
        </span>
        <div>
          <h2>{title}</h2>
          <p class="small soft">{more}</p>
        </div>
        {health.version && <span class="push small faint">asked every {EVERY_MS / 1_000} s</span>}
      </div>
    </section>
  );
}

interface Sample {
  atMs: number;
  cpuMs: number;
  cpu: number | null;
  memory: number;
  waiting: number;
  rows: number;
  rowsPerS: number | null;
}

/** The last three minutes, as this page has seen them. */
function useSamples(health: HealthData | undefined): Sample[] {
  const [samples, setSamples] = useState<Sample[]>([]);
  const last = useRef<Sample>(undefined);
  useEffect(() => {
    if (!health?.process) {
      return;
    }
    const before = last.current;
    const tookMs = before ? health.uptime_ms - before.atMs : 0;
    // Another node, or a new start: nothing to compare with.
    const share = (now: number, then: number) => (tookMs > 0 && now >= then ? (now - then) / tookMs : null);
    const rowsPerMs = share(health.wal.rows, before?.rows ?? 0);
    const sample: Sample = {
      atMs: health.uptime_ms,
      cpuMs: health.process.cpu_ms,
      cpu: share(health.process.cpu_ms, before?.cpuMs ?? 0),
      memory: health.memory.resident_bytes,
      waiting: health.wal.rows_waiting,
      rows: health.wal.rows,
      rowsPerS: rowsPerMs === null ? null : rowsPerMs * 1_000,
    };
    last.current = sample;
    setSamples((old) => [...old.slice(1 - SAMPLES_MAX), sample]);
  }, [health]);
  return samples;
}

function Figures({ health, samples }: { health: HealthData | undefined; samples: Sample[] }) {
  const now = samples.at(-1);
  const trend = (of: (sample: Sample) => number | null) => samples.map(of);
  return (
    <Stats label="Figures">
      <Stat
        label="Up for"
        value={health && duration(health.uptime_ms)}
        foot={health?.version && `Fresnel ${health.version}`}
      />
      <Stat
        label="Beacons a second"
        value={health && count(now?.rowsPerS === undefined ? null : now.rowsPerS)}
        trend={trend((one) => one.rowsPerS)}
        foot="acknowledged, lately"
      />
      <Stat
        label="CPU, of one core"
        value={health && percent(now?.cpu)}
        trend={trend((one) => one.cpu)}
        foot={health && `${duration(health.process.cpu_ms)} since the start`}
      />
      <Stat
        label="Memory"
        value={health && bytes(health.memory.resident_bytes)}
        trend={trend((one) => one.memory)}
        foot={health && `of ${bytes(health.memory.limit_bytes)}`}
      />
      <Stat
        label="Waiting in the log"
        value={health && count(health.wal.rows_waiting)}
        trend={trend((one) => one.waiting)}
        foot={health && `${bytes(health.wal.bytes_on_disk)} on disk`}
      />
      <Stat
        label="Answers from the cache"
        value={health && percent(health.cache.hit_rate)}
        foot={health && `of ${count(health.cache.lookups)} questions`}
      />
    </Stats>
  );
}

const ICONS = { good: "check", warning: "warning", critical: "critical" } as const;

function Rooms({ rooms }: { rooms: Room[] }) {
  return (
    <Table
      label="Parts"
      rows={rooms}
      rowId={(row) => row.id}
      columns={[
        { id: "part", title: "Part", render: (row) => <strong>{row.title}</strong> },
        {
          id: "state",
          title: "State",
          render: (row) => (
            <>
              <Badge tone={row.tone} icon={ICONS[row.tone]}>
                {row.state}
              </Badge>
              {row.todo && <div class="wrap">{row.todo}</div>}
            </>
          ),
        },
        {
          id: "more",
          title: "More",
          isMinor: true,
          render: (row) => <span class="wrap soft">{row.more}</span>,
        },
      ]}
    />
  );
}
