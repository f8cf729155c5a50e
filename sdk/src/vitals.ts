/** Web vitals: a part of its own, for what it weighs. */
import { type Metric, onCLS, onFCP, onINP, onLCP, onTTFB } from "web-vitals";
import { metric } from "./fresnel.js";

let isWatching = false;

/** Measures LCP, INP, CLS, FCP and TTFB of this page. Call it once, after `init`. */
export function webVitals(): void {
  if (isWatching) {
    return;
  }
  isWatching = true;
  const tell = ({ name, value, rating, navigationType }: Metric) =>
    metric("core_web_vitals", value, {
      name,
      rating: rating === "needs-improvement" ? "needs_improvement" : rating,
      navigation_type: navigationType,
    });
  for (const watch of [onLCP, onINP, onCLS, onFCP, onTTFB]) {
    try {
      watch(tell);
    } catch {}
  }
}
