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
//! - The **relay** carries the product's calls, **hooks** take the vendors' webhooks, the **watcher** looks whether vendors are there and asks them for
//!   what is new. All three write down what passed: `vendor_calls`, from which `crate::query::vendors` says how each does.

mod ask;
mod call;
mod catalogue;
pub mod evidence;
mod health;
pub mod hooks;
pub mod poll;
pub mod relay;
mod rotation;
mod secrets;
mod status_pages;
mod tokens;
mod trial;
pub mod watcher;

use std::collections::HashMap;
use std::sync::Arc;

use crate::control::Control;
use crate::domain::integration::{Effective, Integration};
use crate::outbound::Outbound;

use evidence::Signer;
use status_pages::StatusPages;
use tokens::Tokens;

pub use catalogue::{CUSTOM, Catalogue, CatalogueError};
pub use health::{Health, Reason, health};
pub use secrets::{Secrets, Unreadable};
pub use status_pages::ExternalStatus;
pub use trial::{Trial, TrialOutcome};

/// What is known of services, and the way to them. A clone is cheap and is the same.
#[derive(Clone, Debug)]
pub struct Integrations(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    catalogue: Catalogue,
    secrets: Secrets,
    outbound: Outbound,
    status_pages: StatusPages,
    signer: Signer,
    control: Control,
    tokens: Tokens,
}

impl Integrations {
    /// With this catalogue, the vault's secrets, and this door. Refresh tokens that vendors replace go to the control store.
    #[must_use]
    pub fn new(
        catalogue: Catalogue,
        secrets: Secrets,
        outbound: Outbound,
        signer: Signer,
        control: Control,
    ) -> Self {
        Self(Arc::new(Inner {
            catalogue,
            secrets,
            outbound,
            status_pages: StatusPages::default(),
            signer,
            control,
            tokens: Tokens::default(),
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

    /// What vendors say about how they do, by the addresses of their pages. Nobody waits longer than 600 ms.
    pub async fn external_statuses<'u>(
        &self,
        urls: impl IntoIterator<Item = &'u str>,
    ) -> HashMap<String, ExternalStatus> {
        self.0.status_pages.all(&self.0.outbound, urls).await
    }

    /// What signs evidence.
    #[must_use]
    pub fn signer(&self) -> &Signer {
        &self.0.signer
    }

    fn control(&self) -> &Control {
        &self.0.control
    }

    fn tokens(&self) -> &Tokens {
        &self.0.tokens
    }

    fn outbound(&self) -> &Outbound {
        &self.0.outbound
    }
}
