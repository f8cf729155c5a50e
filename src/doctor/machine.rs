//! What the machine gives: time, memory, open files.

use rustix::process::Resource;

use super::{Finding, size};
use crate::clock;
use crate::config::Config;
use crate::memory::MemoryLimit;

/// 2026-01-01 UTC: no clock that is right says less.
const EARLIEST_MS: i64 = 1_767_225_600_000;
/// 2100-01-01 UTC.
const LATEST_MS: i64 = 4_102_444_800_000;
/// Files that Fresnel has open beside its connections.
const OTHER_FILES: u64 = 256;
/// What `serve` may take under full load.
const SERVE_BYTES: u64 = 150 << 20;

pub(super) fn check(config: &Config) -> Vec<Finding> {
    vec![time(clock::now().as_millis()), memory(config), files(config)]
}

pub(super) fn time(now_ms: i64) -> Finding {
    if (EARLIEST_MS..LATEST_MS).contains(&now_ms) {
        Finding::good("clock", "says a time that can be")
    } else {
        Finding::bad("clock", format!("says {} s since 1970", now_ms / 1_000))
            .advice("set the machine's clock, best by NTP: every event is stored under its time")
    }
}

fn memory(config: &Config) -> Finding {
    let total = MemoryLimit::find(0).bytes;
    let engine = if config.warehouse.url.is_empty() {
        config.engine.memory_max_bytes
    } else {
        0
    };
    let wanted = engine + SERVE_BYTES;
    if total == 0 {
        Finding::warning("memory", "its size cannot be read")
    } else if total < wanted {
        Finding::warning(
            "memory",
            format!("{} in all; Fresnel may take {}", size(total), size(wanted)),
        )
        .advice("set engine.memory_max_bytes (FRESNEL_ENGINE__MEMORY_MAX_BYTES) lower, 1 GiB at least")
    } else {
        Finding::good(
            "memory",
            format!("{} in all; Fresnel may take {}", size(total), size(wanted)),
        )
    }
}

fn files(config: &Config) -> Finding {
    let connections = u64::try_from(config.server.connections_max).unwrap_or(u64::MAX);
    let wanted = connections.saturating_add(OTHER_FILES);
    match rustix::process::getrlimit(Resource::Nofile).current {
        Some(limit) if limit < wanted => Finding::warning(
            "open files",
            format!("at most {limit}, for up to {connections} connections"),
        )
        .advice(format!(
            "raise the limit to {wanted} (`ulimit -n`, LimitNOFILE= in a systemd unit), or set \
                     server.connections_max (FRESNEL_SERVER__CONNECTIONS_MAX) lower"
        )),
        Some(limit) => Finding::good("open files", format!("at most {limit}")),
        None => Finding::good("open files", "without a limit"),
    }
}
