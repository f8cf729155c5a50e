//! The limit on different names: beyond it, a name is [`OTHER_NAME`].
//!
//! A project's field has at most `names_max` names that were seen within 24 h. A name that is known stays known
//! while it is seen; one that was not seen for 24 h makes room for another. What is kept of a name is its 64-bit
//! hash and the hour of its last sighting: 16 bytes in a map, so the total limit of 500,000 names is some 16 MB.
//!
//! Workers ask [`LocalNames`] first, which needs no lock; it asks the shared limiter once an hour and name. The
//! limiter's memory ends with the process: for a day after a start the rollups may see up to twice the limit.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hasher as _, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::Grouping;
use crate::config::GroupingConfig;
use crate::domain::beacon::{Beacon, Detail, Id, VITALS_TYPE};
use crate::metric_definitions::FoldedNames;

/// The name of all names beyond the limit.
pub const OTHER_NAME: &str = "__other__";

const HOUR_MS: i64 = 60 * 60 * 1_000;
/// Hours for which a name is known after it was seen.
const KNOWN_HOURS: i64 = 24;
/// Locks; a power of two.
const SHARDS: usize = 16;
/// Names that one worker remembers.
const LOCAL_MAX: usize = 16_384;

/// A field whose names are limited. All that the rollups group by are here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// `page`
    Page,
    /// `api_endpoint`
    ApiEndpoint,
    /// `name`, where it is not a web vital's
    Name,
    /// `release`
    Release,
    /// `environment`
    Environment,
}

impl Field {
    /// All fields.
    pub const ALL: [Self; 5] = [
        Self::Page,
        Self::ApiEndpoint,
        Self::Name,
        Self::Release,
        Self::Environment,
    ];

    /// Name of the column.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::ApiEndpoint => "api_endpoint",
            Self::Name => "name",
            Self::Release => "release",
            Self::Environment => "environment",
        }
    }
}

/// The names of all projects, shared by the workers.
#[derive(Clone, Debug)]
pub struct NameLimiter(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    names_max: usize,
    names_total_max: usize,
    /// Random, so that nobody can choose names that collide.
    hasher: RandomState,
    /// By the hash of project and field. Locked for a look-up in memory, rarely for a sweep of one set.
    shards: [Mutex<HashMap<u64, Names>>; SHARDS],
    total: AtomicUsize,
}

/// The names of one project's field: hash and hour of the last sighting.
#[derive(Debug, Default)]
struct Names {
    seen: HashMap<u64, i64>,
    swept_hour: i64,
}

impl NameLimiter {
    /// With the limits of the settings.
    #[must_use]
    pub fn new(config: &GroupingConfig) -> Self {
        Self(Arc::new(Shared {
            names_max: config.names_max,
            names_total_max: config.names_total_max,
            hasher: RandomState::new(),
            shards: Default::default(),
            total: AtomicUsize::new(0),
        }))
    }

    /// A worker's way to it.
    #[must_use]
    pub fn local(&self) -> LocalNames {
        LocalNames {
            shared: self.clone(),
            known: HashSet::default(),
            hour: 0,
            folded: FoldedNames::new(&Field::ALL.map(Field::as_str)),
        }
    }

    /// Names that are remembered.
    #[must_use]
    pub fn total(&self) -> usize {
        self.0.total.load(Ordering::Relaxed)
    }

    fn admit(&self, set: u64, name: u64, hour: i64) -> bool {
        let shared = &*self.0;
        let shard = &shared.shards[usize::try_from(set % SHARDS as u64).unwrap_or_default()];
        // A panic within cannot leave a set half changed.
        let mut sets = shard.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(names) = sets.get_mut(&set) {
            if let Some(seen) = names.seen.get_mut(&name) {
                *seen = hour.max(*seen);
                return true;
            }
            if names.seen.len() >= shared.names_max {
                self.free(names.sweep(hour));
            }
            if names.seen.len() >= shared.names_max {
                return false;
            }
        }
        if self.total() >= shared.names_total_max {
            // Other shards sweep when they are asked themselves.
            let freed = sets.values_mut().map(|names| names.sweep(hour)).sum();
            self.free(freed);
            sets.retain(|_, names| !names.seen.is_empty());
        }
        // Reserved first: several shards may be at it.
        if shared.total.fetch_add(1, Ordering::Relaxed) >= shared.names_total_max {
            self.free(1);
            return false;
        }
        sets.entry(set).or_default().seen.insert(name, hour);
        true
    }

