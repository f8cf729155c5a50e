/** A line without axes: how something went, beside its figure. Gaps stay gaps. */
export function Sparkline({
  values,
  width = 84,
  height = 28,
}: {
  values: (number | null)[];
  width?: number;
  height?: number;
}) {
  const known = values.filter((value) => value !== null);
  const max = Math.max(...known, 0);
  const min = Math.min(...known, 0);
  const x = (place: number) => (place / Math.max(values.length - 1, 1)) * (width - 4) + 2;
  const y = (value: number) => height - 3 - ((value - min) / (max - min || 1)) * (height - 6);
  let path = "";
  let isOpen = false;
  values.forEach((value, place) => {
    if (value === null) {
      isOpen = false;
      return;
    }
    path += `${isOpen ? "L" : "M"}${x(place).toFixed(1)} ${y(value).toFixed(1)}`;
    isOpen = true;
  });
  const last = values.at(-1);
  return (
    <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
      <path d={path} fill="none" stroke="var(--series-0)" stroke-width="1.5" stroke-linejoin="round" />
      {typeof last === "number" && (
        <circle cx={x(values.length - 1)} cy={y(last)} r="2" fill="var(--series-0)" />
      )}
    </svg>
  );
}
