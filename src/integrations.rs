//! Integrations: the third-party services that a product depends on.
//!
//! ```text
//! catalogue.toml + the user's file ─► Catalogue ─┐
//! people ─► Control: integrations, sealed secrets ─┴─► what holds of each (`Effective`) ─► call ─► outbound ─► vendor
//! ```
//!
//! - The **[`Catalogue`]** is data: what is known of a vendor's API, whoever uses it.
//! - An **integration** is a project's use of a service. Its secrets are kept sealed with its own id ([`Secrets`]), and
//!   never shown.

mod ask;
mod call;
mod catalogue;
pub mod hooks;
pub mod poll;
pub mod relay;
mod rotation;
mod secrets;
mod trial;
pub mod watcher;

use std::sync::Arc;

use crate::domain::integration::{Effective, Integration};
use crate::outbound::Outbound;

pub use catalogue::{CUSTOM, Catalogue, CatalogueError};
pub use secrets::{Secrets, Unreadable};
pub use trial::{Trial, TrialOutcome};

/// What is known of services, and the way to them. A clone is cheap and is the same.
#[derive(Clone, Debug)]
pub struct Integrations(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    catalogue: Catalogue,
    secrets: Secrets,
    outbound: Outbound,
}

impl Integrations {
    /// With this catalogue, the vault's secrets, and this door.
    #[must_use]
    pub fn new(catalogue: Catalogue, secrets: Secrets, outbound: Outbound) -> Self {
        Self(Arc::new(Inner {
            catalogue,
            secrets,
            outbound,
        }))
    }

    /// The services that are known.
    #[must_use]
    pub fn catalogue(&self) -> &Catalogue {
        &self.0.catalogue
    }

    /// What opens and seals the secrets of integrations.
    #[must_use]
    pub fn secrets(&self) -> &Secrets {
        &self.0.secrets
    }

    /// What holds of an integration.
    #[must_use]
    pub fn effective(&self, integration: &Integration) -> Effective {
        let service = self.0.catalogue.service(&integration.service);
        Effective::of(service.map(|service| &**service), &integration.definition)
    }

    fn outbound(&self) -> &Outbound {
        &self.0.outbound
    }
}
