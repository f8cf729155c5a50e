//! The way of many beacons in one body: the same steps as for one, and one commit for all.

use std::collections::HashMap;
use std::rc::Rc;

use super::batch::{self, Batch, RefusedItem};
use super::bookkeeping::{Fates, put_notes};
use super::dedup::Reservation;
use super::outcome::{BatchOutcome, BatchRefusal};
use super::refine::ProjectRules;
use super::rejection::Rejection;
use super::sender::Sender;
use super::settling::Settling;
use super::{Body, Ingest, decode, encode, put_note};
use crate::domain::beacon::Kind;
use crate::domain::enrichment::Enrichment;
use crate::domain::ledger::{DropReason, Outcome, minute_of};
use crate::recall::Note;

/// A batch whose beacons have been looked at.
pub(super) struct TakenUp<'t> {
    rules: Rc<ProjectRules>,
    pub(super) batch: Batch<'t>,
    enrichment: Enrichment,
    /// Kinds of the beacons that robots sent.
    robots: Vec<Kind>,
    /// Kinds of the beacons that are stored since an earlier time.
    pub(super) repeated: Vec<Kind>,
    /// The right to store the others, by their places in the batch.
    pub(super) reservations: HashMap<usize, Reservation>,
}

impl Ingest {
    /// Takes the valid beacons of a batch up to the log, as far as the quotas go, all in one commit.
    ///
    /// # Errors
    /// The reason why none is taken; give it to [`Ingest::note_batch_dropped`] before the answer.
    pub fn accept_batch(
        &self,
        sender: &Sender<'_>,
        body: Body<'_>,
        received_at_ms: i64,
    ) -> Result<(BatchOutcome, Settling), BatchRefusal> {
        let text = self.json_text(body)?;
        let taken = self.take_up(sender, &text, received_at_ms)?;
        self.store_batch(sender, taken, received_at_ms)
    }

