/** Dark or light: as the system says, or as chosen here. */
import { signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";
const KEY = "fresnel-theme";

function stored(): Theme {
  try {
    const found = localStorage.getItem(KEY);
    return found === "light" || found === "dark" ? found : "system";
  } catch {
    return "system";
  }
}

export const theme = signal<Theme>(stored());
/** Moves with each change of colours: what is drawn on a canvas is drawn anew then. */
export const coloursChanged = signal(0);

export function setTheme(wanted: Theme): void {
  theme.value = wanted;
  try {
    localStorage.setItem(KEY, wanted);
  } catch {
    // Storage is blocked: the choice lasts as long as the page.
  }
  applyTheme();
}

export function applyTheme(): void {
  if (theme.value === "system") {
    delete document.documentElement.dataset.theme;
  } else {
    document.documentElement.dataset.theme = theme.value;
  }
  coloursChanged.value += 1;
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  coloursChanged.value += 1;
});

const probe = document.createElement("span");

/** The colour that a token has now, for canvases: `colour("--series-0")`. */
export function colour(token: string): string {
  if (!probe.isConnected) {
    probe.hidden = true;
    document.body.append(probe);
  }
  probe.style.color = `var(${token})`;
  return getComputedStyle(probe).color;
}

/** The token of a series by its place; the palette has ten. */
export function seriesToken(place: number): string {
  return `--series-${place % 10}`;
}
