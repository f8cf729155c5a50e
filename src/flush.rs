//! The flush: from the log to the warehouse, segment by segment.
//!
//! # Words
//! - A **segment** is what the log seals; a **batch** is its rows of one table, and one insert.
//! - A **token** names a batch: `node:segment.salt:table`. A repeated insert with the same token changes nothing.
//! - A **dead letter** is a row that the warehouse refuses for good, kept in a file.
//!
//! # Actors
//! ```text
//! log ─► reader (one segment ahead) ─► this task ─┬─► courier: table 1 ─┐
//!                                                 ├─► courier: table 2 ─┼─► all done ─► log.release(segment)
//!                                                 └─► courier: table 3 ─┘
//!                                             (before the release: sums ─► table `ledger`, notes ─► recall)
//! ```
//!
//! # Guarantees
//! 1. A segment is released only when each of its rows is in the warehouse, or in a synced dead-letter file.
//! 2. The same rows always go under the same token, so a row is stored once, in the raw table and in its
//!    rollups, however often and by however many processes its segment is sent. Where the warehouse may have
//!    forgotten tokens (a loss of power), rows are looked up before they are sent.
//! 3. A batch that fails holds up those behind it while the fault is the server's, and no longer: see
//!    [`delivery`].
//! 4. Memory is bounded by two segments.
//! 5. Before a segment is released, its notes (rows of the log's local tables) are in the journals of `recall`.
//! 6. Before a segment is released, what its items add up to is in the warehouse's ledger, once: see [`mod@account`].
//! 7. A flush that fails says so in its status from the first failed try on.
//!
//! Deliberately absent: merging or reordering segments, a memory of what was sent, a second queue.

mod account;
mod ahead;
mod batch;
mod dead_letters;
mod delivery;
mod remember;
mod status;
mod stored;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::config::FlushConfig;
use crate::ledger::Ledger;
use crate::recall::Recall;
use crate::task;
use crate::telemetry::traces::{Span, SpanKind};
use crate::wal::{SegmentId, Wal};
use crate::warehouse::Warehouse;
use account::account;
use ahead::{Ahead, Loaded};
use batch::Batch;
use dead_letters::DeadLetters;
use delivery::{Courier, Stopping};
use status::Board;

pub use status::FlushStatus;

/// The running flush; clones are handles on the same one.
#[derive(Clone, Debug)]
pub struct Flush {
    board: Arc<Board>,
    stopping: Arc<watch::Sender<bool>>,
    ended: watch::Receiver<bool>,
    tasks: Arc<[AbortHandle; 3]>,
}

impl Flush {
    /// Starts to empty the log into the warehouse. Dead letters go to files in `dead_letters`, which is
    /// created when there is one; they are removed when they are older than the settings allow.
    #[must_use]
    pub fn start(
        wal: Wal,
        warehouse: Warehouse,
        config: &FlushConfig,
        dead_letters: PathBuf,
        kept: Kept,
    ) -> Self {
        let board = Arc::new(Board::default());
        let (stopping, stop_seen) = watch::channel(false);
        let (ended_sender, ended) = watch::channel(false);
        let ahead = Ahead::new();
        let courier = Courier {
            warehouse,
            insert_timeout: Duration::from_millis(config.insert_timeout_ms),
            retry_max: Duration::from_millis(config.retry_max_ms),
            suspect_after: Duration::from_millis(config.suspect_after_ms),
            dead_letters: Arc::new(DeadLetters::new(dead_letters.clone())),
            buried: Arc::default(),
            ahead: ahead.clone(),
            board: Arc::clone(&board),
            stopping: stop_seen,
        };
        let retention = task::spawn(
            "dead-letter-retention",
            dead_letters::keep_for(dead_letters, config.dead_letters_retention_days),
        );
        let reader = task::spawn("flush-reader", ahead.fill(wal.clone(), Arc::clone(&board)));
        let sender = task::spawn("flush", async move {
            if run(&wal, &courier, &kept).await.is_err() {
                tracing::info!("the flush stopped; what is not in the warehouse stays in the log");
            }
            ended_sender.send_replace(true);
        });
        Self {
            board,
            stopping: Arc::new(stopping),
            ended,
            tasks: Arc::new([
                reader.abort_handle(),
                sender.abort_handle(),
                retention.abort_handle(),
            ]),
        }
    }

    /// Ends the flush. Close the log first: then this waits until the log is empty, as long as every insert
    /// succeeds at once, and no longer than until `deadline`. What is not flushed stays in the log.
    pub async fn stop(&self, deadline: Instant) {
        self.stopping.send_replace(true);
        let mut ended = self.ended.clone();
        let waiting = ended.wait_for(|ended| *ended);
        if tokio::time::timeout_at(deadline.into(), waiting).await.is_err() {
            tracing::warn!("the flush did not finish in time; what is not in the warehouse stays in the log");
        }
        for task in self.tasks.iter() {
            task.abort();
        }
    }

    /// How it is.
    #[must_use]
    pub fn status(&self) -> FlushStatus {
        self.board.status()
    }
}

/// What is kept of a segment besides its rows.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// What has become of each item.
    pub ledger: Ledger,
    /// The journals that notes in the log's table `recall` go to; without them, they are forgotten.
    pub recall: Option<Recall>,
}

/// Delivers segments until the log has ended.
async fn run(wal: &Wal, courier: &Courier, kept: &Kept) -> Result<(), Stopping> {
    while let Some(segment) = courier.ahead.take().await {
        courier.board.started(segment.id.0);
        let span = Span::begin("flush segment", SpanKind::Internal);
        let outcome = Span::around(span.as_ref(), finish(wal, courier, kept, &segment)).await;
        if let Some(span) = span.filter(Span::is_recorded) {
            let rows: usize = segment.batches.iter().map(Batch::rows).sum();
            span.note("fresnel.segment", segment.id.to_string());
            span.note("fresnel.rows", rows as i64);
            if outcome.is_err() {
                span.fail("stopping");
            }
        }
        outcome?;
    }
    Ok(())
}

/// Brings all of a segment to where it belongs, and lets the log go of it.
async fn finish(wal: &Wal, courier: &Courier, kept: &Kept, segment: &Arc<Loaded>) -> Result<(), Stopping> {
    deliver(segment, courier).await?;
    let buried = courier.take_buried();
    account(courier, &kept.ledger, wal.node(), segment, &buried).await?;
    if let Some(recall) = &kept.recall {
        remember::remember(recall, segment).await;
    }
    release(wal, segment.id).await;
    courier.board.finished();
    Ok(())
}

/// All tables of a segment, side by side.
async fn deliver(segment: &Loaded, courier: &Courier) -> Result<(), Stopping> {
    let batches = segment.batches.iter();
    try_join_all(batches.map(|batch| courier.deliver(batch, segment.tokens_forgotten))).await?;
    Ok(())
}

async fn release(wal: &Wal, id: SegmentId) {
    let log = wal.clone();
    let error = match tokio::task::spawn_blocking(move || log.release(id)).await {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error.to_string(),
        Err(panicked) => panicked.to_string(),
    };
    // The next release moves the checkpoint over this segment too; after a death before that, the
    // segment is sent again under its tokens.
    tracing::warn!(segment = %id, error, "the log's checkpoint could not be moved");
}
