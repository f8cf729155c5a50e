//! Kills and breaks things, under load, and then counts: of all acknowledged beacons none is missing and none
//! stands twice, in the raw tables and in the rollups.
//!
//! By hand, longer than in CI, and with what was printed by a failed run:
//!
//! ```text
//! FRESNEL_CHAOS_ROUNDS=500 cargo test --test durability crash_loop -- --nocapture
//! FRESNEL_OUTAGE_MS=60000  cargo test --test durability outage -- --nocapture
//! FRESNEL_CHAOS_SEED=42    cargo test --test durability -- --nocapture
//! ```
//!
//! `FRESNEL_KEEP=1` keeps the data folder of a run.

#[path = "harness/harness.rs"]
mod harness;

mod durability {
    mod crash_loop;
    mod dashboards;
    mod full_disk;
    mod ledger;
    mod lost_answers;
    mod modes;
    mod outage;
    mod priority;
}
