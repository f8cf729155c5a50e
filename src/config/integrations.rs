//! Settings of third-party services.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Which services are known, and what is done with them.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct IntegrationsConfig {
    /// Whether third-party services are called, polled, and may call.
    pub enabled: bool,
    /// Path of a file with services beside those that ship; empty: none.
    pub catalogue_file: PathBuf,
    /// Seconds between two looks whether a vendor is there, 5 to 3,600; 0: nobody looks.
    pub probe_interval_s: u32,
    /// Seconds for which webhooks may stay away before a vendor that can be polled is polled, 5 to 604,800.
    pub webhook_silence_s: u32,
}

impl Default for IntegrationsConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            catalogue_file: PathBuf::new(),
            probe_interval_s: 30,
            webhook_silence_s: 3_600,
        }
    }
}

/// How calls go through the relay.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct RelayConfig {
    /// Time until the head of an answer must be there, with all tries.
    pub deadline_ms: u64,
    /// Most tries of one call.
    pub tries_max: u32,
    /// Bound of the first pause between tries; each next one is twice as long.
    pub backoff_ms: u64,
    /// Bound of all pauses.
    pub backoff_max_ms: u64,
    /// Longest body of a call.
    pub body_max_bytes: u64,
    /// Longest body that is held until the call is over, so that it can be tried again. A longer one goes on as it comes, once.
    pub held_body_max_bytes: u64,
    /// Bytes of bodies that are held at once. Beyond them bodies go on as they come.
    pub held_bytes_max: u64,
    /// Most things that calls ask for together, where the catalogue allows it; 1: none go together.
    pub batch_items_max: u32,
    /// Longest time that a call of low priority waits for others to go with.
    pub batch_wait_ms: u64,
    /// Bytes of answers that are kept to be given again.
    pub kept_bytes_max: u64,
}

impl Default for RelayConfig {
    fn default() -> Self {
        Self {
            deadline_ms: 45_000,
            tries_max: 3,
            backoff_ms: 1_000,
            backoff_max_ms: 10_000,
            body_max_bytes: 1_024 * 1_024 * 1_024,
            held_body_max_bytes: 1_024 * 1_024,
            held_bytes_max: 64 * 1_024 * 1_024,
            batch_items_max: 10,
            batch_wait_ms: 1_000,
            kept_bytes_max: 32 * 1_024 * 1_024,
        }
    }
}
