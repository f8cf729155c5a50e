//! Quotas: how many items a user, and the network that a user comes from, may post in a rolling window, and how often
//! they may ask.
//!
//! # Words
//! - A **class** of items has quotas of its own: metrics and events in a rolling hour, calls of the API and external
//!   calls in a rolling minute.
//! - A **subject** is who is counted: a verified user, a key, or the keyed hash of someone unknown (see
//!   [`Subject`]). An unknown one also belongs to a **network**, the prefix of an address, with a quota of its own.
//! - A **slot** is a minute of the hour, or a second of the minute. A **window** holds what was admitted, by slots.
//!
//! # Guarantees
//! 1. In no rolling window, between any two instants, more than the limit is admitted, under any concurrency: the
//!    sum over the 60 slots before the current one *and* the current one never exceeds it. Looking and counting
//!    are one step, under the locks of the windows concerned.
//! 2. Nothing is refused that would have been admitted one slot later or earlier in an exact count: an item
//!    counts for at most one slot longer than the window.
//! 3. After [`Decision::retry_after_s`] at least one more is admitted, if nobody else takes it.
//! 4. A live window is never given up. When there is no room for another one, a new subject has the quota of its
//!    network, and a new network shares one of a fixed number.
//! 5. Memory is bounded by `quota.subjects_max` windows (twice as many while keys change), whatever is
//!    invented: about 60 to 110 bytes each, and 64 more on average for those with many slots. When even these are
//!    used up, slots are merged to the strict side.
//! 6. No lock is held over I/O, and none is shared by all.
//! 7. Time never goes back (see `timeline.rs`).
//!
//! A window is forgotten when nothing in it counts any more: each shard is looked through every few slots by
//! whoever comes along, and by [`Quotas::maintain`].
//!
//! After a crash the windows of an hour come back from the log and its journals (`recall`); those of a minute
//! do not: they are shorter than what a restart usually takes.

mod class;
mod keys;
mod local;
mod look;
mod shards;
mod subject;
#[cfg(test)]
mod tests;
mod timeline;
mod window;

use crate::config::QuotaConfig;
use crate::domain::account::QuotaLimits;
use crate::domain::quota_count::QuotaCount;
use look::Look;
use shards::{KEYS_MAX, Making, Room, Shards};
use timeline::Timeline;
use window::{SLOTS, Slot};

pub use class::Class;
pub use local::LocalSubjects;
pub use subject::{Pair, Subject, SubjectKeys, Who};

/// Slots outside of windows that there is room for, for each window that there is room for.
const SLOTS_PER_WINDOW: usize = 8;
/// Windows that new networks share when there is no room for more.
const CROWDS: u64 = 4_096;
/// Never the key of a subject: those have this bit unset.
const CROWD: u64 = 1 << 63;

/// Items that someone wants to post.
#[derive(Clone, Copy, Debug)]
pub struct Ask {
    /// Who.
    pub subject: Subject,
    /// What they are.
    pub class: Class,
    /// The subject's quota; 0: no limit.
    pub limit: u32,
    /// The quota of the subject's network, if it has one; 0: no limit.
    pub network_limit: u32,
    /// How many.
    pub items: u32,
}

/// What becomes of the items, and what the answer's headers say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The first so many items are admitted, the rest is not.
    pub admitted: u32,
    /// The quota; 0: there is none, and the other numbers mean nothing.
    pub limit: u32,
    /// Items that would still be admitted now.
    pub remaining: u32,
    /// Seconds until the whole quota can be spent again.
    pub reset_s: u32,
    /// Seconds until one more item is admitted; `None` when all were.
    pub retry_after_s: Option<u32>,
    charge: Charge,
}

/// Where admitted items were counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Charge {
    class: Class,
    slot: u32,
    subject: Option<u64>,
    network: Option<u64>,
}

