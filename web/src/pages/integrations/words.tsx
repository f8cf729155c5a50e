import type { IconName } from "../../parts/icon";
import { Badge } from "../../parts/states";
import type { SyncMethod, VendorState } from "./types";

const STATES: Record<VendorState, { tone?: "good" | "warning" | "critical"; icon?: IconName; word: string }> =
  {
    healthy: { tone: "good", icon: "check", word: "Healthy" },
    degraded: { tone: "warning", icon: "warning", word: "Degraded" },
    down: { tone: "critical", icon: "critical", word: "Down" },
    unknown: { word: "Not seen" },
    off: { word: "Off" },
  };

const REASONS: Record<string, string> = {
  breaker_open: "left alone: it kept failing",
  failing: "most calls fail",
  some_failures: "some calls fail",
  slow: "slower than its target",
  credential_refused: "it refuses the credential",
  incomplete: "has no address",
};

/** How a vendor does, with why. */
export function VendorBadge({ state, reason }: { state: VendorState; reason?: string | null }) {
  const { tone, icon, word } = STATES[state];
  return (
    <>
      <Badge tone={tone} icon={icon}>
        {word}
      </Badge>
      {reason && <span class="small soft"> {REASONS[reason] ?? reason}</span>}
    </>
  );
}

export const SYNC_WORDS: Record<SyncMethod, string> = {
  webhook: "Webhook",
  polling: "Polling",
  manual: "By hand",
};

/** What vendors say of themselves on their own pages. */
export const INDICATOR_WORDS: Record<string, string> = {
  none: "all is well",
  minor: "minor trouble",
  major: "major trouble",
  critical: "critical trouble",
  maintenance: "maintenance",
};
