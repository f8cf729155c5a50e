/** What uPlot is told: colours from the tokens, axes in the page's zone, gaps, bands, thresholds, markers. */
import uPlot from "uplot";
import { inUnit, timeFormat, type Unit } from "../format";
import { colour, seriesToken } from "../theme";
import type { Line, TimeChartProps } from "./time-chart";

interface Wiring {
  width: number;
  height: number;
  onHover: (hover: { place: number; left: number; top: number } | undefined) => void;
  onZoom: (fromMs: number, toMs: number) => void;
}

/** The token of a line's colour. */
export function swatchOf(line: Line, place: number): string {
  return line.isBefore ? "--ink-faint" : seriesToken(line.colour ?? place);
}

const DAY = 86_400_000;
/** Below this a drag was meant as a click. */
const DRAG_MIN_PX = 6;

function alpha(rgb: string, share: number): string {
  return rgb.replace("rgb(", "rgba(").replace(")", `, ${share})`);
}

/** Times of the axis: hours within a day, the day where it begins. */
function timeLabels(zone: string) {
  const clock = timeFormat(zone, { hour: "2-digit", minute: "2-digit" });
  const day = timeFormat(zone, { month: "short", day: "numeric" });
  return (_: uPlot, splits: number[], __: number, ___: number, step: number) => {
    let last = "";
    return splits.map((ms) => {
      const date = day.format(ms);
      const isNewDay = date !== last && last !== "";
      last = date;
      return step >= DAY || isNewDay ? date : clock.format(ms);
    });
  };
}

/** A point between two gaps would not be seen as a line: it gets a dot. */
function lonePoints(plot: uPlot, series: number, isShown: boolean): number[] | null {
  if (isShown) {
    return null;
  }
  const values = plot.data[series] ?? [];
  const found: number[] = [];
  for (let place = 0; place < values.length; place += 1) {
    const isKnown = typeof values[place] === "number";
    if (isKnown && typeof values[place - 1] !== "number" && typeof values[place + 1] !== "number") {
      found.push(place);
    }
  }
  return found;
}

/** Bars stand from the start of their bucket on, and charts above each other must have the same times. */
function endsWithBucket(props: TimeChartProps): boolean {
  return props.sync !== undefined || props.lines.some((line) => line.isBars);
}

function toEndOfBucket(plot: uPlot, from: number, to: number): uPlot.Range.MinMax {
  const [first = 0, second = first] = plot.data[0];
  return [from, to + (second - first)];
}

/** Room for values from 0 on, and for thresholds that are near what is shown. */
function rangeOf(unit: Unit, thresholds: number[]) {
  return (_: uPlot, low: number | null, high: number | null): uPlot.Range.MinMax => {
    if (low === null || high === null) {
      return [0, unit === "percent" ? 1 : 10];
    }
    const near = thresholds.filter((value) => value <= high * 1.6);
    const top = Math.max(high, ...near);
    return [Math.min(low, 0), top === 0 ? (unit === "percent" ? 0.01 : 1) : top * 1.08];
  };
}

/** Ground behind a text that stands over lines. */
function backdrop(
  ctx: CanvasRenderingContext2D,
  text: string,
  right: number,
  bottom: number,
  ground: string,
) {
  const room = 3 * devicePixelRatio;
  const width = ctx.measureText(text).width;
  ctx.fillStyle = ground;
  ctx.fillRect(
    right - width - room,
    bottom - 10 * devicePixelRatio - room,
    width + 2 * room,
    12 * devicePixelRatio + 2 * room,
  );
}

