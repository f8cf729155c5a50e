import type { Paged } from "../../api/envelope";
import type { Question } from "../../api/question";
import { count, inUnit, percent, words } from "../../format";
import { Downloads } from "../../parts/downloads";
import { Select } from "../../parts/form";
import { AnswerOf, Panel } from "../../parts/panel";
import { type Column, Pager, Table } from "../../parts/table";
import { type RangeState, useParam } from "../../range/range";
import { RatingBadge } from "./rating";
import { type GroupVitals, unitOfVital, type Vital, type VitalName } from "./types";

export const GROUPS_OF_PAGE = 15;
const GROUPED = ["page", "browser", "os", "device", "country", "release", "environment"] as const;

/** By what the list is split, sorted, and which page of it is shown. */
export function useList() {
  const [by, setBy] = useParam("by", "page");
  const [sort, setSort] = useParam("sort", "count");
  const [at, setAt] = useParam("at", "1");
  return { by, setBy, sort, setSort, at, setAt };
}

interface GroupsProps {
  range: RangeState;
  of: Question<{ groups: Paged<GroupVitals> }>;
  list: ReturnType<typeof useList>;
  chosen: VitalName;
}

/** The vitals of each page, browser, …: the worst come first where one is sorted by. */
export function Groups({ range, of, list, chosen }: GroupsProps) {
  const vital = (row: GroupVitals, name: VitalName): Vital | undefined =>
    row.vitals.find((one) => one.name === name);
  const columns: Column<GroupVitals>[] = [
    {
      id: "group",
      title: words(list.by),
      render: (row) => (row.group === "" ? "None" : row.group === "__other__" ? "Other" : row.group),
    },
    {
      id: "rating",
      title: chosen,
      render: (row) => <RatingBadge rating={vital(row, chosen)?.rating ?? null} />,
    },
    {
      id: "good",
      title: `${chosen} good`,
      isNumber: true,
      isMinor: true,
      render: (row) => percent(vital(row, chosen)?.good_share, 0),
    },
    ...(["LCP", "INP", "CLS", "FCP", "TTFB"] as const).map((name) => ({
      id: name,
      title: name,
      isNumber: true,
      isSortable: true,
      isMinor: name !== chosen,
      render: (row: GroupVitals) => inUnit(vital(row, name)?.p75, unitOfVital(name)),
    })),
    {
      id: "count",
      title: "Measured",
      isNumber: true,
      isSortable: true,
      isMinor: true,
      render: (row) => count(vital(row, chosen)?.count),
    },
  ];
  return (
    <Panel
      title={`By ${words(list.by).toLowerCase()}`}
      note="75th percentiles; a row narrows everything to it"
      actions={
        <>
          <Select
            label="Split by"
            value={list.by}
            options={GROUPED.map((id) => ({ id, label: `By ${words(id).toLowerCase()}` }))}
            onChange={list.setBy}
          />
          <Downloads
            path="/api/analytics/performance/web-vitals"
            params={{ ...range.filters, ...range.params, group_by: list.by, sort: list.sort }}
          />
        </>
      }
      flush
    >
      <AnswerOf
        of={of}
        height={GROUPS_OF_PAGE * 36 + 32}
        canShrink
        isEmpty={(data) => data.groups.items.length === 0}
      >
        {(data) => (
          <>
            <Table
              label={`Vitals by ${words(list.by)}`}
              rows={data.groups.items}
              rowId={(row) => row.group}
              onRow={(row) =>
                row.group &&
                row.group !== "__other__" &&
                range.set({ filters: { ...range.filters, [list.by]: [row.group] } })
              }
              sort={list.sort}
              onSort={(column) => {
                list.setSort(column);
                list.setAt("1", true);
              }}
              columns={columns}
            />
            <Pager list={data.groups} onPage={(next) => list.setAt(String(next))} />
          </>
        )}
      </AnswerOf>
    </Panel>
  );
}
