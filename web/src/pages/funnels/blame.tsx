import { useMemo } from "preact/hooks";
import { useLocation } from "preact-iso";
import { useQuestion } from "../../api/question";
import { type Line, TimeChart } from "../../charts/time-chart";
import { count, percent } from "../../format";
import { Select } from "../../parts/form";
import { AnswerOf, Panel } from "../../parts/panel";
import { Badge, EmptyState } from "../../parts/states";
import { linkTo, type RangeState, useParam } from "../../range/range";

interface Finding {
  integration: string;
  fault: "slow" | "failing";
  text: string;
  sessions_then: number;
  conversion_then: number;
  conversion_otherwise: number;
  p_value: number;
}

interface VendorLine {
  integration: string;
  verdict: "found" | "nothing" | "never_bad" | "too_little_data" | "not_within";
  latency_correlation: number | null;
  series: { ts: string; p95_ms: number | null }[];
}

interface Blame {
  sessions: number;
  conversion: number | null;
  findings: Finding[];
  steps: { ts: string; sessions: number; conversion: number | null }[];
  vendors: VendorLine[];
}

const VERDICTS: Record<VendorLine["verdict"], string> = {
  found: "stands out",
  nothing: "did badly, and as many went on",
  never_bad: "did badly at no time",
  too_little_data: "too little was seen to say anything",
  not_within: "is not called at this step",
};
const VENDORS_SHOWN = 5;

/** Whether a step was taken less often while a third-party service did badly. */
export function BlamePanel({ range, steps }: { range: RangeState; steps: string[] }) {
  const [step, setStep] = useParam("blame", "");
  const to = steps.includes(step) && steps.indexOf(step) > 0 ? step : steps.at(-1);
  const from = to === undefined ? undefined : steps[steps.indexOf(to) - 1];
  const blame = useQuestion<Blame>(from && to ? "/api/analytics/blame" : null, {
    ...range.params,
    from_step: from,
    to_step: to,
  });
  return (
    <Panel
      title="Third-party services beside this step"
      note="what goes together, not what causes what"
      actions={
        <Select
          label="Step"
          value={to ?? ""}
          options={steps.slice(1).map((id) => ({ id, label: `to ${id}` }))}
          onChange={setStep}
        />
      }
    >
      <AnswerOf
        of={blame}
        height={420}
        canShrink
        isEmpty={(data) => data.vendors.length === 0 || data.sessions === 0}
        empty={
          <EmptyState title="There is nothing to compare" icon="integrations">
            It takes sessions that come to the step, and calls to third-party services through the relay.
          </EmptyState>
        }
      >
        {(data) => <Found blame={data} zone={range.zone} />}
      </AnswerOf>
    </Panel>
  );
}

function Found({ blame, zone }: { blame: Blame; zone: string }) {
  const { url } = useLocation();
  const { times, conversion, latencies } = useMemo(() => linesOf(blame), [blame]);
  return (
    <div class="stack">
      {blame.findings.map((finding) => (
        <p key={finding.integration} role="status">
          <Badge tone="warning" icon="warning">
            {finding.fault === "slow" ? "Slow" : "Failing"}
          </Badge>{" "}
          <strong>{finding.text}</strong>{" "}
          <span class="small soft">
            {percent(finding.conversion_then)} of {count(finding.sessions_then)} sessions went on then,{" "}
            {percent(finding.conversion_otherwise)} otherwise; chance gives as much in{" "}
            {percent(finding.p_value)} of cases
          </span>
        </p>
      ))}
      {blame.findings.length === 0 && (
        <p>
          Nothing stands out among {count(blame.sessions)} sessions, of which {percent(blame.conversion)} went
          on.
        </p>
      )}
      <TimeChart
        label="Share of sessions that went on"
        times={times}
        lines={[conversion]}
        unit="percent"
        zone={zone}
        height={150}
        sync="blame"
        hasLegend={false}
      />
      <TimeChart
        label="p95 of third-party services"
        times={times}
        lines={latencies}
        unit="ms"
        zone={zone}
        height={150}
        sync="blame"
      />
      <ul class="plain">
        {blame.vendors.map((vendor) => (
          <li key={vendor.integration} class="small">
            <a href={linkTo(`/integrations/${vendor.integration}`, url)}>{vendor.integration}</a>{" "}
            {VERDICTS[vendor.verdict]}
          </li>
        ))}
      </ul>
    </div>
  );
}

function linesOf(blame: Blame): { times: number[]; conversion: Line; latencies: Line[] } {
  const times = blame.steps.map((bucket) => Date.parse(bucket.ts));
  const latencies = blame.vendors
    .filter((vendor) => vendor.verdict !== "not_within")
    .slice(0, VENDORS_SHOWN)
    .map((vendor) => {
      const byTime = new Map(vendor.series.map((bucket) => [Date.parse(bucket.ts), bucket.p95_ms]));
      return { label: vendor.integration, values: times.map((at) => byTime.get(at) ?? null) };
    });
  const conversion = { label: "Went on", values: blame.steps.map((bucket) => bucket.conversion) };
  return { times, conversion, latencies };
}
