//! Several nodes: what they share, and what becomes of them when it is gone.

#[path = "harness/harness.rs"]
mod harness;

mod nodes {
    mod event_ids;
    mod kept_answers;
}
