//! Work that one node at a time does.

use std::time::Duration;

use crate::control::statement::Step;
use crate::control::{Control, ControlError};

/// The right to do some work, for a time. Nodes must have the same time, to a few seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The work.
    pub name: &'static str,
    /// Who does it: a name that a node keeps over its restarts.
    pub holder: String,
}

impl Lease {
    /// Fails a change when somebody else has the work.
    pub(super) fn still_held(&self) -> Step {
        let sql = "SELECT 1 FROM leases WHERE name = $1 AND holder = $2";
        Step::new(sql, [self.name.into(), self.holder.as_str().into()]).or(Self::LOST)
    }

    /// Somebody else has the work.
    pub const LOST: ControlError = ControlError::Conflict { field: "lease" };
}

impl Control {
    /// Takes a lease, or keeps it for longer. False when somebody else has it.
    ///
    /// # Errors
    /// The store cannot be asked.
    pub async fn hold(&self, lease: &Lease, now_ms: i64, time: Duration) -> Result<bool, ControlError> {
        let until_ms = now_ms.saturating_add(i64::try_from(time.as_millis()).unwrap_or(i64::MAX));
        let step = Step::new(
            "INSERT INTO leases (name, holder, until_ms) VALUES ($1, $2, $3) ON CONFLICT (name) DO UPDATE \
             SET holder = excluded.holder, until_ms = excluded.until_ms WHERE leases.holder = $2 OR leases.until_ms <= $4",
            [
                lease.name.into(),
                lease.holder.as_str().into(),
                until_ms.into(),
                now_ms.into(),
            ],
        );
        match self.inner.store.change(vec![step.or(Lease::LOST)]).await {
            Ok(()) => Ok(true),
            Err(error) if error == Lease::LOST => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Gives a lease back, so that the next one need not wait for its end.
    ///
    /// # Errors
    /// The store cannot be changed; the lease ends by itself.
    pub async fn give_back(&self, lease: &Lease) -> Result<(), ControlError> {
        let sql = "DELETE FROM leases WHERE name = $1 AND holder = $2";
        let step = Step::new(sql, [lease.name.into(), lease.holder.as_str().into()]);
        self.inner.store.change(vec![step]).await
    }
}
