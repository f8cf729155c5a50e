import { useLocation, useRoute } from "preact-iso";
import { useQuestion } from "../api/question";
import { count, percent } from "../format";
import { Page } from "../layout/page";
import { Segments } from "../parts/button";
import { Select } from "../parts/form";
import { AnswerOf, Panel } from "../parts/panel";
import { Stat, Stats } from "../parts/stat";
import { EmptyState } from "../parts/states";
import { Table } from "../parts/table";
import { linkTo, useParam } from "../range/range";
import { EvidencePage } from "./sla/evidence";
import { Maintenance } from "./sla/maintenance";
import { Days, KeptBadge, TargetWords } from "./sla/targets";
import type { ServiceSla, SlaCompliance } from "./sla/types";

const DAYS = [
  { id: "7", label: "7 days" },
  { id: "30", label: "30 days" },
  { id: "90", label: "90 days" },
];

/** The last twelve months, this one first. */
function months(): { id: string; label: string }[] {
  const now = new Date();
  return Array.from({ length: 12 }, (_, back) => {
    const id = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - back, 1))
      .toISOString()
      .slice(0, 7);
    return { id, label: id };
  });
}

/** Vendors held to what is expected of them. */
export default function Sla() {
  const { month } = useRoute().params;
  if (month) {
    return <EvidencePage month={month} />;
  }
  return <Compliance />;
}

function Compliance() {
  const { url, route } = useLocation();
  const [days, setDays] = useParam("days", "30");
  const sla = useQuestion<SlaCompliance>("/api-integrations/sla-compliance", { days }, { everyMs: 30_000 });
  const data = sla.data;
  const worst = data?.services.reduce<ServiceSla | undefined>(
    (worst, one) => ((one.error_budget_used ?? -1) > (worst?.error_budget_used ?? -1) ? one : worst),
    undefined,
  );
  return (
    <Page
      title="SLA"
      actions={
        <>
          <Select
            label="Evidence of a month"
            value=""
            options={[{ id: "", label: "Evidence of…" }, ...months()]}
            onChange={(month) => month && route(linkTo(`/sla/${month}`, url))}
          />
          <Segments label="Time" value={days} options={DAYS} onChange={setDays} />
        </>
      }
    >
      <Stats label="All services">
        <Stat label="Keep to it" value={data && count(data.kept)} />
        <Stat
          label="Do not"
          value={data && count(data.violated)}
          foot={data && data.violated > 0 && <span class="tone-critical">targets are missed</span>}
        />
        <Stat
          label="Largest use of a budget"
          value={data && percent(worst?.error_budget_used, 0)}
          foot={worst?.name}
        />
      </Stats>
      <Panel
        title="Targets"
        note="availability is the share of calls, probes and polls that did not fail"
        flush
      >
        <AnswerOf
          of={sla}
          height={240}
          canShrink
          isEmpty={(found) => found.services.length === 0}
          empty={
            <EmptyState title="No third-party service is watched yet" icon="sla">
              Add one on the page Integrations: what is expected of it comes with the catalogue, and can be
              set.
            </EmptyState>
          }
        >
          {(found) => (
            <Table
              label="Targets"
              rows={found.services}
              rowId={(row) => row.integration}
              onRow={(row) => route(linkTo(`/integrations/${row.integration}`, url))}
              columns={[
                {
                  id: "name",
                  title: "Service",
                  render: (row) => <strong>{row.name}</strong>,
                  sortBy: (row) => row.name,
                },
                {
                  id: "kept",
                  title: "State",
                  render: (row) => <KeptBadge isKept={row.is_kept} />,
                  sortBy: (row) => (row.is_kept === null ? null : Number(row.is_kept)),
                },
                {
                  id: "targets",
                  title: "Against its targets",
                  render: (row) => (
                    <div class="sla-targets">
                      {row.targets.map((target) => (
                        <TargetWords key={target.target} target={target} />
                      ))}
                    </div>
                  ),
                },
                {
                  id: "budget",
                  title: "Budget used",
                  isNumber: true,
                  isMinor: true,
                  render: (row) => (
                    <span class={(row.error_budget_used ?? 0) > 1 ? "tone-critical" : undefined}>
                      {percent(row.error_budget_used, 0)}
                    </span>
                  ),
                  sortBy: (row) => row.error_budget_used,
                },
                {
                  id: "days",
                  title: "By day",
                  isMinor: true,
                  render: (row) => <Days service={row} />,
                },
              ]}
            />
          )}
        </AnswerOf>
      </Panel>
      <Maintenance onChange={sla.again} />
    </Page>
  );
}
