//! Rules, channels, what keeps alerts quiet, alerts, and the outbox.

mod alerts;
mod channels;
mod outbox;
mod quiet;
mod record;
mod rules;
mod words;
