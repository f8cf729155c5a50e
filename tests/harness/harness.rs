//! What the black-box suites share: a real `fresnel` process on a real folder, a plain HTTP client, a view
//! into ClickHouse, load that remembers what was acknowledged, and machinery that breaks things.
//!
//! Rules of the house:
//! - Everything blocks on plain threads and sockets: no runtime whose own behaviour could hide the server's.
//! - Nothing waits by sleeping; [`wait::until`] polls a condition up to a deadline and names it when it fails.
//! - Whatever a test starts ends with it, by pid, also when the test process itself is killed
//!   ([`process::Watchdog`]).
//!
//! Variables that steer the suites (all optional):
//!
//! | variable | meaning | default |
//! |---|---|---|
//! | `FRESNEL_CHAOS_ROUNDS` | rounds of the crash loop | 25 |
//! | `FRESNEL_CHAOS_SEED` | seed of beacons and of the schedule of kills | random, printed |
//! | `FRESNEL_OUTAGE_MS` | length of the engine's outages | 8000 |
//! | `FRESNEL_ENGINE__LIBRARY` | path of `libchdb` | where the product looks for it |

#![allow(
    dead_code,
    unused_imports,
    reason = "each suite uses its own part of the harness"
)]

pub(crate) mod beacons;
pub(crate) mod encodings;
pub(crate) mod engine;
pub(crate) mod events;
pub(crate) mod http;
pub(crate) mod ledger;
pub(crate) mod load;
pub(crate) mod options;
pub(crate) mod process;
pub(crate) mod prometheus;
pub(crate) mod proxy;
pub(crate) mod redis;
pub(crate) mod rollups;
pub(crate) mod server;
pub(crate) mod settings;
pub(crate) mod third_party;
pub(crate) mod tmpfs;
pub(crate) mod tokens;
pub(crate) mod wait;
pub(crate) mod warehouse;

pub(crate) use http::{Answer, Request};
pub(crate) use options::Options;
pub(crate) use server::Fresnel;
pub(crate) use warehouse::Warehouse;
