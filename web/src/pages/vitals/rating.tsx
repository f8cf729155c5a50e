import { Badge } from "../../parts/states";
import type { Rating } from "./types";

const RATINGS = {
  good: { tone: "good", icon: "check", word: "Good" },
  needs_improvement: { tone: "warning", icon: "warning", word: "Needs improvement" },
  poor: { tone: "critical", icon: "critical", word: "Poor" },
} as const;

/** How a vital is rated by its 75th percentile. No data is never good. */
export function RatingBadge({ rating }: { rating: Rating | null }) {
  if (rating === null) {
    return <Badge>No data</Badge>;
  }
  const { tone, icon, word } = RATINGS[rating];
  return (
    <Badge tone={tone} icon={icon}>
      {word}
    </Badge>
  );
}