    /// All steps up to the question which of its beacons have come before.
    pub(super) fn take_up<'t>(
        &self,
        sender: &Sender<'_>,
        text: &'t [u8],
        received_at_ms: i64,
    ) -> Result<TakenUp<'t>, Rejection> {
        let (rules, mut batch) = self.looked_at(sender, text, received_at_ms)?;
        let (enrichment, is_robot) = self.look(sender, received_at_ms);
        let robots = if is_robot { batch.take_all() } else { Vec::new() };
        let (repeated, reservations) =
            batch.without_repeated(|beacon| self.seen(sender, beacon, received_at_ms));
        Ok(TakenUp {
            rules,
            batch,
            enrichment,
            robots,
            repeated,
            reservations,
        })
    }

    /// The steps from there into the log.
    pub(super) fn store_batch(
        &self,
        sender: &Sender<'_>,
        taken: TakenUp<'_>,
        received_at_ms: i64,
    ) -> Result<(BatchOutcome, Settling), BatchRefusal> {
        let TakenUp {
            rules,
            mut batch,
            enrichment,
            robots,
            repeated,
            mut reservations,
        } = taken;
        let mut fates = Fates::default();
        fates.drop_each(&robots, DropReason::Robot);
        fates.drop_each(&repeated, DropReason::Duplicate);
        let mut decisions = Vec::new();
        for group in batch.groups() {
            let user_id = group.user_id.as_deref();
            let decided = self
                .admission
                .admit(sender, group.kind, user_id, group.items, received_at_ms);
            batch.keep_first(decided.1.admitted, &group);
            decisions.push(decided);
        }
        for item in &batch.refused {
            fates.add(item.kind.into(), Outcome::Dropped(item.reason()), 1);
        }
        self.count_refused_items(&batch.refused);
        if batch.beacons.is_empty() && repeated.is_empty() && robots.is_empty() {
            let rejection = batch.why_nothing_is_left(decisions);
            return Err(BatchRefusal { rejection, fates });
        }
        for (kind, items) in batch.take_client_lost(&robots) {
            fates.add(kind, Outcome::ClientLost, items);
        }
        for item in &mut batch.beacons {
            self.refiner
                .refine(&rules, sender.project_id(), &mut item.beacon, received_at_ms);
            fates.add(item.kind.into(), Outcome::Accepted, 1);
        }
        let has_priority = batch.beacons.iter().any(|item| item.kind.has_priority());
        // Those beyond the quota are not stored: their ids may come again.
        let left = &batch.beacons;
        reservations.retain(|place, _| left.binary_search_by_key(place, |item| item.index).is_ok());
        let booking = self.books.batch(sender.project_id(), &fates, received_at_ms);
        let appended = self.lane.append(has_priority, |rows| {
            for item in &batch.beacons {
                rows.row(item.kind.table(), |row| {
                    encode::encode(&item.beacon, sender.project_id(), &enrichment, row);
                });
                let event = reservations.get(&item.index).map(Reservation::mark);
                put_note(rows, &Note { count: None, event });
            }
            for (_, decision) in &decisions {
                let count = decision.count();
                put_note(rows, &Note { count, event: None });
            }
            let minute = minute_of(received_at_ms);
            put_notes(rows, sender.project_id(), minute, fates.as_slice());
        });
        let commit = match appended {
            Ok(commit) => commit,
            Err(error) => {
                booking.cancel();
                for (_, decision) in &decisions {
                    self.admission.undo(decision);
                }
                return Err(BatchRefusal::of_log(error, fates));
            }
        };
        batch
            .beacons
            .iter()
            .for_each(|item| self.tap(sender, &item.beacon, &enrichment));
        let outcome = BatchOutcome {
            kinds: batch.beacons.iter().map(|item| item.kind).collect(),
            repeated,
            robots,
            refused: batch.refused,
            decisions,
            fates,
        };
        let commit = Settling::new(commit, booking, reservations.into_values());
        Ok((outcome, commit))
    }

    /// Looks at a batch as [`Ingest::accept_batch`] does, and keeps nothing.
    ///
    /// # Errors
    /// The reason why nothing of it would be taken.
    pub fn check_batch(
        &self,
        sender: &Sender<'_>,
        body: Body<'_>,
        received_at_ms: i64,
    ) -> Result<BatchOutcome, Rejection> {
        let text = self.json_text(body)?;
        let (_, batch) = self.looked_at(sender, &text, received_at_ms)?;
        if batch.beacons.is_empty() {
            return Err(Rejection::Invalid(batch::faults_of_all(&batch.refused)));
        }
        Ok(BatchOutcome {
            kinds: batch.beacons.iter().map(|item| item.kind).collect(),
            repeated: Vec::new(),
            robots: Vec::new(),
            refused: batch.refused,
            decisions: Vec::new(),
            fates: Fates::default(),
        })
    }

    /// Notes in the ledger what becomes of the items of a batch of which nothing is taken, and waits until the note is
    /// durable, unless the log cannot be written.
    pub async fn note_batch_dropped(&self, project_id: &str, refusal: &BatchRefusal, at_ms: i64) {
        if let Some(shares) = refusal.fates.clone().into_shares() {
            self.books.note(project_id, shares, at_ms).await;
        }
    }

    fn looked_at<'t>(
        &self,
        sender: &Sender<'_>,
        text: &'t [u8],
        received_at_ms: i64,
    ) -> Result<(Rc<ProjectRules>, Batch<'t>), Rejection> {
        let value = decode::decode(text, &self.shape).map_err(Rejection::BadJson)?;
        let rules = self.refiner.rules_of(&sender.project.project);
        let batch = batch::look_at(value, received_at_ms, &rules.rules).map_err(Rejection::Invalid)?;
        Ok((rules, batch))
    }

    fn count_refused_items(&self, refused: &[RefusedItem]) {
        for item in refused {
            let kind = item.kind.map_or(super::KINDS_COUNTED - 1, |kind| kind as usize);
            self.counters.rejected(kind, item.reason() as usize);
        }
    }
}
