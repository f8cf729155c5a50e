//! The commands as operators use them: what starts, what refuses to start and says why, and how it stops.

#[path = "harness/harness.rs"]
mod harness;

mod cli {
    mod apply;
    mod checks;
    mod dead_letters;
    mod demo;
    mod first_start;
    mod keys;
    mod refusals;
    mod stop;
}
