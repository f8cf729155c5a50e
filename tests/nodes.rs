//! Several nodes: what they share, and what becomes of them when it is gone.

#[path = "harness/harness.rs"]
mod harness;

mod nodes {
    mod alerts;
    mod event_ids;
    #[allow(dead_code, reason = "shared with the tests of alerts, which use all of it")]
    #[path = "../alerts/hook.rs"]
    mod hook;
    mod kept_answers;
    #[allow(
        dead_code,
        unused_imports,
        unused_macros,
        clippy::unwrap_used,
        reason = "shared with the tests of the control store, which use all of it"
    )]
    #[path = "../control/place.rs"]
    mod place;
}
