import { exactTime, inUnit, type Unit } from "../format";
import type { Line } from "./time-chart";

const ROWS_MAX = 300;

interface ValuesTableProps {
  label: string;
  times: number[];
  lines: Line[];
  unit: Unit;
  zone: string;
}

/** What a chart shows, in figures, the latest first. */
export function ValuesTable({ label, times, lines, unit, zone }: ValuesTableProps) {
  const places = times
    .map((_, place) => place)
    .reverse()
    .slice(0, ROWS_MAX);
  return (
    <table class="table">
      <caption class="unseen">{label}</caption>
      <thead>
        <tr>
          <th scope="col">Time</th>
          {lines.map((line) => (
            <th key={line.label} scope="col" class="end">
              {line.label}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {places.map((place) => (
          <tr key={times[place]}>
            <td>{exactTime(times[place] ?? 0, zone, false)}</td>
            {lines.map((line) => (
              <td key={line.label} class="end">
                {inUnit(line.values[place], unit)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
