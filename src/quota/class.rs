//! What is counted apart from what, and in which slots.

use super::window::SLOTS;

/// What is counted apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Performance metrics, by the hour.
    Metrics,
    /// Funnel steps, events and alerts, by the hour.
    Events,
    /// Requests to the API, by the minute.
    Api,
    /// Calls to other services, by the minute.
    External,
}

impl Class {
    /// All classes.
    pub const ALL: [Self; 4] = [Self::Metrics, Self::Events, Self::Api, Self::External];

    /// The number on disk.
    #[must_use]
    pub const fn id(self) -> u8 {
        match self {
            Self::Metrics => 1,
            Self::Events => 2,
            Self::Api => 3,
            Self::External => 4,
        }
    }

    /// Stable name, for the `RateLimit` headers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Metrics => "metrics",
            Self::Events => "events",
            Self::Api => "api",
            Self::External => "external",
        }
    }

    /// Length of the rolling window in seconds.
    #[must_use]
    pub const fn window_s(self) -> u32 {
        SLOTS * self.slot_s()
    }

    pub(super) const fn slot_s(self) -> u32 {
        match self {
            Self::Metrics | Self::Events => 60,
            Self::Api | Self::External => 1,
        }
    }

    pub(super) fn slot(self, at_ms: i64) -> u32 {
        let slot = at_ms.max(0) / (i64::from(self.slot_s()) * 1_000);
        u32::try_from(slot).unwrap_or(u32::MAX)
    }

    /// Seconds from `at_ms` until what was counted in `slot` no longer counts, rounded up, at least 1.
    pub(super) fn seconds_until_over(self, slot: u32, at_ms: i64) -> u32 {
        let over_ms = (i64::from(slot) + i64::from(SLOTS) + 1) * i64::from(self.slot_s()) * 1_000;
        let left_s = over_ms.saturating_sub(at_ms).saturating_add(999) / 1_000;
        u32::try_from(left_s.max(1)).unwrap_or(u32::MAX)
    }
}
