//! The memory guard: knows what this process takes of the memory that it may take, and tells those who can do with
//! less.
//!
//! # Words
//! - The **limit** is what the process may take: see [`MemoryLimit`].
//! - A **level** follows from the share of the limit that is resident: from `server.memory_warning_share` on it is
//!   [`Level::Warning`], from `server.memory_critical_share` on [`Level::Critical`]. A level is left when the share is
//!   5 points below where it began, so that it does not flicker.
//! - **Pressure** is the handle by which others learn the level. At a warning caches hold half of what they may; when it
//!   is critical, questions are refused and beacons are taken all the same.
//!
//! ```text
//! /proc ─► sample, each second ─► level ─► Pressure ─┬─► caches: Pressure::capacity, or Pressure::changes
//!                                                    ├─► questions: Pressure::level
//!                                                    └─► /api/health: Pressure::reading
//! ```

mod level;
mod limit;

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use metrics::gauge;
use serde::Serialize;
use tokio::sync::watch;

use crate::config::ServerConfig;
use crate::metric_definitions::{MEMORY_LIMIT_BYTES, MEMORY_PRESSURE};
use crate::process::ProcessUsage;
use crate::task;
use level::Thresholds;

pub use level::Level;
pub use limit::{LimitFrom, MemoryLimit};

const SAMPLE_INTERVAL: Duration = Duration::from_secs(1);

/// How memory stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Reading {
    /// What follows from it.
    pub level: Level,
    /// Resident memory of this process, at most a second ago.
    pub resident_bytes: u64,
    /// What it may take.
    pub limit_bytes: u64,
    /// Who says so.
    pub limit_from: LimitFrom,
}

/// How short memory is; cheap to clone and to ask.
#[derive(Clone, Debug)]
pub struct Pressure(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limit: MemoryLimit,
    /// [`Level::number`] of the level, read with every beacon.
    level: AtomicU8,
    resident_bytes: AtomicU64,
    changes: watch::Sender<Level>,
}

impl Pressure {
    /// Pressure by the memory of this process, which is looked at now and then every second.
    #[must_use]
    pub fn watched(config: &ServerConfig) -> Self {
        let pressure = Self::under(MemoryLimit::find(config.memory_max_bytes));
        let thresholds = Thresholds {
            warning: config.memory_warning_share,
            critical: config.memory_critical_share,
        };
        gauge!(MEMORY_LIMIT_BYTES).set(float(pressure.0.limit.bytes));
        pressure.note(&thresholds, ProcessUsage::now().resident_bytes);
        let watched = pressure.clone();
        let _detached = task::spawn("memory", async move {
            let mut each = tokio::time::interval(SAMPLE_INTERVAL);
            loop {
                each.tick().await;
                watched.note(&thresholds, ProcessUsage::now().resident_bytes);
            }
        });
        pressure
    }

    /// None, for ever.
    #[must_use]
    pub fn none() -> Self {
        Self::under(MemoryLimit {
            bytes: u64::MAX,
            from: LimitFrom::Machine,
        })
    }

    fn under(limit: MemoryLimit) -> Self {
        Self(Arc::new(Shared {
            limit,
            level: AtomicU8::new(Level::Ok.number()),
            resident_bytes: AtomicU64::new(0),
            changes: watch::Sender::new(Level::Ok),
        }))
    }

    /// The level of now.
    #[must_use]
    pub fn level(&self) -> Level {
        Level::of_number(self.0.level.load(Ordering::Relaxed))
    }

    /// What a cache may hold now that otherwise may hold `full`: half of it while memory is short.
    #[must_use]
    pub fn capacity(&self, full: usize) -> usize {
        match self.level() {
            Level::Ok => full,
            Level::Warning | Level::Critical => full / 2,
        }
    }

    /// Tells when the level changes.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<Level> {
        self.0.changes.subscribe()
    }

    /// How memory stands.
    #[must_use]
    pub fn reading(&self) -> Reading {
        Reading {
            level: self.level(),
            resident_bytes: self.0.resident_bytes.load(Ordering::Relaxed),
            limit_bytes: self.0.limit.bytes,
            limit_from: self.0.limit.from,
        }
    }

    /// Takes note of a sample.
    fn note(&self, thresholds: &Thresholds, resident_bytes: u64) {
        self.0.resident_bytes.store(resident_bytes, Ordering::Relaxed);
        let before = self.level();
        let limit_bytes = self.0.limit.bytes;
        let share = match limit_bytes {
            0 => 0.0,
            limit_bytes => float(resident_bytes) / float(limit_bytes),
        };
        let level = thresholds.next(before, share);
        gauge!(MEMORY_PRESSURE).set(f64::from(level.number()));
        if level == before {
            return;
        }
        self.0.level.store(level.number(), Ordering::Relaxed);
        self.0.changes.send_replace(level);
        let (was, now) = (before.as_str(), level.as_str());
        if level > before {
            tracing::warn!(was, now, resident_bytes, limit_bytes, "memory is short");
        } else {
            tracing::info!(was, now, resident_bytes, limit_bytes, "memory is less short");
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share of bytes need not be exact")]
const fn float(bytes: u64) -> f64 {
    bytes as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const THRESHOLDS: Thresholds = Thresholds {
        warning: 0.8,
        critical: 0.9,
    };

    fn pressure() -> Pressure {
        Pressure::under(MemoryLimit {
            bytes: 1_000,
            from: LimitFrom::Setting,
        })
    }

    #[test]
    fn at_a_warning_caches_hold_half_and_their_owners_are_told() {
        let pressure = pressure();
        let mut changes = pressure.changes();
        pressure.note(&THRESHOLDS, 799);
        assert_eq!(pressure.capacity(9), 9);
        assert!(!changes.has_changed().unwrap());
        for (resident_bytes, level) in [(800, Level::Warning), (900, Level::Critical)] {
            pressure.note(&THRESHOLDS, resident_bytes);
            assert_eq!(pressure.capacity(9), 4);
            assert!(changes.has_changed().unwrap());
            assert_eq!(*changes.borrow_and_update(), level);
            let reading = pressure.reading();
            assert_eq!((reading.level, reading.resident_bytes), (level, resident_bytes));
        }
        pressure.note(&THRESHOLDS, 1);
        assert_eq!(pressure.capacity(9), 9);
    }

    #[test]
    fn without_a_limit_there_is_never_any() {
        let pressure = Pressure::none();
        pressure.note(&THRESHOLDS, u64::MAX / 2);
        assert_eq!(pressure.level(), Level::Ok);
    }
}
