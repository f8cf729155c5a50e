//! Whose quota a beacon takes from, and how much that quota is.

use std::cell::RefCell;
use std::sync::Arc;

use super::{Caller, Sender};
use crate::control::Subject as LimitsOf;
use crate::domain::account::QuotaLimits;
use crate::domain::beacon::Kind;
use crate::quota::{Ask, Class, Decision, LocalSubjects, Quotas, Who};

/// Without limits.
const UNLIMITED: QuotaLimits = QuotaLimits {
    metrics_per_hour: 0,
    events_per_hour: 0,
    api_per_minute: 0,
    external_per_minute: 0,
};

/// The quota that a kind takes from.
const fn class_of(kind: Kind) -> Class {
    match kind {
        Kind::Metric => Class::Metrics,
        Kind::Alert | Kind::Funnel | Kind::Event => Class::Events,
    }
}

/// Admits beacons as far as quotas go.
#[derive(Debug)]
pub(super) struct Admission {
    quotas: Arc<Quotas>,
    subjects: RefCell<LocalSubjects>,
    defaults: QuotaLimits,
}

impl Admission {
    /// By these quotas, with the limits of the settings.
    pub(super) fn new(quotas: Arc<Quotas>) -> Self {
        let defaults = quotas.limits();
        Self {
            quotas,
            subjects: RefCell::default(),
            defaults,
        }
    }

    /// Gives back what was admitted and then not stored.
    pub(super) fn undo(&self, decision: &Decision) {
        self.quotas.undo(decision, decision.admitted);
    }

    /// Takes items of one kind from the quota of whoever they are counted for. `user_id` is the user whom the
    /// beacons name; it counts only when a secret key vouches for it.
    pub(super) fn admit(
        &self,
        sender: &Sender<'_>,
        kind: Kind,
        user_id: Option<&str>,
        items: usize,
        now_ms: i64,
    ) -> (Class, Decision) {
        let class = class_of(kind);
        let (who, of, defaults) = match (sender.caller, user_id) {
            (Caller::Unknown { key }, _) => {
                let who = Who::Anonymous {
                    address: sender.address,
                    user_agent: sender.user_agent,
                };
                (
                    who,
                    LimitsOf {
                        key: *key,
                        ..LimitsOf::default()
                    },
                    self.defaults,
                )
            }
            (Caller::User(user), _) => {
                let of = LimitsOf {
                    user: Some(&user.id),
                    role: user.role.as_deref(),
                    ..LimitsOf::default()
                };
                (Who::User(&user.id), of, self.defaults)
            }
            (Caller::Server(key), Some(user_id)) => {
                let of = LimitsOf {
                    user: Some(user_id),
                    key: Some(*key),
                    ..LimitsOf::default()
                };
                (Who::User(user_id), of, self.defaults)
            }
            // A program that posts for no user has no user's quota; it may be given one of its own.
            (Caller::Server(key), None) => {
                let of = LimitsOf {
                    key: Some(*key),
                    ..LimitsOf::default()
                };
                (Who::Key(*key), of, UNLIMITED)
            }
        };
        let of = LimitsOf {
            endpoint: Some(kind),
            ..of
        };
        let limits = sender.project.limits(&of, defaults);
        let limit = match class {
            Class::Metrics => limits.metrics_per_hour,
            Class::Events => limits.events_per_hour,
            Class::Api => limits.api_per_minute,
            Class::External => limits.external_per_minute,
        };
        let ask = Ask {
            subject: self
                .subjects
                .borrow_mut()
                .subject(&self.quotas, sender.project_id(), who, now_ms),
            class,
            limit,
            network_limit: self.quotas.network_limit(limit),
            items: u32::try_from(items).unwrap_or(u32::MAX),
        };
        (class, self.quotas.admit(&ask, now_ms))
    }
}
