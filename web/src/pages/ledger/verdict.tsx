import { exact } from "../../format";
import { Icon } from "../../parts/icon";
import type { LedgerAnswer } from "./types";

/** Whether the account closes: what is missing is told first and loudly. */
export function Verdict({ ledger }: { ledger: LedgerAnswer }) {
  const { totals } = ledger;
  const isLost = totals.missing > 0;
  const isOdd = totals.missing < 0;
  const tone = isLost ? "critical" : isOdd ? "warning" : "good";
  return (
    <section class="panel" aria-label="Does the account close?" role={isLost ? "alert" : "status"}>
      <div class="panel-body row" style={{ minHeight: "5rem", gap: "1rem" }}>
        <span class={`tone-${tone}`}>
          <Icon name={isLost ? "critical" : isOdd ? "warning" : "check"} size={26} />
        </span>
        <div class="stack-tight" style={{ gap: "0.25rem", flex: 1, minWidth: "14rem" }}>
          <h2>
            {isLost
              ? `${exact(totals.missing)} items are missing`
              : isOdd
                ? `${exact(-totals.missing)} more items are stored than were received`
                : totals.received === 0
                  ? "Nothing was received in this range"
                  : "Every item is accounted for"}
          </h2>
          <p class="small soft number">
            {exact(totals.received)} received = {exact(totals.stored)} stored + {exact(totals.dropped)}{" "}
            dropped + {exact(totals.pending)} pending
            {totals.missing !== 0 && <strong> + {exact(totals.missing)} missing</strong>}
            {totals.expired > 0 && ` + ${exact(totals.expired)} expired`}
          </p>
          <p class="small soft">
            {isLost
              ? "They were acknowledged and are not in the warehouse. Keep the log and the dead letters of every node, and look at the service's log for this time."
              : isOdd
                ? "Rows that were written by hand, such as dead letters that were inserted again, do this."
                : "Received and dropped are what the log wrote down; stored is counted in the warehouse, now."}
            {!ledger.exact && " Much is moving right now: some of the last items may be counted twice."}
          </p>
        </div>
      </div>
    </section>
  );
}
