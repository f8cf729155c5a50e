import { Page } from "../layout/page";
import { useRange } from "../range/range";
import { RangeBar } from "../range/rangebar";
import { SavedViews } from "../range/views";
import { Groups } from "./performance/groups";
import { Metric } from "./performance/metric";
import { Metrics, useMetric } from "./performance/metrics";
import { SpreadPanel } from "./performance/spread";

/** How fast the product is: each metric with its state, one of them over time, and what it is made of. */
export default function Performance() {
  const range = useRange("24h");
  const [metric, setMetric] = useMetric();
  return (
    <Page title="Performance" actions={<SavedViews page="performance" />} bar={<RangeBar range={range} />}>
      <Metrics range={range} metric={metric} onMetric={setMetric} />
      <Metric range={range} metric={metric} />
      <SpreadPanel range={range} metric={metric} />
      <Groups range={range} metric={metric} />
    </Page>
  );
}