export function optionsOf(props: TimeChartProps, wiring: Wiring): uPlot.Options {
  const { lines, unit, zone, bands = [], thresholds = [], markers = [], sync } = props;
  const faint = colour("--ink-faint");
  const grid = colour("--line");
  const font = `11px ${getComputedStyle(document.body).fontFamily}`;
  const strokes = lines.map((line, place) => colour(swatchOf(line, place)));

  const panel = alpha(colour("--panel"), 0.85);
  const drawExtras = (plot: uPlot) => {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.font = `${11 * devicePixelRatio}px ${getComputedStyle(document.body).fontFamily}`;
    ctx.lineWidth = devicePixelRatio;
    for (const threshold of thresholds) {
      const y = plot.valToPos(threshold.value, "y", true);
      if (y < bbox.top || y > bbox.top + bbox.height) {
        continue;
      }
      const ink = colour(`--${threshold.tone}`);
      ctx.strokeStyle = ink;
      ctx.fillStyle = ink;
      ctx.setLineDash([5 * devicePixelRatio, 4 * devicePixelRatio]);
      ctx.beginPath();
      ctx.moveTo(bbox.left, y);
      ctx.lineTo(bbox.left + bbox.width, y);
      ctx.stroke();
      ctx.setLineDash([]);
      ctx.textAlign = "right";
      backdrop(
        ctx,
        threshold.label,
        bbox.left + bbox.width - 4 * devicePixelRatio,
        y - 4 * devicePixelRatio,
        panel,
      );
      ctx.fillStyle = ink;
      ctx.fillText(threshold.label, bbox.left + bbox.width - 4 * devicePixelRatio, y - 4 * devicePixelRatio);
    }
    for (const marker of markers) {
      const x = plot.valToPos(marker.at, "x", true);
      if (x < bbox.left || x > bbox.left + bbox.width) {
        continue;
      }
      ctx.strokeStyle = faint;
      ctx.fillStyle = faint;
      ctx.setLineDash([2 * devicePixelRatio, 3 * devicePixelRatio]);
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      ctx.textAlign = x > bbox.left + bbox.width - 80 * devicePixelRatio ? "right" : "left";
      const shift = ctx.textAlign === "right" ? -5 : 5;
      ctx.fillText(`▲ ${marker.label}`, x + shift * devicePixelRatio, bbox.top + 11 * devicePixelRatio);
    }
    ctx.restore();
  };

  return {
    width: wiring.width,
    height: wiring.height,
    ms: 1,
    tzDate: (ms) => uPlot.tzDate(new Date(ms), zone),
    legend: { show: false },
    padding: [12, 8, 0, 0],
    scales: {
      x: { time: true, ...(endsWithBucket(props) ? { range: toEndOfBucket } : {}) },
      y: {
        range: rangeOf(
          unit,
          thresholds.map((one) => one.value),
        ),
      },
    },
    axes: [
      {
        stroke: faint,
        font,
        grid: { show: false },
        ticks: { stroke: grid, size: 4 },
        size: 28,
        gap: 6,
        space: 64,
        values: timeLabels(zone),
      },
      {
        stroke: faint,
        font,
        grid: { stroke: grid, width: 1 },
        ticks: { show: false },
        size: 58,
        gap: 6,
        space: 36,
        values: (_, splits) => splits.map((value) => inUnit(value, unit)),
      },
    ],
    series: [
      {},
      ...lines.map((line, place) => ({
        label: line.label,
        stroke: strokes[place] ?? faint,
        width: line.isBefore ? 1.25 : 1.75,
        ...(line.isBefore ? { dash: [4, 4] } : {}),
        // One line alone stands on its ground; several would hide each other, unless each begins where the next ends.
        ...(props.isStacked
          ? { fill: strokes[place] ?? faint }
          : lines.length === 1
            ? { fill: alpha(strokes[place] ?? faint, line.isBars ? 0.55 : 0.1) }
            : {}),
        ...(line.isBars && uPlot.paths.bars
          ? { paths: uPlot.paths.bars({ size: [0.75, 40], align: 1 }), width: 0 }
          : {}),
        spanGaps: false,
        points: {
          size: 4,
          filter: lonePoints,
          show: (plot: uPlot, series: number) => lonePoints(plot, series, false)?.length !== 0,
        },
      })),
    ],
    bands: bands.map((band) => ({
      series: [band.upper + 1, band.lower + 1] as [number, number],
      fill: alpha(strokes[band.upper] ?? faint, 0.14),
    })),
    cursor: {
      y: false,
      points: { size: 7 },
      drag: { x: props.onZoom !== undefined, y: false, setScale: false, dist: DRAG_MIN_PX },
      // Others show the same moment; what is dragged over is the own plot's alone.
      ...(sync
        ? {
            sync: {
              key: sync,
              setSeries: false,
              filters: { pub: (type: string) => type === "mousemove" || type === "mouseleave" },
            },
          }
        : {}),
    },
    hooks: {
      draw: [drawExtras],
      setCursor: [
        (plot) => {
          const { idx, left, top } = plot.cursor;
          const isHere = typeof idx === "number" && left !== undefined && left >= 0;
          wiring.onHover(
            isHere ? { place: idx, left: left + plot.over.offsetLeft, top: top ?? 0 } : undefined,
          );
        },
      ],
      setSelect: [
        (plot) => {
          const { left, width } = plot.select;
          if (width >= DRAG_MIN_PX) {
            wiring.onZoom(Math.round(plot.posToVal(left, "x")), Math.round(plot.posToVal(left + width, "x")));
            plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          }
        },
      ],
    },
  };
}
