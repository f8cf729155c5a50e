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
}

impl Default for IntegrationsConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            catalogue_file: PathBuf::new(),
        }
    }
}
