//! Tests of the log. `harness` opens logs and collects what they deliver, `sim` is a disk that fails, and
//! `model` is a whole service around the log: clients, a warehouse that knows tokens, and what must hold.

mod basics;
mod crashes;
mod damage;
mod harness;
mod lanes;
mod limits;
mod model;
mod sealing;
mod sim;
