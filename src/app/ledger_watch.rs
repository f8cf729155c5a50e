//! Looks every minute whether the ledger's accounts close.

use std::time::Duration;

use metrics::gauge;

use crate::clock;
use crate::ledger::Ledger;
use crate::metric_definitions::LEDGER_MISSING;
use crate::query::ledger::missing;
use crate::task;
use crate::warehouse::Warehouse;

const INTERVAL: Duration = Duration::from_secs(60);
/// Pause behind a look that had no answer, because the warehouse is away or not there yet.
const RETRY_PAUSE: Duration = Duration::from_secs(2);
/// Minutes that one look tells in the log.
const TOLD_MAX: usize = 10;

/// Sets the metric, and tells the log which accounts do not close. A look without an answer changes nothing.
pub(super) fn start(warehouse: Warehouse, ledger: Ledger) {
    let _detached = task::spawn("ledger audit", async move {
        let mut told = 0;
        loop {
            let Ok(found) = missing(&warehouse, &ledger, clock::now()).await else {
                tokio::time::sleep(RETRY_PAUSE).await;
                continue;
            };
            let items: i64 = found.iter().map(|missing| missing.items.abs()).sum();
            gauge!(LEDGER_MISSING).set(items as f64);
            // Once, not every minute of the hour in which they are looked at.
            if items != told {
                for missing in found.iter().take(TOLD_MAX) {
                    tracing::error!(
                        project = missing.project,
                        minute_start = missing.minute_start,
                        items = missing.items,
                        "the ledger does not close: accepted items are not stored (below 0: stored ones were not accepted)"
                    );
                }
            }
            told = items;
            tokio::time::sleep(INTERVAL).await;
        }
    });
}