    fn free(&self, names: usize) {
        self.0.total.fetch_sub(names, Ordering::Relaxed);
    }
}

impl Names {
    /// Forgets what was not seen for a day; at most once an hour. Says how many that were.
    fn sweep(&mut self, hour: i64) -> usize {
        if self.swept_hour == hour {
            return 0;
        }
        self.swept_hour = hour;
        let before = self.seen.len();
        self.seen.retain(|_, seen| *seen > hour - KNOWN_HOURS);
        before - self.seen.len()
    }
}

/// One worker's memory of names that were admitted this hour.
#[derive(Debug)]
pub struct LocalNames {
    shared: NameLimiter,
    /// Hashes of project, field and name.
    known: HashSet<u64, NoHash>,
    hour: i64,
    folded: FoldedNames,
}

impl LocalNames {
    /// True when a project's field may have this name at this time; false, and counted, when it is one too many.
    /// The empty name is always admitted.
    pub fn admit(&mut self, project: &str, field: Field, name: &str, now_ms: i64) -> bool {
        let project = self.shared.0.hasher.hash_one(project);
        self.admit_in(project, field, name, now_ms)
    }

    /// The same, with the project's hash: it is one for all names of a beacon.
    fn admit_in(&mut self, project: u64, field: Field, name: &str, now_ms: i64) -> bool {
        if name.is_empty() || name == OTHER_NAME {
            return true;
        }
        let hour = now_ms.div_euclid(HOUR_MS);
        let set = project.wrapping_add(field as u64);
        let mut hasher = self.shared.0.hasher.build_hasher();
        hasher.write_u64(set);
        hasher.write(name.as_bytes());
        let name = hasher.finish();
        if self.hour != hour || self.known.len() >= LOCAL_MAX {
            self.known.clear();
            self.hour = hour;
        }
        if self.known.contains(&name) {
            return true;
        }
        let is_admitted = self.shared.admit(set, name, hour);
        if is_admitted {
            self.known.insert(name);
        } else {
            self.folded.count(field as usize);
        }
        is_admitted
    }
}

impl LocalNames {
    /// Gives a beacon's page, endpoint and other names their groups' names, within the limit. It is scrubbed before.
    pub fn group_beacon(&mut self, beacon: &mut Beacon<'_>, project: &str, grouping: &Grouping, now_ms: i64) {
        match &mut beacon.detail {
            Detail::Metric(metric) => {
                let project = self.shared.0.hasher.hash_one(project);
                metric.page = grouping.page(std::mem::take(&mut metric.page));
                metric.api_endpoint = grouping.endpoint(std::mem::take(&mut metric.api_endpoint));
                for (field, text) in [
                    (Field::Page, &mut metric.page),
                    (Field::ApiEndpoint, &mut metric.api_endpoint),
                ] {
                    if !self.admit_in(project, field, text, now_ms) {
                        *text = OTHER_NAME.into();
                    }
                }
                // The vitals are a closed list.
                if metric.metric_type != VITALS_TYPE {
                    self.limit(project, Field::Name, &mut metric.name, now_ms);
                }
                self.limit(project, Field::Release, &mut metric.release, now_ms);
                self.limit(project, Field::Environment, &mut metric.environment, now_ms);
            }
            // No rollup is made of their names.
            Detail::Alert(_) | Detail::Funnel(_) | Detail::Event(_) => {}
        }
    }

    fn limit(&mut self, project: u64, field: Field, id: &mut Option<Id<'_>>, now_ms: i64) {
        let is_admitted = id
            .as_ref()
            .is_none_or(|id| self.admit_in(project, field, id.as_str(), now_ms));
        if !is_admitted {
            *id = Id::parse(OTHER_NAME.into()).ok();
        }
    }
}

/// For keys that are hashes already.
#[derive(Clone, Copy, Debug, Default)]
struct NoHash;

impl BuildHasher for NoHash {
    type Hasher = Same;

    fn build_hasher(&self) -> Same {
        Same(0)
    }
}

#[derive(Debug)]
struct Same(u64);

impl std::hash::Hasher for Same {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}
