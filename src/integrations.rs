//! Integrations: the third-party services that a product depends on.
//!
//! ```text
//! catalogue.toml + the user's file ─► Catalogue ─┐
//! people ─► Control: integrations, sealed secrets ─┴─► what holds of each (`Effective`)
//! ```
//!
//! - The **[`Catalogue`]** is data: what is known of a vendor's API, whoever uses it.
//! - An **integration** is a project's use of a service. Its secrets are kept sealed with its own id ([`Secrets`]), and
//!   never shown.

mod catalogue;
mod secrets;

pub use catalogue::{CUSTOM, Catalogue, CatalogueError};
pub use secrets::{Secrets, Unreadable};
