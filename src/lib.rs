//! # Fresnel
//!
//! One event's journey, and the rooms it passes:
//!
//! ```text
//! browser ─► api/ingest ─► inflate ─► decode ─► validate ─► encode ─► wal (group commit) ─► 202
//!                                                                       │
//!                       segment sealed (≤ 1 s, or at its size limit) ◄──┘
//!                              │
//!              flush ──► warehouse.insert (segment id = deduplication token) ──► ClickHouse ──► rollups (views)
//!                                                                                     │
//! admin ─► api/query ─► query ─► warehouse.select ◄───────────────────────────────────┘
//! ```
//!
//! Imports point only downwards, or to a file's own children; siblings never import each other
//! (`tests/rooms.rs` enforces it):
//!
//! ```text
//! L5  main  cli  app (composition root, ordered drain)  demo  doctor
//! L4  api (the route table)  api/{auth,envelope,error,ingest,query,operations}
//! L3  ingest (the list of steps)  ingest/{inflate,decode,validate,encode}   flush   query  query/{…}
//! L2  wal  wal/{…}    warehouse  warehouse/{…}    engine  engine/{…}
//! L1  domain  domain/{beacon,report}      no I/O, no async
//! L0  config  telemetry  metric_definitions  clock  task
//! ```
//!
//! `ARCHITECTURE.md` tells the same at length; `docs/adr/` holds the decisions.

pub mod clock;
pub mod config;
pub mod demo;
pub mod doctor;
pub mod domain;
pub mod engine;
pub mod task;
pub mod wal;
pub mod warehouse;
