//! Control data of alerts: rules and where they stand, channels, what keeps them quiet, alerts, and the outbox.
//!
//! ```text
//! people ─► rules, channels, silences, inhibitions, acknowledgements ─► AlertBook (a picture, like the directory)
//!                                                                           │
//!            record(): states + alerts + history + tellings + outbox ◄── evaluator, under a lease
//!                              │ one transaction
//!                              ▼
//!            claim() ─► deliverer ─► settle(): state of the notice + delivery log
//! ```

mod alerts;
mod book;
pub(super) mod channels;
mod kept;
mod lease;
mod outbox;
mod quiet;
mod record;
mod reports;
pub(super) mod rows;
pub(super) mod rules;
mod states;

pub use alerts::{AlertFilter, AlertStateFilter, DayCount};
pub use book::AlertBook;
pub use channels::NewChannel;
pub use kept::{RuleState, StoredChannel, Telling};
pub use lease::Lease;
pub use outbox::{DeliveryFilter, Settled};
pub use record::{AlertWrite, OpenAlert, Standing};
