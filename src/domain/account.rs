//! Who may post, who may look, and how much.
//!
//! A **project** owns all data. Programs show an **API key**: a *browser* key is public, only posts, and only
//! from the project's origins; a *server* key is secret and has scopes; a *read* key is secret and only looks.
//! People are **users** with a **role** in each project; an instance owner may everything everywhere. End users
//! of a product are no users here: they are the subjects of **JWTs** that a project's issuers sign.
//!
//! Everything here is valid by construction: texts are parsed into types with private fields, and a fault is a
//! [`FieldError`](super::field_error::FieldError). No secret is kept in clear text but those that Fresnel itself
//! must use (the HS256 secret of an issuer); these are [`Secret`](crate::config::Secret)s and never serialised.

mod audit;
mod funnel;
mod jwt;
mod key;
mod origin;
mod project;
mod quota;
mod secret;
mod settings;
mod text;
mod thresholds;
mod user;

pub use audit::{Actor, ActorKind, AuditEntry, AuditLevel, By};
pub use funnel::FunnelDefinition;
pub use jwt::{JwtIssuer, JwtKeys};
pub use key::{ApiKey, KeyKind, Scope, Scopes, Sha256Sum};
pub use origin::Origin;
pub use project::{Project, ProjectId};
pub use quota::{PartialLimits, QuotaLimits, QuotaOverride, QuotaTarget, QuotaTargetFields};
pub use secret::{new_secret, sha256, shown};
pub use settings::{GroupingRule, OverflowMode, ProjectSettings, ScrubRule};
pub use text::{Email, Name, TimeZoneName};
pub use thresholds::{ShareThreshold, Statistic, Threshold, ThresholdState, Thresholds};
pub use user::{Membership, OneTimeToken, Role, Session, TokenPurpose, User};
