//! # Fresnel
//!
//! One event's journey, and the rooms it passes:
//!
//! ```text
//! browser ─► api/ingest ─► identity ─► inflate ─► decode ─► validate ─► dedup ─► quota ─► encode
//!                                                                                          │
//!                                                202 ◄─ wal (group commit) ◄───────────────┘
//!                                                        │
//!                              ┌─ segment sealed ◄───────┘
//!                              │  (≤ 1 s, or at its size limit)
//!              flush ──► warehouse.insert (segment id = deduplication token) ──► ClickHouse ──► rollups (views)
//!                                                                                     │
//! admin ─► api/query ─► query ─► warehouse.select ◄───────────────────────────────────┘
//! ```
//!
//! Imports point only downwards, or to a file's own children; siblings never import each other
//! (`tests/rooms.rs` enforces it):
//!
//! ```text
//! L8  main
//! L7  cli
//! L6  app (composition root, ordered drain)  app/{data_folder,listen,past,warehouse_link}    apply  apply/{…}    backfill    demo    doctor
//! L5  api (the route table)  api/{beacon_headers,body,cors,envelope,error,funnels,identity,ingest,observe,openapi,operations,paging,query,query/{…},rate_limit,rejected,asked}
//!     api/manage (what these share)  api/{projects,keys,quotas,issuers,users,invitations,audit,deploys,error_states,views,rules,silences,alerts,alert_stream,channels,deliveries,session,sessions,password_reset}  api/{login_limit,password,alert_hub}
//! L4  alerts (from what is measured to whoever is woken)  alerts/{…}    integrations (third-party services)  integrations/{…}
//! L3  jwks (keys that issuers serve)  jwks/{…}    ingest (the list of steps)  ingest/{inflate,media,decode,batch,validate,bots,enrich,refine,scrub,grouping,encode,rejected,dedup,bookkeeping}   flush   query  query/{…}
//! L2  wal  wal/{…}    warehouse  warehouse/{…}    engine  engine/{…}    control  control/{…}    bootstrap    recall  recall/{…}    quota  quota/{…}    ledger  ledger/{…}    peers  peers/{…}    cache  cache/{…}    outbound (the door to users' addresses)  outbound/{…}    tap (looks at beacons as they pass)  tap/{…}
//! L1  domain  domain/{account,alert,beacon,connection,dashboard,enrichment,field_error,integration,json,ledger,page,quota_count,row_binary,row_head,rule,table}      no I/O, no async    telemetry  telemetry/{…}    memory  memory/{…}    breaker (pure, the time is handed in)  breaker/{…}    vault (encrypts secrets that are used)
//! L0  config  metric_definitions  clock  task  process  private_file  tls
//! ```
//!
//! `ARCHITECTURE.md` tells the same at length; `docs/adr/` holds the decisions.

pub mod alerts;
pub mod api;
pub mod app;
pub mod apply;
pub mod backfill;
pub mod bootstrap;
pub mod breaker;
pub mod cache;
pub mod cli;
pub mod clock;
pub mod config;
pub mod control;
pub mod demo;
pub mod doctor;
pub mod domain;
pub mod engine;
pub mod flush;
pub mod ingest;
pub mod integrations;
pub mod jwks;
pub mod ledger;
pub mod memory;
pub mod metric_definitions;
pub mod outbound;
pub mod peers;
pub mod private_file;
pub mod process;
pub mod query;
pub mod quota;
pub mod recall;
pub mod tap;
pub mod task;
pub mod telemetry;
pub mod tls;
pub mod vault;
pub mod wal;
pub mod warehouse;
