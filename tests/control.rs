//! The control store: one suite, run against SQLite and against a real Postgres.
//!
//! Postgres is Debian's package, started by `control/cluster.sh` in a temporary folder; each test has a database of
//! its own. `Place::open` is one more node on the same store.

#![expect(clippy::unwrap_used, reason = "a failure in a test is a failed test")]

#[path = "certificates/authority.rs"]
mod authority;

mod control {
    mod alerting;
    mod apply;
    mod audit;
    mod dashboards;
    mod directory;
    mod encryption;
    mod failures;
    mod hostile;
    mod integrations;
    mod keys;
    mod limits;
    mod logins;
    mod place;
    mod projects;
    mod retention;
    mod seed;
    mod together;
    mod users;
    mod vendors;
    mod words;
}
