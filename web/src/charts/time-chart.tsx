import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import "uplot/dist/uPlot.min.css";
import uPlot from "uplot";
import { exactTime, inUnit, NOTHING, type Unit } from "../format";
import { Button } from "../parts/button";
import { coloursChanged } from "../theme";
import { Legend, type LegendEntry } from "./legend";
import { optionsOf, swatchOf } from "./plot";
import { ValuesTable } from "./values-table";

export interface Line {
  label: string;
  /** One for each time; null where there is no data, which is drawn as a gap. */
  values: (number | null)[];
  /** Place in the palette; otherwise the line's own place. */
  colour?: number;
  /** The period before, drawn dashed. */
  isBefore?: boolean;
  /** Counts: drawn as bars. */
  isBars?: boolean;
}

export interface Band {
  /** Places of the lines between which it is filled. */
  upper: number;
  lower: number;
}

export interface ThresholdLine {
  value: number;
  label: string;
  tone: "warning" | "critical" | "good";
}

export interface ChartMarker {
  at: number;
  label: string;
}

export interface TimeChartProps {
  /** What is shown, for those who do not see it. */
  label: string;
  /** Ms since 1970, rising. */
  times: number[];
  lines: Line[];
  unit: Unit;
  zone: string;
  height?: number;
  bands?: Band[];
  thresholds?: ThresholdLine[];
  markers?: ChartMarker[];
  /** False where the chart above it has the same lines. */
  hasLegend?: boolean;
  /** Parts of a whole: drawn upon each other, the first on top. What is told of them stays their own value. */
  isStacked?: boolean;
  /** Charts with the same key show the same moment. */
  sync?: string;
  /** Dragging over a part. */
  onZoom?: ((fromMs: number, toMs: number) => void) | undefined;
}

interface Hover {
  place: number;
  left: number;
  top: number;
}

