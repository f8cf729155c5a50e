//! Questions that are answered from the raw tables, asked of a real engine and recounted from the rows that were sent.

#[allow(dead_code, reason = "shared with the engine's own tests, which use all of it")]
#[path = "engine/harness.rs"]
mod harness;

mod raw {
    mod beacons;
    mod blame;
    mod errors;
    mod events;
    mod funnels;
    mod heatmap;
    mod impact;
    mod sessions;
    mod stage;
    mod watch;
}
