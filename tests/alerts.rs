//! Alerts from end to end: beacons in, webhooks out, through kills of the service and receivers that fail.
//!
//! By hand, longer than in CI:
//!
//! ```text
//! FRESNEL_CHAOS_ROUNDS=100 cargo test --test alerts kills -- --nocapture
//! ```

#[path = "harness/harness.rs"]
mod harness;

mod alerts {
    mod bad_channels;
    mod hook;
    mod kills;
    mod told;
}
