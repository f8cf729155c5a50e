//! Settings of what happens to a valid beacon before it is stored.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What is known of a visitor.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct EnrichConfig {
    /// Path of `regexes.yaml`, the rules for User-Agents; empty: looked for beside the binary, in `node_modules` and
    /// in `/usr/lib/fresnel`.
    pub user_agents_file: PathBuf,
    /// User-Agents that each worker remembers.
    pub user_agents_max: usize,
    /// Path of a country database in MaxMind's format; empty: no countries.
    pub country_db_file: PathBuf,
}

impl Default for EnrichConfig {
    fn default() -> Self {
        Self {
            user_agents_file: PathBuf::new(),
            user_agents_max: 4_096,
            country_db_file: PathBuf::new(),
        }
    }
}

/// What happens to beacons of robots.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct BotsConfig {
    /// True to drop beacons of known robots.
    pub drop: bool,
    /// True to take browsers without a screen (headless ones, as tests use them) for robots.
    pub headless: bool,
}

impl Default for BotsConfig {
    fn default() -> Self {
        Self {
            drop: true,
            headless: false,
        }
    }
}

/// What is taken out of URLs and texts before they are stored.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScrubConfig {
    /// False to store everything as it is sent.
    pub enabled: bool,
    /// Names of parameters whose values are secrets; `*token*` is any name that holds the word.
    pub query_parameters: Vec<String>,
    /// Regular expressions for what else is a secret.
    pub patterns: Vec<String>,
}

impl Default for ScrubConfig {
    fn default() -> Self {
        let names = [
            "*token*",
            "*secret*",
            "*password*",
            "*passwd*",
            "*passphrase*",
            "*apikey*",
            "*accesskey*",
            "*privatekey*",
            "*signature*",
            "*credential*",
            "*sessionid*",
            "*jwt*",
            "key",
            "code",
            "session",
            "sid",
            "auth",
            "authorization",
            "sig",
            "pwd",
            "pass",
            "otp",
        ];
        Self {
            enabled: true,
            query_parameters: names.map(str::to_owned).into(),
            patterns: Vec::new(),
        }
    }
}

/// How pages and endpoints are counted.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct GroupingConfig {
    /// False to count pages and endpoints as they are sent, but without query and fragment.
    pub enabled: bool,
    /// True to keep the host of endpoints that are not the project's own.
    pub keep_hosts: bool,
    /// Different names of one field (page, endpoint, release …) that a project has within 24 h; the rest is
    /// `__other__`.
    pub names_max: usize,
    /// Different names of all fields and projects.
    pub names_total_max: usize,
}

impl Default for GroupingConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            keep_hosts: true,
            names_max: 2_000,
            names_total_max: 500_000,
        }
    }
}
