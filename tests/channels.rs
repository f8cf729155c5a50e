//! Channels against real parts: a receiver of HTTP, the public verifier of Standard Webhooks, Prometheus' Alertmanager, a mail server.

#![expect(clippy::unwrap_used, reason = "a failure in a test is a failed test")]

#[path = "certificates/authority.rs"]
mod authority;
#[path = "harness/harness.rs"]
mod harness;

mod channels {
    mod alertmanager;
    mod email;
    mod mail_server;
    mod notices;
    mod pager_duty;
    mod programs;
    mod receiver;
    mod rotation;
    mod slack;
    mod verdicts;
    mod webhook;
}
