//! What was posted before the start, as far as it still counts.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::clock;
use crate::config::Config;
use crate::ingest::dedup::Dedup;
use crate::ingest::enrich::Enricher;
use crate::ingest::remember::{remember, restore_ledger};
use crate::ledger::Ledger;
use crate::quota::{Quotas, SubjectKeys};
use crate::recall::{Recall, RecallOptions};
use crate::task;
use crate::wal::Wal;

/// How often counts and ids that are over are forgotten.
const PAST_UPKEEP_INTERVAL: Duration = Duration::from_secs(30);

/// How often the day's key and the country database are looked at.
const ENRICHER_UPKEEP_INTERVAL: Duration = Duration::from_secs(60);

/// What of past beacons counts for new ones.
pub(super) struct Past {
    pub(super) quotas: Arc<Quotas>,
    pub(super) dedup: Dedup,
    /// Where the flush notes what a segment's end would make forgotten; none when it cannot be kept.
    pub(super) recall: Option<Recall>,
    /// What has become of each item.
    pub(super) ledger: Ledger,
}

/// Quotas and ids as the process before left them. Call it when the log is open, and before anything is appended.
///
/// A folder that cannot be used must not keep the service from starting: on a full disk, starting is how it gets
/// empty again.
pub(super) fn open_past(config: &Config, data_dir: &Path, wal: &Wal) -> Past {
    let past = try_open_past(config, data_dir, wal).unwrap_or_else(|error| {
        tracing::error!(%error, "what was posted before the start cannot be remembered: quotas begin anew, and beacons that come again are stored again");
        let ledger = Ledger::default();
        restore_ledger(wal, &ledger);
        Past {
            quotas: Arc::new(Quotas::new(&config.quota, SubjectKeys::in_memory())),
            dedup: Dedup::in_memory(&config.dedup),
            recall: None,
            ledger,
        }
    });
    let (quotas, dedup) = (Arc::clone(&past.quotas), past.dedup.clone());
    let _detached = task::spawn("quotas", async move {
        let mut each = tokio::time::interval(PAST_UPKEEP_INTERVAL);
        loop {
            each.tick().await;
            let (quotas, dedup) = (Arc::clone(&quotas), dedup.clone());
            let kept = task::blocking(move || {
                let now_ms = clock::now().as_millis();
                dedup.maintain(now_ms);
                quotas.maintain(now_ms)
            });
            if let Ok(Err(error)) = kept.await {
                tracing::error!(%error, "the keys of quotas cannot be kept; after a restart quotas may begin anew");
            }
        }
    });
    past
}

fn try_open_past(config: &Config, data_dir: &Path, wal: &Wal) -> std::io::Result<Past> {
    let now_ms = clock::now().as_millis();
    let dir = data_dir.join("recall");
    let options = RecallOptions {
        dir: dir.clone(),
        ids_max: config.dedup.ids_max,
    };
    let (recall, remembered) = Recall::open(&options, now_ms)?;
    let keys = SubjectKeys::open(dir.join("quota-keys"), now_ms)?;
    let quotas = Arc::new(Quotas::new(&config.quota, keys));
    let dedup = Dedup::open(&config.dedup, &dir.join("event-key"))?;
    let ledger = Ledger::default();
    let restored = remember(wal, remembered, &quotas, &dedup, &ledger, now_ms);
    tracing::info!(?restored, "quotas and ids of events are as they were");
    Ok(Past {
        quotas,
        dedup,
        recall: Some(recall),
        ledger,
    })
}

/// What adds browser, country and visitor to beacons, and the task that keeps the day's key.
pub(super) fn open_enricher(config: &Config, data_dir: &Path) -> Enricher {
    let now_ms = clock::now().as_millis();
    let enricher = Enricher::open(&config.enrich, &config.bots, &data_dir.join("recall"), now_ms);
    let kept = enricher.clone();
    let _detached = task::spawn("enricher", async move {
        let warm = kept.clone();
        let _ = task::blocking(move || warm.warm_up()).await;
        let mut each = tokio::time::interval(ENRICHER_UPKEEP_INTERVAL);
        loop {
            each.tick().await;
            let enricher = kept.clone();
            let kept = task::blocking(move || enricher.maintain(clock::now().as_millis())).await;
            if let Ok(Err(error)) = kept {
                tracing::error!(%error, "the day's key of visitors cannot be kept; after a restart visitors are new ones");
            }
        }
    });
    enricher
}
