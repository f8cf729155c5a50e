//! Tests of the log. `harness` opens logs and collects what they deliver.

mod basics;
mod harness;
