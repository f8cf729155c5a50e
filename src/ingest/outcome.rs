//! What became of what was posted.

use uuid::Uuid;

use super::batch::RefusedItem;
use super::bookkeeping::Fates;
use super::rejection::Rejection;
use super::settling::Settling;
use crate::domain::beacon::Kind;
use crate::quota::{Class, Decision};
use crate::wal::AppendError;

/// What became of a beacon that was not refused.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "the largest is the rule; a box would cost each beacon an allocation"
)]
pub enum Outcome {
    /// It stands in the log.
    Stored(Accepted),
    /// It is durable since an earlier time, under this id.
    Repeated(Uuid),
    /// It is a known robot's, and dropped.
    Robot(Uuid),
}

/// A beacon that stands in the log.
#[derive(Debug)]
pub struct Accepted {
    /// Its id.
    pub event_id: Uuid,
    /// Resolves when it is durable.
    pub commit: Settling,
    /// Which quota it took from.
    pub class: Class,
    /// How that quota stands.
    pub decision: Decision,
}

/// What became of a batch.
#[derive(Debug)]
pub struct BatchOutcome {
    /// The kinds of the items that were taken.
    pub kinds: Vec<Kind>,
    /// The kinds of the items that are stored since an earlier time: they are taken too, and stored once.
    pub repeated: Vec<Kind>,
    /// The kinds of the items that are dropped because a known robot sent them; it is answered as if they were taken.
    pub robots: Vec<Kind>,
    /// The items that were not.
    pub refused: Vec<RefusedItem>,
    /// How the quotas stand that it took from.
    pub decisions: Vec<(Class, Decision)>,
    /// What the ledger says of each item.
    pub(super) fates: Fates,
}

impl BatchOutcome {
    /// The commit has failed: nothing of it is taken.
    #[must_use]
    pub fn not_committed(self, error: AppendError) -> BatchRefusal {
        BatchRefusal::of_log(error, self.fates)
    }
}

/// Why nothing of a batch was taken.
#[derive(Clone, Debug)]
pub struct BatchRefusal {
    /// What the sender is told.
    pub rejection: Rejection,
    /// What the ledger is to say of each of its items.
    pub(super) fates: Fates,
}

impl BatchRefusal {
    /// The log did not take it.
    pub(super) fn of_log(error: AppendError, mut fates: Fates) -> Self {
        let rejection = Rejection::from(error);
        if let Some(reason) = rejection.drop_reason() {
            fates.none_accepted(reason);
        }
        Self { rejection, fates }
    }
}

impl From<Rejection> for BatchRefusal {
    /// For a body that was not looked into.
    fn from(rejection: Rejection) -> Self {
        let fates = Fates::of_body(&rejection);
        Self { rejection, fates }
    }
}
