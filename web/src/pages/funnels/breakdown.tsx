import { useState } from "preact/hooks";
import type { Question } from "../../api/question";
import { count, percent, words } from "../../format";
import { Button } from "../../parts/button";
import { Select } from "../../parts/form";
import { AnswerOf, Panel } from "../../parts/panel";
import { EmptyState } from "../../parts/states";
import { type Column, Table } from "../../parts/table";
import type { RangeState } from "../../range/range";
import type { Funnel } from "./types";

const PROPERTIES = [
  "browser",
  "os",
  "device",
  "country",
  "page",
  "release",
  "environment",
  "region",
  "effect_id",
] as const;
const GROUPS_PX = 320;

type Group = NonNullable<Funnel["groups"]>[number];

interface BreakdownProps {
  range: RangeState;
  of: Question<Funnel>;
  property: string;
  onProperty: (property: string) => void;
}

/** The same funnel by the value of a property that a session had when it entered. */
export function Breakdown({ range, of, property, onProperty }: BreakdownProps) {
  const isOwn = property !== "" && !PROPERTIES.some((one) => one === property);
  const options = [
    { id: "", label: "Not split" },
    ...PROPERTIES.map((id) => ({ id: id as string, label: `By ${words(id).toLowerCase()}` })),
    ...(isOwn ? [{ id: property, label: `By ${property}` }] : []),
  ];
  return (
    <Panel
      title="Breakdown"
      note={property && !isOwn ? "a row narrows everything to it" : undefined}
      actions={
        <>
          <OwnProperty onProperty={onProperty} />
          <Select label="Break down by" value={property} options={options} onChange={onProperty} />
        </>
      }
      flush
    >
      <AnswerOf
        of={of}
        height={GROUPS_PX}
        canShrink
        isEmpty={(data) => !data.groups?.length}
        empty={
          <EmptyState title="Who gets lost where?" icon="funnels">
            Break the funnel down by a browser, a country, a release, or any key of what your beacons carry
            (metadata.KEY).
          </EmptyState>
        }
      >
        {(data) => (
          <Table
            label={`Conversion by ${property}`}
            rows={data.groups ?? []}
            rowId={(row) => row.group}
            onRow={
              isOwn
                ? undefined
                : (row) => row.group && range.set({ filters: { ...range.filters, [property]: [row.group] } })
            }
            columns={columnsFor(property, data)}
          />
        )}
      </AnswerOf>
    </Panel>
  );
}

function columnsFor(property: string, data: Funnel): Column<Group>[] {
  const best = Math.max(...(data.groups ?? []).map((group) => group.conversion ?? 0), Number.EPSILON);
  return [
    { id: "group", title: words(property), render: (row) => row.group || "None" },
    {
      id: "bar",
      title: "Conversion",
      isMinor: true,
      render: (row) => (
        <span class="cell-bar" aria-hidden="true">
          <span style={{ width: `${((row.conversion ?? 0) / best) * 100}%` }} />
        </span>
      ),
    },
    {
      id: "share",
      title: "Of all",
      isNumber: true,
      render: (row) => percent(row.conversion),
      sortBy: (row) => row.conversion,
    },
    {
      id: "entered",
      title: "Entered",
      isNumber: true,
      render: (row) => count(row.entered),
      sortBy: (row) => row.entered,
    },
    {
      id: "converted",
      title: "Converted",
      isNumber: true,
      render: (row) => count(row.converted),
      sortBy: (row) => row.converted,
    },
    {
      id: "lost",
      title: "Most are lost at",
      isMinor: true,
      render: (row) => {
        const lost = row.steps.reduce((most, step) => (step.drop_off > most.drop_off ? step : most));
        return lost.drop_off > 0 ? `${words(lost.step)} (${count(lost.drop_off)})` : "–";
      },
    },
  ];
}

/** A key of what beacons carry. */
function OwnProperty({ onProperty }: { onProperty: (property: string) => void }) {
  const [isOpen, setOpen] = useState(false);
  const [key, setKey] = useState("");
  if (!isOpen) {
    return <Button onClick={() => setOpen(true)}>Own key</Button>;
  }
  return (
    <form
      class="row"
      onSubmit={(event) => {
        event.preventDefault();
        if (key.trim() !== "") {
          onProperty(`metadata.${key.trim()}`);
          setOpen(false);
        }
      }}
    >
      <input
        class="input code"
        aria-label="Key of the metadata"
        placeholder="plan"
        value={key}
        onInput={(event) => setKey(event.currentTarget.value)}
      />
      <Button type="submit">Break down</Button>
    </form>
  );
}
