//! Every endpoint as its clients see it: a real server, real requests, real rows. The files below mirror the
//! URLs; what concerns all of them (keys, envelopes, bodies, HTTP itself) has files of its own.

#[path = "harness/harness.rs"]
mod harness;

mod api {
    mod bad_bodies;
    mod batch;
    mod bodies;
    mod envelope;
    mod event_ids;
    mod events;
    mod funnel;
    mod growth;
    mod health;
    mod http;
    mod keys;
    mod origins;
    mod performance;
    mod quotas;
    mod random_bodies;
    mod rejected;
    mod repeats;
    mod stalls;
    mod stored;
}
