import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { count, exactTime } from "../format";
import { colour, coloursChanged } from "../theme";

interface HeatmapProps {
  label: string;
  /** Columns, in ms since 1970. */
  times: number[];
  /** Names of the rows, from the bottom up. */
  rows: string[];
  /** `cells[row][column]`: how many; null without data. */
  cells: (number | null)[][];
  zone: string;
  height?: number;
}

const LEFT_PX = 64;
const BOTTOM_PX = 22;

/** How often what, over time: the darker (on dark: the brighter), the more. */
export function Heatmap({ label, times, rows, cells, zone, height = 220 }: HeatmapProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [width, setWidth] = useState(0);
  const [at, setAt] = useState<{ row: number; column: number }>();
  const colours = coloursChanged.value;

  useLayoutEffect(() => {
    const element = canvas.current?.parentElement;
    if (!element) {
      return;
    }
    setWidth(element.clientWidth);
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  // Other colours are drawn anew.
  useLayoutEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!canvas.current || !context || width === 0) {
      return;
    }
    const ratio = devicePixelRatio;
    canvas.current.width = width * ratio;
    canvas.current.height = height * ratio;
    context.scale(ratio, ratio);
    context.clearRect(0, 0, width, height);
    const max = Math.max(1, ...cells.flat().map((cell) => cell ?? 0));
    const cellWidth = (width - LEFT_PX) / Math.max(times.length, 1);
    const cellHeight = (height - BOTTOM_PX) / Math.max(rows.length, 1);
    const empty = colour("--sunken");
    const full = colour("--series-0");
    cells.forEach((line, row) => {
      line.forEach((cell, column) => {
        if (cell === null) {
          return;
        }
        context.globalAlpha = cell === 0 ? 1 : 0.12 + 0.88 * Math.sqrt(cell / max);
        context.fillStyle = cell === 0 ? empty : full;
        const y = height - BOTTOM_PX - (row + 1) * cellHeight;
        context.fillRect(LEFT_PX + column * cellWidth, y, Math.max(cellWidth - 1, 1), cellHeight - 1);
      });
    });
    context.globalAlpha = 1;
    context.fillStyle = colour("--ink-faint");
    context.font = `11px ${getComputedStyle(document.body).fontFamily}`;
    context.textAlign = "right";
    rows.forEach((row, place) => {
      context.fillText(row, LEFT_PX - 8, height - BOTTOM_PX - (place + 0.5) * cellHeight + 4);
    });
    const every = Math.max(1, Math.ceil(130 / cellWidth));
    context.textAlign = "left";
    times.forEach((ms, place) => {
      if (place % every === 0 && place + every / 2 < times.length) {
        context.fillText(
          exactTime(ms, zone, false).replace(/,? \d{4}/, ""),
          LEFT_PX + place * cellWidth,
          height - 6,
        );
      }
    });
  }, [times, rows, cells, zone, height, width, colours]);

  const onMove = (event: PointerEvent) => {
    const column = Math.floor((event.offsetX - LEFT_PX) / ((width - LEFT_PX) / Math.max(times.length, 1)));
    const row = Math.floor(
      (height - BOTTOM_PX - event.offsetY) / ((height - BOTTOM_PX) / Math.max(rows.length, 1)),
    );
    setAt(cells[row]?.[column] === undefined ? undefined : { row, column });
  };
  const cell = at && cells[at.row]?.[at.column];
  return (
    <figure class="chart" style={{ height: height + 24 }}>
      <figcaption class="small soft" style={{ height: 24 }}>
        {at && cell !== undefined
          ? `${exactTime(times[at.column] ?? 0, zone, false)} · ${rows[at.row]}: ${count(cell)}`
          : label}
      </figcaption>
      <canvas
        ref={canvas}
        class="heatmap"
        role="img"
        aria-label={label}
        style={{ height }}
        onPointerMove={onMove}
        onPointerLeave={() => setAt(undefined)}
      />
    </figure>
  );
}
