//! One batch to the warehouse, whatever it takes: the same bytes under the same token until there is a
//! definite answer. Then the batch is stored, or the row that ClickHouse refuses is cut out of it.
//!
//! What a failure means:
//! - **Nothing was sent, or no answer came** (`Unavailable`, `Ambiguous`): again, for ever.
//! - **ClickHouse cannot read the rows** (`Refused`): they are halved until the row is alone; it goes to the
//!   dead letters.
//! - **ClickHouse failed otherwise** (`Failed`): again. After `flush.suspect_after_ms` the batch behind is tried as a
//!   control. If that one fails too, the fault is the server's, and waiting is all that helps. If it passes,
//!   the fault is in this batch: what of it is stored already is left out (the raw table may have taken the
//!   rows before a rollup failed), and the rest is halved.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::RngExt;
use tokio::sync::watch;
use tokio::time::Instant;

use super::ahead::Ahead;
use super::batch::Batch;
use super::dead_letters::DeadLetters;
use super::status::Board;
use super::stored::stored_ids;
use crate::domain::beacon::Kind;
use crate::domain::ledger::{DropReason, Outcome};
use crate::ledger::Sums;
use crate::telemetry::traces::{Span, SpanKind};
use crate::warehouse::{Connections, Insert, InsertError, SelectError, Warehouse};

/// First pause between two tries.
const PAUSE_MIN: Duration = Duration::from_millis(50);
/// Most refused inserts for one batch: enough to single out hundreds of rows. Beyond it, what is refused
/// goes to the dead letters in the pieces that it has by then.
const REFUSALS_MAX: u32 = 10_000;

/// Carries batches to the warehouse.
#[derive(Clone, Debug)]
pub(super) struct Courier {
    pub(super) warehouse: Warehouse,
    pub(super) insert_timeout: Duration,
    pub(super) retry_max: Duration,
    /// Time for which a batch must have failed with definite answers before it is suspected itself.
    pub(super) suspect_after: Duration,
    pub(super) dead_letters: Arc<DeadLetters>,
    /// Rows of the segment under way that went to the dead letters.
    pub(super) buried: Arc<Mutex<Sums>>,
    pub(super) ahead: Ahead,
    pub(super) board: Arc<Board>,
    /// True when no failed insert may be tried again, because the process is about to end.
    pub(super) stopping: watch::Receiver<bool>,
}

/// The process is about to end: what is not stored stays in the log.
#[derive(Debug)]
pub(super) struct Stopping;

/// A definite answer about a batch.
pub(super) enum Verdict {
    Stored,
    /// ClickHouse cannot read a row of it, and stored none.
    Refused {
        code: u32,
        message: String,
    },
    /// Every answer was another failure, for a long time.
    Stuck {
        code: u32,
        message: String,
    },
}

impl Courier {
    /// Brings a batch into the warehouse, but for rows that it refuses.
    pub(super) async fn deliver(&self, batch: &Batch, tokens_forgotten: bool) -> Result<(), Stopping> {
        if tokens_forgotten {
            return self.deliver_rest(batch).await;
        }
        match self.until_definite(batch, true).await? {
            Verdict::Stored => Ok(()),
            Verdict::Refused { code, message } => {
                // A try before it, whose answer was lost, may have stored the rows.
                let rest = self.without_stored(batch).await?;
                self.deliver_pieces(&rest, code, &message).await
            }
            Verdict::Stuck { .. } => self.deliver_rest(batch).await,
        }
    }

    /// Delivers the rows that are not in the warehouse.
    async fn deliver_rest(&self, batch: &Batch) -> Result<(), Stopping> {
        let rest = self.without_stored(batch).await?;
        if rest.rows() == 0 {
            return Ok(());
        }
        match self.until_definite(&rest, false).await? {
            Verdict::Stored => Ok(()),
            Verdict::Refused { code, message } | Verdict::Stuck { code, message } => {
                self.deliver_pieces(&rest, code, &message).await
            }
        }
    }