impl Decision {
    /// What the log must remember of it, for the next start; `None` when there is nothing.
    #[must_use]
    pub fn count(&self) -> Option<QuotaCount> {
        let Charge {
            class,
            slot,
            subject,
            network,
        } = self.charge;
        let is_kept = matches!(class, Class::Metrics | Class::Events) && self.admitted > 0;
        (is_kept && (subject.is_some() || network.is_some())).then_some(QuotaCount {
            subject: subject.unwrap_or(0),
            network: network.unwrap_or(0),
            class: class.id(),
            minute: slot,
            count: self.admitted,
        })
    }
}

/// What the quotas take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Windows of subjects and networks.
    pub windows: usize,
    /// Memory.
    pub bytes: usize,
}

/// A quota that an ask must keep: that of the subject, or that of its network.
#[derive(Clone, Copy, Debug)]
struct Level {
    pair: Pair,
    limit: u32,
    is_crowd: bool,
}

/// All quotas of this process.
#[derive(Debug)]
pub struct Quotas {
    config: QuotaConfig,
    keys: SubjectKeys,
    timeline: Timeline,
    room: Room,
    shards: [Shards; Class::ALL.len()],
}

impl Quotas {
    /// Quotas that nobody has spent from yet. Subjects are told apart under `keys`.
    #[must_use]
    pub fn new(config: &QuotaConfig, keys: SubjectKeys) -> Self {
        Self {
            config: config.clone(),
            keys,
            timeline: Timeline::new(),
            room: Room::new(
                config.subjects_max,
                config.subjects_max.saturating_mul(SLOTS_PER_WINDOW),
            ),
            shards: std::array::from_fn(|_| Shards::new()),
        }
    }

    /// The quotas of the settings, before any override.
    #[must_use]
    pub const fn limits(&self) -> QuotaLimits {
        QuotaLimits {
            metrics_per_hour: self.config.metrics_per_hour,
            events_per_hour: self.config.events_per_hour,
            api_per_minute: self.config.api_per_minute,
            external_per_minute: self.config.external_per_minute,
        }
    }

    /// The quota of a network whose users have this one; 0: no limit.
    #[must_use]
    pub const fn network_limit(&self, limit: u32) -> u32 {
        limit.saturating_mul(self.config.network_factor)
    }

    /// Who a request's items are counted for.
    #[must_use]
    pub fn subject(&self, project: &str, who: Who<'_>, now_ms: i64) -> Subject {
        self.keys.subject(project, who, self.timeline.at(now_ms))
    }

    /// Admits the first items, as many as the quotas of subject and network both allow, and counts them. The
    /// others cost nothing.
    #[must_use]
    pub fn admit(&self, ask: &Ask, now_ms: i64) -> Decision {
        let Some(mut levels) = levels(ask) else {
            return unlimited(ask);
        };
        let at_ms = self.timeline.at(now_ms);
        loop {
            let mut look = self.look(ask.class, &levels, at_ms);
            let admitted = look.admits(ask.items);
            if let Some(full) = look.count(admitted) {
                drop(look);
                self.give_way(&mut levels, full, ask);
                continue;
            }
            return look.decide(ask, admitted);
        }
    }

    /// What [`admit`](Self::admit) would decide; nothing is counted.
    #[must_use]
    pub fn peek(&self, ask: &Ask, now_ms: i64) -> Decision {
        let Some(levels) = levels(ask) else {
            return unlimited(ask);
        };
        let look = self.look(ask.class, &levels, self.timeline.at(now_ms));
        let admitted = look.admits(ask.items);
        let charge = Charge {
            subject: None,
            network: None,
            ..look.charge()
        };
        Decision {
            charge,
            ..look.decide(ask, admitted)
        }
    }

    /// Gives back `items` of a decision that were admitted and then not stored.
    pub fn undo(&self, decision: &Decision, items: u32) {
        let charge = decision.charge;
        let keys = [charge.subject, charge.network, None, None];
        let mut held = self.of(charge.class).hold(&keys, 0, &self.room);
        for key in keys.into_iter().flatten() {
            if let Some(window) = held.get(key) {
                window.remove(charge.slot, items.min(decision.admitted));
            }
        }
    }

