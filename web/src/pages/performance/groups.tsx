import type { Paged } from "../../api/envelope";
import { useQuestion } from "../../api/question";
import type { MetricSummary } from "../../api/types";
import { count, inUnit, words } from "../../format";
import { AnswerOf, Panel } from "../../parts/panel";
import { EmptyState, StateBadge } from "../../parts/states";
import { Pager, Table } from "../../parts/table";
import { type RangeState, useParam } from "../../range/range";
import { useGroupBy } from "./metric";
import { labelOf, type MetricId, unitOf } from "./metrics";

const PAGE_SIZE = 15;

/** What a metric is made of: pages, browsers, …; a click narrows everything to one of them. */
export function Groups({ range, metric }: { range: RangeState; metric: MetricId }) {
  const [chosen] = useGroupBy();
  const by = chosen || (metric.type === "api_response_time" ? "api_endpoint" : "page");
  const [sort, setSort] = useParam("sort", "count");
  const [page, setPage] = useParam("at", "1");
  const groups = useQuestion<{ groups: Paged<MetricSummary> }>("/api/analytics/performance/dashboard", {
    ...range.filters,
    ...range.params,
    type: metric.type,
    name: metric.name,
    group_by: by,
    sort,
    page_number: page,
    page_size: PAGE_SIZE,
  });
  const unit = unitOf(metric);
  return (
    <Panel
      title={`${labelOf(metric)} by ${words(by).toLowerCase()}`}
      note="a row narrows everything to it"
      flush
    >
      <AnswerOf
        of={groups}
        height={PAGE_SIZE * 36 + 32}
        canShrink
        isEmpty={(data) => data.groups.items.length === 0}
        empty={<EmptyState title="Nothing in this range">Take a longer range or fewer filters.</EmptyState>}
      >
        {(data) => (
          <>
            <Table
              label={`${labelOf(metric)} by ${words(by)}`}
              rows={data.groups.items}
              rowId={(row) => row.group ?? ""}
              onRow={(row) =>
                row.group &&
                row.group !== "__other__" &&
                range.set({ filters: { ...range.filters, [by]: [row.group] } })
              }
              sort={sort}
              onSort={(column) => {
                setSort(column);
                setPage("1", true);
              }}
              columns={[
                {
                  id: "name",
                  title: words(by),
                  isSortable: true,
                  render: (row) =>
                    row.group === "" ? "None" : row.group === "__other__" ? "Other" : row.group,
                },
                { id: "state", title: "State", render: (row) => <StateBadge state={row.state} /> },
                {
                  id: "count",
                  title: "Events",
                  isNumber: true,
                  isSortable: true,
                  render: (row) => count(row.count),
                },
                ...(["p50", "p75", "p95", "p99"] as const).map((statistic) => ({
                  id: statistic,
                  title: statistic,
                  isNumber: true,
                  isSortable: true,
                  isMinor: statistic === "p50" || statistic === "p99",
                  render: (row: MetricSummary) => inUnit(row[statistic], unit),
                })),
                {
                  id: "error_share",
                  title: "Errors",
                  isNumber: true,
                  isSortable: true,
                  isMinor: true,
                  render: (row) => inUnit(row.error_share, "percent"),
                },
              ]}
            />
            <Pager list={data.groups} onPage={(next) => setPage(String(next))} />
          </>
        )}
      </AnswerOf>
    </Panel>
  );
}
