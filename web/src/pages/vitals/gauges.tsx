import type { Question } from "../../api/question";
import { SharesBar } from "../../charts/bars";
import { count, inUnit } from "../../format";
import { AnswerOf } from "../../parts/panel";
import { Delta } from "../../parts/stat";
import { EmptyState, Skeleton } from "../../parts/states";
import { RatingBadge } from "./rating";
import { MEANINGS, unitOfVital, type Vital, type VitalName } from "./types";

/** As high as a gauge is at least (`.gauge`). */
const GAUGE_HEIGHT = "11rem";
const NAMES = ["LCP", "INP", "CLS", "FCP", "TTFB"] as const;
/** The scale ends so far beyond what is poor. */
const SCALE = 1.5;

interface GaugesProps {
  of: Question<{ vitals: Vital[] }>;
  chosen: VitalName;
  onChoose: (name: VitalName) => void;
}

/** Each vital: its 75th percentile on a scale from good to poor, and how many were what. */
export function Gauges({ of, chosen, onChoose }: GaugesProps) {
  if (of.isLoading) {
    return (
      <div class="gauges">
        {NAMES.map((name) => (
          <Skeleton key={name} height={GAUGE_HEIGHT} />
        ))}
      </div>
    );
  }
  return (
    <AnswerOf
      of={of}
      height={GAUGE_HEIGHT}
      isEmpty={(data) => data.vitals.every((vital) => vital.count === 0)}
      empty={
        <EmptyState
          title="No vitals in this range"
          icon="vitals"
          snippet={`<script src="${location.origin}/fresnel.js" data-key="YOUR KEY" defer></script>`}
        >
          Pages with this script measure them by themselves; the key is under Settings, Keys. Otherwise take a
          longer range or fewer filters.
        </EmptyState>
      }
    >
      {(data) => (
        <div class="gauges">
          {data.vitals.map((vital) => (
            <Gauge key={vital.name} vital={vital} isChosen={vital.name === chosen} onChoose={onChoose} />
          ))}
        </div>
      )}
    </AnswerOf>
  );
}

function Gauge({
  vital,
  isChosen,
  onChoose,
}: {
  vital: Vital;
  isChosen: boolean;
  onChoose: (name: VitalName) => void;
}) {
  const { good, poor } = vital.thresholds;
  const end = poor * SCALE;
  const part = (value: number) => `${(Math.min(value, end) / end) * 100}%`;
  const before = vital.previous_p75;
  const change = vital.p75 !== null && before ? vital.p75 / before - 1 : null;
  return (
    <button
      type="button"
      class="gauge"
      aria-pressed={isChosen}
      title={MEANINGS[vital.name]}
      onClick={() => onChoose(vital.name)}
    >
      <span class="row">
        <strong>{vital.name}</strong>
        <span class="push">
          <RatingBadge rating={vital.rating} />
        </span>
      </span>
      <span class="row">
        <span class="stat-value">{inUnit(vital.p75, unitOfVital(vital.name))}</span>
        {before !== undefined && before !== null && <Delta change={change} better="less" />}
      </span>
      <span class="gauge-scale" aria-hidden="true">
        <span style={{ width: part(good), background: "var(--good-fill)" }} />
        <span style={{ width: part(poor - good), background: "var(--warning-fill)" }} />
        <span style={{ flex: 1, background: "var(--critical-fill)" }} />
        {vital.p75 !== null && <span class="gauge-mark" style={{ left: part(vital.p75) }} />}
      </span>
      <SharesBar
        good={vital.good_share}
        needsImprovement={vital.needs_improvement_share}
        poor={vital.poor_share}
        isNarrow
      />
      <span class="small faint number">{count(vital.count)} measured</span>
    </button>
  );
}
