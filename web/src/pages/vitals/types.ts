export type VitalName = "LCP" | "INP" | "CLS" | "FCP" | "TTFB";
export type Rating = "good" | "needs_improvement" | "poor";

/** A vital of a range or of a group; without events all but `count` is null. */
export interface Vital {
  name: VitalName;
  count: number;
  p50: number | null;
  p75: number | null;
  p95: number | null;
  rating: Rating | null;
  good_share: number | null;
  needs_improvement_share: number | null;
  poor_share: number | null;
  thresholds: { good: number; poor: number };
  previous_p75?: number | null;
}

export interface GroupVitals {
  group: string;
  vitals: Vital[];
}

/** What each vital tells. */
export const MEANINGS: Record<VitalName, string> = {
  LCP: "Largest Contentful Paint: when the main thing is there",
  INP: "Interaction to Next Paint: how long a press takes to show",
  CLS: "Cumulative Layout Shift: how much the page jumps",
  FCP: "First Contentful Paint: when anything is there",
  TTFB: "Time to First Byte: when the answer begins",
};

export const unitOfVital = (name: VitalName) => (name === "CLS" ? "none" : "ms");
