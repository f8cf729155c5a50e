import { useMemo } from "preact/hooks";
import { type Line, TimeChart } from "../../charts/time-chart";
import type { RangeState } from "../../range/range";
import type { Account, LedgerAnswer } from "./types";

const PARTS: {
  name: "missing" | "dropped" | "pending" | "expired" | "stored";
  label: string;
  colour: number;
}[] = [
  { name: "missing", label: "Missing", colour: 7 },
  { name: "dropped", label: "Dropped", colour: 1 },
  { name: "pending", label: "Pending", colour: 0 },
  { name: "expired", label: "Expired", colour: 8 },
  { name: "stored", label: "Stored", colour: 2 },
];

/** What was received, by what has become of it: the parts add up to the whole. */
export function OverTime({ ledger, kind, range }: { ledger: LedgerAnswer; kind: string; range: RangeState }) {
  const { times, lines } = useMemo(() => linesOf(ledger, kind), [ledger, kind]);
  return (
    <TimeChart
      label="Items by what has become of them"
      times={times}
      lines={lines}
      unit="count"
      zone={range.zone}
      height={240}
      isStacked
      onZoom={range.zoom}
    />
  );
}

function linesOf(ledger: LedgerAnswer, kind: string): { times: number[]; lines: Line[] } {
  const sums = new Map<number, Partial<Record<keyof Account, number>>>();
  const end = Date.parse(ledger.to);
  for (let at = Date.parse(ledger.from); at < end; at += ledger.interval_ms) {
    sums.set(at, {});
  }
  for (const item of ledger.items) {
    if (kind !== "" && item.kind !== kind) {
      continue;
    }
    // Where clocks are put forward or back, buckets begin beside the even steps.
    const at = Date.parse(item.ts);
    const found = sums.get(at) ?? {};
    for (const { name } of PARTS) {
      found[name] = (found[name] ?? 0) + item[name];
    }
    sums.set(at, found);
  }
  const buckets = [...sums].sort(([a], [b]) => a - b);
  // Nothing received is a true 0 here: the ledger has an entry wherever there was something.
  const lines = PARTS.map(({ name, label, colour }) => ({
    label,
    colour,
    isBars: true,
    values: buckets.map(([, one]) => one[name] ?? 0),
  })).filter((line) => line.label === "Stored" || line.values.some((value) => value !== 0));
  return { times: buckets.map(([at]) => at), lines };
}
