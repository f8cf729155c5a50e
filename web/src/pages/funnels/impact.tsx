import type { Paged } from "../../api/envelope";
import { useQuestion } from "../../api/question";
import type { MetricSummary } from "../../api/types";
import { count, duration, inUnit, percent, words } from "../../format";
import { Select } from "../../parts/form";
import { AnswerOf, Panel } from "../../parts/panel";
import { Badge, EmptyState } from "../../parts/states";
import { Table } from "../../parts/table";
import { type RangeState, useParam } from "../../range/range";

interface Share {
  count: number;
  share: number | null;
  low: number | null;
  high: number | null;
}

interface Band {
  from: number | null;
  to: number | null;
  sessions: number;
  is_enough: boolean;
  conversion: Share | null;
  errors: Share;
  length_p50_ms: number | null;
}

interface Impact {
  sessions: number;
  bands: Band[];
  /** Whether the fastest and the slowest band have intervals that do not meet; null with too little data. */
  conversion_differs: boolean | null;
}

const BANDS_PX = 240;
const CHOICES_MAX = 30;
const NO_CHOICE = { id: "", label: "Endpoint or page" };

/** What slowness costs: sessions by how slow an endpoint or page was for them, and how many of each took the step. */
export function ImpactPanel({ range, step }: { range: RangeState; step: string }) {
  const [of, setOf] = useParam("of", "");
  const choices = useChoices(range);
  const chosen = of || choices[0]?.id || "";
  const [kind = "", ...name] = chosen.split(":");
  const impact = useQuestion<Impact>(chosen ? "/api/analytics/impact" : null, {
    ...range.filters,
    ...range.params,
    [kind]: name.join(":"),
    step,
  });
  return (
    <Panel
      title="What slowness costs"
      note={`sessions by how slow it was for them, and how many took “${words(step)}”`}
      actions={
        <Select
          label="Endpoint or page"
          value={chosen}
          options={choices.length > 0 ? choices : [NO_CHOICE]}
          onChange={setOf}
        />
      }
      flush
    >
      {chosen === "" ? (
        <EmptyState title="Nothing was measured in this range" icon="performance">
          As soon as calls or page loads are measured, their cost shows here.
        </EmptyState>
      ) : (
        <AnswerOf
          of={impact}
          height={BANDS_PX}
          canShrink
          isEmpty={(data) => data.sessions === 0}
          empty={<EmptyState title="No sessions with it in this range" />}
        >
          {(data) => (
            <>
              <Bands bands={data.bands} />
              <p class="panel-body row small">
                <Verdict differs={data.conversion_differs} />
                <span class="soft">It is what goes together, not what causes what.</span>
              </p>
            </>
          )}
        </AnswerOf>
      )}
    </Panel>
  );
}

function Verdict({ differs }: { differs: boolean | null }) {
  if (differs === null) {
    return <Badge>Too little data to tell: 30 sessions a band are needed</Badge>;
  }
  return differs ? (
    <Badge tone="warning" icon="warning">
      The fastest and the slowest convert differently
    </Badge>
  ) : (
    <Badge tone="good" icon="check">
      No clear difference
    </Badge>
  );
}

function Bands({ bands }: { bands: Band[] }) {
  const top = Math.max(...bands.map((band) => band.conversion?.high ?? 0), 0.01);
  const name = ({ from, to }: Band) =>
    from === null
      ? `up to ${inUnit(to, "ms")}`
      : to === null
        ? `above ${inUnit(from, "ms")}`
        : `${inUnit(from, "ms")} – ${inUnit(to, "ms")}`;
  return (
    <Table
      label="Conversion by latency"
      rows={bands}
      rowId={name}
      columns={[
        { id: "band", title: "Latency", render: name },
        {
          id: "sessions",
          title: "Sessions",
          isNumber: true,
          render: (band) => (
            <>
              {count(band.sessions)}
              {!band.is_enough && <span class="faint"> (few)</span>}
            </>
          ),
        },
        {
          id: "share",
          title: "Conversion",
          isNumber: true,
          render: (band) => percent(band.conversion?.share),
        },
        {
          id: "interval",
          title: "95 % interval",
          isMinor: true,
          render: ({ conversion }) =>
            conversion?.low !== null &&
            conversion?.low !== undefined && (
              <span
                class="interval"
                role="img"
                aria-label={`from ${percent(conversion.low)} to ${percent(conversion.high)}`}
                title={`${percent(conversion.low)} – ${percent(conversion.high)}`}
              >
                <span
                  style={{
                    left: `${(conversion.low / top) * 100}%`,
                    width: `${(((conversion.high ?? 0) - conversion.low) / top) * 100}%`,
                  }}
                />
                <span style={{ left: `${((conversion.share ?? 0) / top) * 100}%` }} />
              </span>
            ),
        },
        { id: "errors", title: "With errors", isNumber: true, render: (band) => percent(band.errors.share) },
        {
          id: "length",
          title: "Median length",
          isNumber: true,
          isMinor: true,
          render: (band) => duration(band.length_p50_ms),
        },
      ]}
    />
  );
}

/** The endpoints and pages with the most measurements. */
function useChoices(range: RangeState) {
  const most = (type: string, by: string) => ({
    ...range.filters,
    ...range.params,
    type,
    group_by: by,
    page_size: CHOICES_MAX,
  });
  type Answer = { groups: Paged<MetricSummary> };
  const path = "/api/analytics/performance/dashboard";
  const endpoints = useQuestion<Answer>(path, most("api_response_time", "api_endpoint"));
  const pages = useQuestion<Answer>(path, most("page_load_time", "page"));
  const named = (answer: Answer | undefined, kind: string, word: string) =>
    (answer?.groups.items ?? [])
      .filter((row) => row.group && row.group !== "__other__")
      .map((row) => ({ id: `${kind}:${row.group}`, label: `${word} ${row.group}` }));
  return [...named(endpoints.data, "api_endpoint", "Endpoint"), ...named(pages.data, "page", "Page")];
}
