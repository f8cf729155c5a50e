import type { ApiError } from "../../api/envelope";
import { Button } from "../../parts/button";
import { Select } from "../../parts/form";
import { DIMENSIONS } from "../../range/range";
import type { Matching } from "./types";

/** A condition as it is typed: values with commas between them. */
export interface Row {
  id: number;
  label: string;
  isNot: boolean;
  values: string;
}

const LABELS = ["alertname", "level", "metric", "source", ...DIMENSIONS] as const;

let last = 0;
const newRow = (): Row => {
  last += 1;
  return { id: last, label: "alertname", isNot: false, values: "" };
};

export const rowsOf = (matcher: Matching[]): Row[] =>
  matcher.map((one) => ({
    ...newRow(),
    label: one.label,
    isNot: one.is_not ?? false,
    values: one.values.join(", "),
  }));

export const matcherOf = (rows: Row[]): Matching[] =>
  rows.map((row) => ({
    label: row.label,
    values: row.values.split(",").map((value) => value.trim()),
    ...(row.isNot ? { is_not: true } : {}),
  }));

/** A matcher in words, as lists show it. */
export const matcherWords = (matcher: Matching[]): string =>
  matcher.length === 0
    ? "all alerts"
    : matcher
        .map((one) => `${one.label} ${one.is_not ? "is not" : "is"} ${one.values.join(" or ")}`)
        .join(", ");

interface MatcherFieldProps {
  label: string;
  rows: Row[];
  onChange: (rows: Row[]) => void;
  error?: ApiError | undefined;
}

/** Which alerts are meant: all conditions must hold; none means all alerts. */
export function MatcherField({ label, rows, onChange, error }: MatcherFieldProps) {
  const set = (id: number, change: Partial<Row>) =>
    onChange(rows.map((row) => (row.id === id ? { ...row, ...change } : row)));
  const faults = error?.details.filter((detail) => detail.field.startsWith("matcher")) ?? [];
  return (
    <fieldset class="field matcher">
      <legend class="field-label">{label}</legend>
      {rows.length === 0 && <span class="field-hint">All alerts</span>}
      {rows.map((row) => (
        <div class="row" key={row.id}>
          <Select
            label="Label"
            value={row.label}
            options={[...new Set([...LABELS, row.label])].map((id) => ({ id, label: id }))}
            onChange={(next) => set(row.id, { label: next })}
          />
          <Select
            label="Condition"
            value={row.isNot ? "not" : "is"}
            options={[
              { id: "is", label: "is" },
              { id: "not", label: "is not" },
            ]}
            onChange={(next) => set(row.id, { isNot: next === "not" })}
          />
          <input
            class="input"
            aria-label="Values, with commas between them"
            placeholder="/checkout, /cart"
            value={row.values}
            onInput={(event) => set(row.id, { values: event.currentTarget.value })}
          />
          <Button
            look="quiet"
            icon="close"
            label="Remove the condition"
            onClick={() => onChange(rows.filter((one) => one.id !== row.id))}
          />
        </div>
      ))}
      <div>
        <Button icon="plus" onClick={() => onChange([...rows, newRow()])}>
          Condition
        </Button>
      </div>
      {faults.map((detail) => (
        <span class="field-fault" key={detail.field}>
          {detail.field}: {detail.message}
        </span>
      ))}
    </fieldset>
  );
}
