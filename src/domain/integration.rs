//! Third-party services that a product depends on.
//!
//! | word | is |
//! |---|---|
//! | service | a vendor's API as the catalogue knows it, like `stripe` |
//! | integration | a project's own use of a service: what it differs in, its credential, its hook |
//! | slug | the name of an integration within its project and in addresses, like `stripe` or `stripe-eu` |
//! | hook | where the vendor's webhooks arrive |
//! | sync | data of the vendor reaching the project: by its webhooks, by polling, or by hand |
//! | contact | a call, a probe, a poll or a webhook, as it is written down |
//! | relay | the way of a product's calls to the vendor, through Fresnel |

mod contact;
mod definition;
mod effective;
mod maintenance;
mod poll;
mod secrets;
mod service;
mod signature;
mod slug;

pub use contact::{Contact, ContactOutcome, Side};
pub use definition::{Integration, IntegrationDefinition};
pub use effective::Effective;
pub use maintenance::MaintenanceWindow;
pub use poll::{PollOutcome, PollState, within};
pub use secrets::{Credential, IntegrationSecrets, OAuthClient};
pub use service::{
    AnswerCaching, Authorization, BatchedPath, CachedPath, Probe, RateLimit, RetryClasses, Service, Sla,
    SyncMethod, TaskCaching,
};
pub use signature::{Digest, Encoding, SignatureScheme};
pub use slug::Slug;
