//! What was posted before the start, as far as it still counts.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::clock;
use crate::config::Config;
use crate::ingest::dedup::Dedup;
use crate::ingest::quota::{Quotas, SubjectKeys};
use crate::ingest::remember::remember;
use crate::recall::{Recall, RecallOptions};
use crate::task;
use crate::wal::Wal;

/// How often counts and ids that are over are forgotten.
const PAST_UPKEEP_INTERVAL: Duration = Duration::from_secs(30);

/// What of past beacons counts for new ones.
pub(super) struct Past {
    pub(super) quotas: Arc<Quotas>,
    pub(super) dedup: Dedup,
    /// Where the flush notes what a segment's end would make forgotten; none when it cannot be kept.
    pub(super) recall: Option<Recall>,
}

/// Quotas and ids as the process before left them. Call it when the log is open, and before anything is appended.
///
/// A folder that cannot be used must not keep the service from starting: on a full disk, starting is how it gets
/// empty again.
pub(super) fn open_past(config: &Config, data_dir: &Path, wal: &Wal) -> Past {
    let past = try_open_past(config, data_dir, wal).unwrap_or_else(|error| {
        tracing::error!(%error, "what was posted before the start cannot be remembered: quotas begin anew, and beacons that come again are stored again");
        Past {
            quotas: Arc::new(Quotas::new(&config.quota, SubjectKeys::in_memory())),
            dedup: Dedup::in_memory(&config.dedup),
            recall: None,
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
    let restored = remember(wal, remembered, &quotas, &dedup, now_ms);
    tracing::info!(?restored, "quotas and ids of events are as they were");
    Ok(Past {
        quotas,
        dedup,
        recall: Some(recall),
    })
}
