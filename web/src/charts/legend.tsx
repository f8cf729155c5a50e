export interface LegendEntry {
  label: string;
  token: string;
  isDashed: boolean;
  isShown: boolean;
}

/** Names of lines; each hides or shows its own. */
export function Legend({ entries, onToggle }: { entries: LegendEntry[]; onToggle: (label: string) => void }) {
  return (
    <div class="legend">
      {entries.map((entry) => (
        <button
          key={entry.label}
          type="button"
          class="legend-item"
          aria-pressed={entry.isShown}
          onClick={() => onToggle(entry.label)}
        >
          <span
            class={entry.isDashed ? "swatch swatch-dashed" : "swatch"}
            style={{
              background: entry.isDashed ? "none" : `var(${entry.token})`,
              borderColor: `var(${entry.token})`,
            }}
          />
          <span class="cut">{entry.label}</span>
        </button>
      ))}
    </div>
  );
}
