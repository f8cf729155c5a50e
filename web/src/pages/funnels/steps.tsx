import { count, duration, percent, words } from "../../format";
import { Delta } from "../../parts/stat";
import { type Column, Table } from "../../parts/table";
import type { Passage, Step } from "./types";

type Row = Step & { place: number; before: Step | undefined };

/** The steps with who is left at each, who was lost on the way to it, and how long that way took. */
export function Steps({ total, before }: { total: Passage; before: Passage | undefined }) {
  const first = Math.max(total.entered, 1);
  const rows: Row[] = total.steps.map((step, place) => ({ ...step, place, before: before?.steps[place] }));
  const change = (row: Row) => {
    const then = row.before?.conversion_from_start;
    return row.conversion_from_start !== null && then ? row.conversion_from_start / then - 1 : null;
  };
  // The step that loses the most is what one looks for.
  const worst = rows
    .slice(1)
    .reduce<Row | undefined>((most, row) => (row.drop_off > (most?.drop_off ?? 0) ? row : most), undefined);
  const columns: Column<Row>[] = [
    {
      id: "step",
      title: "Step",
      render: (row) => (
        <>
          <span class="faint number">{row.place + 1}</span> {words(row.step)}
        </>
      ),
    },
    {
      id: "bar",
      title: "Left",
      isMinor: true,
      render: (row) => (
        <span class="cell-bar" aria-hidden="true">
          <span style={{ width: `${(row.sessions / first) * 100}%` }} />
        </span>
      ),
    },
    { id: "sessions", title: "Sessions", isNumber: true, render: (row) => count(row.sessions) },
    {
      id: "start",
      title: "Of all",
      isNumber: true,
      render: (row) => percent(row.conversion_from_start),
    },
    {
      id: "previous",
      title: "Of step before",
      isNumber: true,
      isMinor: true,
      render: (row) => percent(row.conversion_from_previous),
    },
    {
      id: "lost",
      title: "Lost",
      isNumber: true,
      render: (row) =>
        row.place === 0 ? (
          ""
        ) : (
          <span class={row === worst ? "tone-critical" : undefined}>
            {count(row.drop_off)}
            {row === worst && <span class="unseen"> (most)</span>}
          </span>
        ),
    },
    {
      id: "time",
      title: "Median time",
      isNumber: true,
      isMinor: true,
      render: (row) =>
        row.place === 0 ? (
          ""
        ) : (
          <span title={`nine of ten within ${duration(row.time_from_previous?.p90_ms)}`}>
            {duration(row.time_from_previous?.p50_ms)}
          </span>
        ),
    },
  ];
  if (before) {
    columns.push({
      id: "change",
      title: "Change",
      isNumber: true,
      render: (row) => (row.place === 0 ? "" : <Delta change={change(row)} better="more" />),
    });
  }
  return <Table label="Steps" rows={rows} rowId={(row) => row.step} columns={columns} />;
}
