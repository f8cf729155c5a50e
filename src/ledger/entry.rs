//! What items are counted by.

use std::sync::Arc;

use crate::domain::ledger::{ItemKind, Outcome};

const MINUTES_OF_HOUR: u32 = 60;

/// What items have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    /// The project.
    pub project: Arc<str>,
    /// Minute since 1970 in which they were received.
    pub minute: u32,
    /// What they are about.
    pub kind: ItemKind,
    /// What has become of them.
    pub outcome: Outcome,
}

impl Entry {
    pub(super) fn of_hour(&self) -> Self {
        Self {
            minute: self.minute - self.minute % MINUTES_OF_HOUR,
            ..self.clone()
        }
    }
}

/// Some of the items of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// What they are about.
    pub kind: ItemKind,
    /// What has become of them.
    pub outcome: Outcome,
    /// How many they are.
    pub items: u32,
}

/// All items of one request. One is the rule, and costs no memory of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shares {
    /// All have the same fate.
    One(Share),
    /// Of a batch.
    Many(Vec<Share>),
}

impl Shares {
    /// The shares.
    #[must_use]
    pub fn as_slice(&self) -> &[Share] {
        match self {
            Self::One(share) => std::slice::from_ref(share),
            Self::Many(shares) => shares,
        }
    }
}