/** Lines over time. Its height is fixed, so that nothing moves when data come. */
export function TimeChart(props: TimeChartProps) {
  const { label, times, lines, unit, zone, height = 260, onZoom } = props;
  const frame = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const [hover, setHover] = useState<Hover>();
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const [isTable, setTable] = useState(false);
  const zoom = useRef(onZoom);
  zoom.current = onZoom;

  const data = useMemo(() => {
    const drawn = props.isStacked ? stacked(lines, hidden) : lines.map((line) => line.values);
    return [times, ...drawn] as uPlot.AlignedData;
  }, [times, lines, props.isStacked, hidden]);
  // All that makes the plot another one; values alone are handed to the one that is there.
  const form = JSON.stringify([
    lines.map((line) => [line.label, line.colour, line.isBefore, line.isBars]),
    unit,
    zone,
    height,
    props.bands,
    props.thresholds,
    props.markers,
    props.sync,
    props.isStacked,
    onZoom === undefined,
    coloursChanged.value,
  ]);

  // The form says all that the options are made of.
  useLayoutEffect(() => {
    const element = frame.current;
    if (!element || isTable) {
      return;
    }
    const options = optionsOf(props, {
      width: Math.max(element.clientWidth, 100),
      height,
      onHover: setHover,
      onZoom: (from, to) => zoom.current?.(from, to),
    });
    const made = new uPlot(options, data, element);
    plot.current = made;
    const observer = new ResizeObserver(() => {
      if (element.clientWidth > 0 && element.clientWidth !== made.width) {
        made.setSize({ width: element.clientWidth, height });
      }
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.current = undefined;
      made.destroy();
    };
  }, [form, isTable]);

  useEffect(() => {
    if (plot.current && plot.current.data !== data) {
      plot.current.setData(data);
    }
  }, [data]);

  // A plot that was made anew hides nothing yet.
  useEffect(() => {
    lines.forEach((line, place) => {
      plot.current?.setSeries(place + 1, { show: !hidden.has(line.label) });
    });
  }, [hidden, form, isTable]);

  const entries: LegendEntry[] = lines.map((line, place) => ({
    label: line.label,
    token: swatchOf(line, place),
    isDashed: line.isBefore ?? false,
    isShown: !hidden.has(line.label),
  }));
  const toggle = (name: string) => {
    const next = new Set(hidden);
    if (!next.delete(name)) {
      next.add(name);
    }
    setHidden(next);
  };

  return (
    <figure class="chart" aria-label={label}>
      <div class="row" style={{ flexWrap: "nowrap" }}>
        {props.hasLegend === false ? (
          <span class="small soft">{label}</span>
        ) : (
          <Legend entries={entries} onToggle={toggle} />
        )}
        <span class="push">
          <Button
            look="quiet"
            icon="table"
            label={isTable ? "Show as chart" : "Show as table"}
            pressed={isTable}
            onClick={() => setTable(!isTable)}
          />
        </span>
      </div>
      {isTable ? (
        <div style={{ height, overflow: "auto" }}>
          <ValuesTable label={label} times={times} lines={lines} unit={unit} zone={zone} />
        </div>
      ) : (
        <div
          ref={frame}
          role="img"
          aria-label={`${label}. ${summary(lines, unit)}`}
          style={{ height, position: "relative" }}
        >
          {hover && (
            <Tip hover={hover} width={frame.current?.clientWidth ?? 0} props={props} hidden={hidden} />
          )}
        </div>
      )}
    </figure>
  );
}

/** Each with all that stands below it: those that come later are drawn over it, from the ground on. */
function stacked(lines: Line[], hidden: ReadonlySet<string>): (number | null)[][] {
  const drawn: (number | null)[][] = [];
  let below: (number | null)[] = [];
  for (const line of [...lines].reverse()) {
    if (!hidden.has(line.label)) {
      const under = below;
      below = line.values.map((value, place) =>
        value === null ? (under[place] ?? null) : value + (under[place] ?? 0),
      );
    }
    drawn.unshift(below);
  }
  return drawn;
}

/** What a glance would tell. */
function summary(lines: Line[], unit: Unit): string {
  return lines
    .slice(0, 10)
    .map((line) => {
      const known = line.values.filter((value) => value !== null);
      if (known.length === 0) {
        return `${line.label}: no data`;
      }
      const [min, max] = known.reduce(
        ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
        [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
      );
      return `${line.label}: from ${inUnit(min, unit)} to ${inUnit(max, unit)}, last ${inUnit(known.at(-1), unit)}`;
    })
    .join(". ");
}

const TIP_WIDTH = 240;

function Tip({
  hover,
  width,
  props,
  hidden,
}: {
  hover: Hover;
  width: number;
  props: TimeChartProps;
  hidden: ReadonlySet<string>;
}) {
  const { times, lines, unit, zone, markers = [] } = props;
  const at = times[hover.place];
  if (at === undefined) {
    return null;
  }
  const step = (times[1] ?? at) - (times[0] ?? at);
  const near = markers.filter((marker) => Math.abs(marker.at - at) <= Math.max(step, 1));
  const x = hover.left + 16 + TIP_WIDTH > width ? Math.max(hover.left - TIP_WIDTH - 16, 0) : hover.left + 16;
  return (
    <div
      class="chart-tip"
      aria-hidden="true"
      style={{ translate: `${x}px ${Math.max(hover.top - 20, 0)}px`, width: TIP_WIDTH }}
    >
      <div class="faint">{exactTime(at, zone, step < 60_000)}</div>
      {lines.map((line, place) =>
        hidden.has(line.label) ? null : (
          <div class="chart-tip-row" key={line.label}>
            <span
              class={line.isBefore ? "swatch swatch-dashed" : "swatch"}
              style={{
                background: line.isBefore ? "none" : `var(${swatchOf(line, place)})`,
                borderColor: `var(${swatchOf(line, place)})`,
              }}
            />
            <span class="cut">{line.label}</span>
            <span class="number">
              {line.values[hover.place] === undefined ? NOTHING : inUnit(line.values[hover.place], unit)}
            </span>
          </div>
        ),
      )}
      {near.map((marker) => (
        <div class="soft" key={marker.label}>
          ▲ {marker.label}
        </div>
      ))}
    </div>
  );
}
