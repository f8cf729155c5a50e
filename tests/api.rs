//! Every endpoint as its clients see it: a real server, real requests, real rows. The files below mirror the
//! URLs; what concerns all of them (keys, envelopes, bodies, HTTP itself) has files of its own.

#![expect(clippy::unwrap_used, reason = "a failure in a test is a failed test")]

#[path = "certificates/authority.rs"]
#[expect(dead_code, reason = "other tests want certificates as files")]
mod authority;
#[path = "harness/harness.rs"]
mod harness;

mod api {
    mod alerts;
    mod api_limits;
    mod audit;
    mod bad_bodies;
    mod batch;
    mod bodies;
    mod channels;
    mod dashboards;
    mod envelope;
    mod event_ids;
    mod events;
    mod first_page;
    mod funnel;
    mod funnels;
    mod growth;
    mod guesses;
    mod health;
    mod http;
    mod integrations;
    mod invitations;
    mod issuers;
    mod jwks;
    mod kept_answers;
    mod keys;
    mod keys_of_projects;
    mod ledger;
    mod live;
    mod log_lines;
    mod login_timing;
    mod managing;
    mod matrix;
    mod memory;
    mod openapi;
    mod origins;
    mod pages;
    mod password_reset;
    mod performance;
    mod privacy;
    mod projects;
    mod quotas;
    mod quotas_api;
    mod random_bodies;
    mod raw;
    mod rejected;
    mod relay;
    mod repeats;
    mod rules;
    mod session;
    mod sessions;
    mod stalls;
    mod stored;
    mod traces;
    mod users;
}