    /// Counts what was admitted before the last start. What does not count any more is left out, as is what
    /// there is no room for.
    pub fn restore(&self, count: &QuotaCount, now_ms: i64) {
        let Some(class) = Class::ALL.into_iter().find(|class| class.id() == count.class) else {
            return;
        };
        let now = class.slot(self.timeline.at(now_ms));
        // From the future: the clock was set back since. It then counts for a whole window.
        let at = count.minute.min(now);
        if at.saturating_add(SLOTS) < now || class.slot_s() != 60 {
            return;
        }
        let keys = [count.subject, count.network].map(|key| (key != 0).then_some(key));
        let mut held = self
            .of(class)
            .hold(&[keys[0], keys[1], None, None], now, &self.room);
        for key in keys.into_iter().flatten() {
            let making = if key & CROWD == 0 {
                Making::Ordinary
            } else {
                Making::Always
            };
            if held.make(key, making, now) {
                held.add(key, at, count.count, now);
            }
        }
    }

    /// Forgets windows that are over, changes the keys when it is time and keeps them on disk. Call it off the
    /// async threads, every half minute or so: it blocks.
    ///
    /// # Errors
    /// The keys cannot be kept; the next call tries again.
    pub fn maintain(&self, now_ms: i64) -> std::io::Result<()> {
        let at_ms = self.timeline.at(now_ms);
        for class in Class::ALL {
            self.of(class).sweep(class.slot(at_ms), &self.room);
        }
        self.keys.maintain(at_ms)
    }

    /// What the quotas take.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let tables: usize = self.shards.iter().map(Shards::table_bytes).sum();
        Usage {
            windows: self.room.windows(),
            bytes: tables + self.room.slots() * size_of::<Slot>(),
        }
    }

    fn of(&self, class: Class) -> &Shards {
        let [metrics, events, api, external] = &self.shards;
        match class {
            Class::Metrics => metrics,
            Class::Events => events,
            Class::Api => api,
            Class::External => external,
        }
    }

    fn look<'a>(&'a self, class: Class, levels: &'a [Option<Level>; 2], at_ms: i64) -> Look<'a> {
        let mut keys = [None; KEYS_MAX];
        for (places, level) in keys.chunks_exact_mut(2).zip(levels) {
            if let Some(Level { pair, .. }) = level {
                places[0] = Some(pair.charged);
                places[1] = pair.other();
            }
        }
        let clock = class.slot(at_ms);
        let held = self.of(class).hold(&keys, clock, &self.room);
        Look::new(class, levels, held, clock, at_ms)
    }

    /// There is no room for a window of this level: its share is counted elsewhere.
    fn give_way(&self, levels: &mut [Option<Level>; 2], full: usize, ask: &Ask) {
        let [subject, network] = levels;
        let limit = match ask.network_limit {
            0 => self.network_limit(ask.limit),
            limit => limit,
        };
        let crowd = |key: u64| Level {
            pair: Pair::fixed(CROWD | (key % CROWDS)),
            limit,
            is_crowd: true,
        };
        if full == 0 {
            *subject = None;
            network.get_or_insert_with(|| crowd(ask.subject.user.charged));
        } else if let Some(level) = network {
            *level = crowd(level.pair.charged);
        }
    }
}

/// The quotas that an ask must keep; `None` when there is none.
fn levels(ask: &Ask) -> Option<[Option<Level>; 2]> {
    let level = |pair, limit| {
        (limit > 0).then_some(Level {
            pair,
            limit,
            is_crowd: false,
        })
    };
    let subject = level(ask.subject.user, ask.limit);
    let network = ask
        .subject
        .network
        .and_then(|network| level(network, ask.network_limit));
    (subject.is_some() || network.is_some()).then_some([subject, network])
}

fn unlimited(ask: &Ask) -> Decision {
    Decision {
        admitted: ask.items,
        limit: 0,
        remaining: u32::MAX,
        reset_s: 0,
        retry_after_s: None,
        charge: Charge {
            class: ask.class,
            slot: 0,
            subject: None,
            network: None,
        },
    }
}
