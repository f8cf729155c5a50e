//! Alerts: from what is measured to whoever is woken.
//!
//! ```text
//! tap (each beacon) ──┐
//! sweep, rules ───────┼─► evaluator ─► board (pure) ─► one transaction: states, alerts, history, tellings, outbox
//! clock ──────────────┘                                                              │
//!                               channels ◄─ deliverer ◄─ claim ◄────────────────────┘
//! ```
//!
//! Words: `crate::domain::alert` and `crate::domain::rule`.
//!
//! ## What is promised
//!
//! - **A transition and what is told of it are one transaction.** A crash loses neither, and repeats neither.
//! - **At least once.** A notice is sent until the channel has taken it, or its tries are over; each try of a message has the same
//!   id, by which a receiver knows it again.
//! - **In order.** Of one alert and channel the next notice goes when the one before it is settled.
//! - **Who was told that it fires is told the end**, also when a silence came, the rule was deleted, or somebody acknowledged it.
//! - **What cannot be evaluated stays as it is**, and is told when it could not be for the third time.
//! - **One node evaluates**, under a lease; each one delivers.

pub mod board;
pub mod defaults;
pub mod evaluator;