    /// Cuts a batch that was refused until what is refused is alone. Breadth first, so that the pieces are
    /// small if there are too many of them.
    async fn deliver_pieces(&self, batch: &Batch, code: u32, message: &str) -> Result<(), Stopping> {
        if batch.rows() == 0 {
            return Ok(());
        }
        tracing::error!(
            table = batch.table,
            rows = batch.rows(),
            token = batch.token(),
            code,
            message,
            "the warehouse refuses a batch; the rows at fault go to the dead letters"
        );
        let mut refused = VecDeque::from([(batch.clone(), code, message.to_owned())]);
        let mut refusals = 1;
        while let Some((batch, code, message)) = refused.pop_front() {
            if batch.rows() <= 1 || refusals >= REFUSALS_MAX {
                self.bury(batch, code, message).await?;
                continue;
            }
            for half in batch.halves() {
                match self.until_definite(&half, false).await? {
                    Verdict::Stored => {}
                    Verdict::Refused { code, message } | Verdict::Stuck { code, message } => {
                        let rest = self.without_stored(&half).await?;
                        refusals += 1;
                        if rest.rows() > 0 {
                            refused.push_back((rest, code, message));
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Sends a batch until there is a definite answer. A `whole` one, as the log holds it, is suspected only
    /// when the one behind it passes.
    pub(super) async fn until_definite(&self, batch: &Batch, whole: bool) -> Result<Verdict, Stopping> {
        let span = Span::begin("insert", SpanKind::Client);
        let mut failures = 0;
        let outcome = self.try_until_definite(batch, whole, &mut failures).await;
        if let Some(span) = span.filter(Span::is_recorded) {
            tell(&span, batch, failures, &outcome);
        }
        outcome
    }

    async fn try_until_definite(
        &self,
        batch: &Batch,
        whole: bool,
        failures: &mut u32,
    ) -> Result<Verdict, Stopping> {
        let mut connections = self.warehouse.connections();
        let mut failing_since = None;
        // A refusal counts when it is said twice: a request that something cut on its way looks like a row
        // that is cut, and an earlier try of the same rows may still be under way.
        let mut refused_before = false;
        loop {
            self.or_stopping(connections.connected()).await?;
            let error = match self.send(batch).await {
                Ok(()) => {
                    if !batch.is_sums {
                        self.board.stored(batch.rows());
                    }
                    return Ok(Verdict::Stored);
                }
                Err(InsertError::Refused { code, message }) if refused_before => {
                    return Ok(Verdict::Refused { code, message });
                }
                Err(error) => error,
            };
            refused_before |= matches!(error, InsertError::Refused { .. });
            *failures += 1;
            self.board.failed(error.to_string());
            if *failures == 1 {
                tracing::warn!(table = batch.table, rows = batch.rows(), token = batch.token(), %error, "an insert failed and will be repeated");
            }
            if let InsertError::Failed { code, message } = error {
                let since = *failing_since.get_or_insert_with(Instant::now);
                if since.elapsed() >= self.suspect_after {
                    if !whole || self.the_next_passes(&batch.table).await {
                        return Ok(Verdict::Stuck { code, message });
                    }
                    failing_since = None;
                }
            }
            self.pause(*failures, &mut connections).await?;
        }
    }

    /// True when the batch of this table in the segment behind the one under way can be stored.
    async fn the_next_passes(&self, table: &str) -> bool {
        let Some(next) = self.ahead.peek() else {
            return false;
        };
        let batch = next.batches.iter().find(|batch| batch.table == table);
        match batch {
            // Its turn comes, and then its token says that it is stored.
            Some(batch) if !next.tokens_forgotten => self.send(batch).await.is_ok(),
            _ => false,
        }
    }

    async fn send(&self, batch: &Batch) -> Result<(), InsertError> {
        let token = batch.token();
        let insert = Insert {
            table: &batch.table,
            columns: &batch.columns,
            token: &token,
            // ClickHouse refuses an id that is under way; an earlier try may be.
            query_id: &format!("{token}#{:08x}", rand::rng().random::<u32>()),
            timeout: self.insert_timeout,
        };
        self.warehouse.insert(insert, batch.payload()).await
    }

    /// Leaves out what is in the warehouse; asks until there is an answer.
    async fn without_stored(&self, batch: &Batch) -> Result<Batch, Stopping> {
        let ask = || stored_ids(&self.warehouse, batch);
        let stored = self.until_answered(ask, "looking up what is stored").await?;
        let rest = batch.without(&stored);
        let found = batch.rows() - rest.rows();
        if found > 0 {
            tracing::warn!(
                table = batch.table,
                token = batch.token(),
                rows = found,
                "rows are in the warehouse already and are not sent again; if an insert broke off behind the raw table, rollups lack them"
            );
        }
        self.board.found_stored(found);
        Ok(rest)
    }

    /// Asks the warehouse until there is an answer.
    pub(super) async fn until_answered<T, A>(
        &self,
        ask: impl Fn() -> A,
        doing: &'static str,
    ) -> Result<T, Stopping>
    where
        A: Future<Output = Result<T, SelectError>>,
    {
        let mut connections = self.warehouse.connections();
        let mut failures = 0;
        loop {
            self.or_stopping(connections.connected()).await?;
            match ask().await {
                Ok(answer) => return Ok(answer),
                Err(error) => {
                    failures += 1;
                    self.board.failed(format!("{doing}: {error}"));
                    self.pause(failures, &mut connections).await?;
                }
            }
        }
    }

    /// The sums of the rows that went to the dead letters since the last call.
    pub(super) fn take_buried(&self) -> Sums {
        std::mem::take(&mut self.buried.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn account_for_buried(&self, batch: &Batch) {
        let kind = Kind::ALL
            .into_iter()
            .find(|kind| kind.table().name() == batch.table);
        if let Some(kind) = kind {
            let rows: Vec<_> = batch.each_row().collect();
            let outcome = Outcome::Dropped(DropReason::DeadLetter);
            let mut buried = self.buried.lock().unwrap_or_else(PoisonError::into_inner);
            buried.add_alike(kind.into(), outcome, rows.iter().map(|row| &row[..]));
        }
    }

    /// Writes refused rows down; tries until it is done, because nothing may be lost.
    pub(super) async fn bury(&self, batch: Batch, code: u32, message: String) -> Result<(), Stopping> {
        let mut connections = self.warehouse.connections();
        let mut failures = 0;
        let rows = batch.rows();
        let (batch, message) = (Arc::new(batch), Arc::new(message));
        loop {
            let (letters, buried, message) = (
                Arc::clone(&self.dead_letters),
                Arc::clone(&batch),
                Arc::clone(&message),
            );
            let bury = move || letters.bury(&buried, code, &message);
            let error = match tokio::task::spawn_blocking(bury).await {
                Ok(Ok(())) => {
                    self.board.buried(rows);
                    self.account_for_buried(&batch);
                    return Ok(());
                }
                Ok(Err(error)) => error.to_string(),
                Err(panicked) => panicked.to_string(),
            };
            failures += 1;
            self.board.failed(format!("writing dead letters: {error}"));
            self.pause(failures, &mut connections).await?;
        }
    }

    /// Waits before the next try: longer each time, never all at once with others, and not at all when the
    /// connection is another one.
    async fn pause(&self, failures: u32, connections: &mut Connections) -> Result<(), Stopping> {
        let longest = PAUSE_MIN
            .saturating_mul(1 << failures.min(16))
            .min(self.retry_max.max(PAUSE_MIN));
        let pause = longest.mul_f64(rand::rng().random_range(0.5..=1.0));
        self.or_stopping(async {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = connections.changed() => {}
            }
        })
        .await
    }

    async fn or_stopping(&self, wait: impl Future<Output = ()>) -> Result<(), Stopping> {
        let mut stopping = self.stopping.clone();
        tokio::select! {
            biased;
            () = wait => Ok(()),
            _ = stopping.wait_for(|stopping| *stopping) => Err(Stopping),
        }
    }
}

/// What a trace holds of an insert.
fn tell(span: &Span, batch: &Batch, failures: u32, outcome: &Result<Verdict, Stopping>) {
    let (answers, kind) = match outcome {
        Ok(Verdict::Stored) => (1, None),
        Ok(Verdict::Refused { .. }) => (1, Some("refused")),
        Ok(Verdict::Stuck { .. }) => (0, Some("stuck")),
        Err(Stopping) => (0, Some("stopping")),
    };
    span.note("db.system.name", "clickhouse");
    span.note("db.operation.name", "INSERT");
    span.note("db.collection.name", batch.table.clone());
    span.note("fresnel.rows", batch.rows() as i64);
    span.note("fresnel.tries", i64::from(failures + answers));
    if let Some(kind) = kind {
        span.fail(kind);
    }
}
