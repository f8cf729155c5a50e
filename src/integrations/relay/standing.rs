//! What others ask of the relay: how it stands with a vendor, and that it is told what they have heard.

use super::vendor::Retrying;
use super::{Relay, Room};
use crate::breaker::{Outcome, State};
use crate::domain::integration::{ContactOutcome, Effective, Integration};

impl Relay {
    /// Room for bodies that are held.
    #[must_use]
    pub fn room(&self) -> &Room {
        &self.0.room
    }

    /// Whether third-party services are called, and may call.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.0.is_enabled
    }

    /// How the breaker before an integration's vendor stands.
    #[must_use]
    pub fn breaker(&self, integration: &Integration) -> State {
        let vendor = self.0.vendors.of(integration.id, &integration.slug);
        vendor.circuit.status().state
    }

    /// Whether the vendor's limit leaves room for a call of our own, which takes it.
    #[must_use]
    pub fn has_room(&self, integration: &Integration, effective: &Effective) -> bool {
        let vendor = self.0.vendors.of(integration.id, &integration.slug);
        vendor.has_room(effective.rate_limit)
    }

    /// Calls of the last window, and how many the vendor takes in one; none when it has no limit.
    #[must_use]
    pub fn used(&self, integration: &Integration, effective: &Effective) -> Option<(u32, u32)> {
        let limit = effective.rate_limit?;
        let vendor = self.0.vendors.of(integration.id, &integration.slug);
        Some((vendor.used(limit), limit.calls))
    }

    /// The call to the vendor that waits for its next try, if one does.
    #[must_use]
    pub fn retrying(&self, integration: &Integration) -> Option<Retrying> {
        self.0.vendors.of(integration.id, &integration.slug).retrying()
    }

    /// Tells the breaker how a call of our own ended, if it would have let it through.
    pub fn heard(&self, integration: &Integration, outcome: ContactOutcome) {
        let vendor = self.0.vendors.of(integration.id, &integration.slug);
        if let Ok(admitted) = vendor.circuit.admit() {
            admitted.part().ended(match outcome {
                ContactOutcome::Answered => Outcome::Success,
                _ => Outcome::Failure,
            });
        }
    }

    /// Closes the breaker before an integration's vendor, and forgets the answers that are kept of it.
    pub fn reset(&self, integration: &Integration) {
        self.0
            .vendors
            .of(integration.id, &integration.slug)
            .circuit
            .close();
        self.0.kept.forget(integration.id);
    }
}
