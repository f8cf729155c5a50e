//! From the log to a real engine, with everything that can go wrong between them.

#[path = "flush/exactly_once.rs"]
mod exactly_once;
#[allow(dead_code, reason = "shared with the engine's own tests, which use all of it")]
#[path = "engine/harness.rs"]
mod harness;
#[path = "harness"]
mod network {
    #![allow(dead_code, reason = "shared with the black-box suites, which use all of it")]
    pub(crate) mod proxy;
    pub(crate) mod rollups;
    pub(crate) mod wait;
}
#[path = "flush/poison.rs"]
mod poison;
#[allow(dead_code, reason = "shared with the warehouse's tests, which use all of it")]
#[path = "warehouse/rows.rs"]
mod rows;
#[path = "flush/station.rs"]
mod station;
#[path = "flush/stop.rs"]
mod stop;
