//! Events of all kinds, and the sessions in them, from the rollups of activity.
//!
//! Counts are exact. Numbers of sessions are estimates with a standard error of 0.3 %, and exact up to some thousands.

use std::collections::BTreeSet;

use clickhouse::Row;
use serde::Deserialize;

use super::grain::{Grain, Kept};
use super::grid::Grid;
use super::pieces::{Cuts, Piece, cover, cover_buckets};
use super::range::Range;
use crate::domain::beacon::Kind;
use crate::warehouse::{Parameter, Statement};

/// What is counted: all events, those of a kind, or those of a name within it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Counted {
    kind: &'static str,
    name: String,
}

impl Counted {
    /// Events of all kinds.
    pub(super) const fn all() -> Self {
        Self {
            kind: "",
            name: String::new(),
        }
    }

    /// Events of one kind.
    pub(super) const fn of(kind: Kind) -> Self {
        Self {
            kind: kind.as_str(),
            name: String::new(),
        }
    }

    /// Events of one name: a step, a type of event.
    pub(super) fn named(kind: Kind, name: impl Into<String>) -> Self {
        Self {
            kind: kind.as_str(),
            name: name.into(),
        }
    }

    /// No kind has a colon in it.
    fn key(&self) -> String {
        format!("{}:{}", self.kind, self.name)
    }
}

/// Events of one kind and name in one period or bucket.
#[derive(Clone, Debug, Row, Deserialize)]
pub(super) struct ActivityRow {
    /// Number of the period, or start of the bucket.
    pub(super) place: i64,
    pub(super) of_kind: String,
    pub(super) of_name: String,
    pub(super) events: u64,
    pub(super) sessions: u64,
}

impl ActivityRow {
    pub(super) fn is(&self, counted: &Counted, place: i64) -> bool {
        self.place == place && self.counts(counted)
    }

    pub(super) fn counts(&self, counted: &Counted) -> bool {
        self.of_kind == counted.kind && self.of_name == counted.name
    }
}

/// Whether sessions are asked for: merging a state of them takes a quarter of a millisecond, and a question may need hundreds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sessions {
    Counted,
    /// Rows have 0.
    Left,
}

/// Some of what is counted.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) counted: Vec<Counted>,
    pub(super) sessions: Sessions,
}

impl Wanted {
    /// Events and the sessions in them.
    pub(super) fn with_sessions(counted: impl IntoIterator<Item = Counted>) -> Self {
        Self {
            counted: counted.into_iter().collect(),
            sessions: Sessions::Counted,
        }
    }

    /// Events alone.
    pub(super) fn events(counted: impl IntoIterator<Item = Counted>) -> Self {
        Self {
            counted: counted.into_iter().collect(),
            sessions: Sessions::Left,
        }
    }
}

/// A state without sessions.
const NO_SESSIONS: &str = "initializeAggregation('uniqCombined64IfState(17)', '', 0)";

/// Events of periods, each with what is wanted of it; rows have the period's number. Bounds are whole hours.
pub(super) fn of_periods(database: &str, project_id: &str, periods: &[(i64, Range, Wanted)]) -> Statement {
    let (mut keys, mut cuts, mut parts) = (Keys::default(), Cuts::default(), Vec::new());
    for (number, range, wanted) in periods {
        let pieces = cover(range.from, range.to, &Grain::FROM_WEEKS_TO_HOURS);
        let place = format!("toInt64({number})");
        let own = keys.add(wanted);
        let pieces = own.among(&pieces, &mut cuts);
        parts.push(part(&pieces, &place, &own));
    }
    statement(database, project_id, &parts, keys, cuts)
}

/// Events of each bucket, whose bounds are whole hours.
pub(super) fn of_buckets(
    database: &str,
    project_id: &str,
    grid: &Grid,
    wanted: &[Wanted],
    kept: &Kept,
) -> Statement {
    let fitting = Grain::FROM_WEEKS_TO_HOURS
        .into_iter()
        .filter(|grain| grid.fits(grain.seconds()));
    let finest = kept.pick(grid.from(), fitting).unwrap_or(Grain::Hour);
    let grains: Vec<_> = Grain::FROM_WEEKS_TO_HOURS
        .into_iter()
        .filter(|grain| *grain >= finest)
        .collect();
    let pieces = cover_buckets(grid, &grains);
    let bucket = grid.bucket_of("bucket");
    let (mut keys, mut cuts, mut parts) = (Keys::default(), Cuts::default(), Vec::new());
    for wanted in wanted {
        let own = keys.add(wanted);
        let pieces = own.among(&pieces, &mut cuts);
        parts.push(part(&pieces, &bucket, &own));
    }
    grid.bind(statement(database, project_id, &parts, keys, cuts))
}

/// What is counted, as a statement binds it.
#[derive(Default)]
struct Keys {
    keys: Vec<String>,
    kinds: BTreeSet<String>,
    names: BTreeSet<String>,
}

/// The keys of one part of a statement.
struct Own {
    /// Expression for them.
    keys: String,
    /// The kinds among them.
    kinds: Vec<&'static str>,
    sessions: Sessions,
}

impl Own {
    /// That a row is in one of the pieces, and of one of the kinds.
    fn among(&self, pieces: &[Piece], cuts: &mut Cuts) -> String {
        let kinds = self.kinds.iter();
        let of_kind = |kind: &'static str| pieces.iter().flat_map(move |piece| piece.buckets(kind));
        cuts.among("kind", kinds.flat_map(|kind| of_kind(kind)).collect())
    }
}

impl Keys {
    fn add(&mut self, wanted: &Wanted) -> Own {
        let first = self.keys.len() + 1;
        let mut kinds: Vec<_> = wanted.counted.iter().map(|counted| counted.kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        for counted in &wanted.counted {
            self.keys.push(counted.key());
            self.kinds.insert(counted.kind.to_owned());
            self.names.insert(counted.name.clone());
        }
        Own {
            keys: format!(
                "arraySlice({{keys:Array(String)}}, {first}, {})",
                wanted.counted.len()
            ),
            kinds,
            sessions: wanted.sessions,
        }
    }
}

fn part(pieces: &str, place: &str, own: &Own) -> String {
    let Own { keys, sessions, .. } = own;
    let sessions = match sessions {
        Sessions::Counted => "sessions",
        Sessions::Left => NO_SESSIONS,
    };
    // Kinds and names are for the index, which does not know what their sum is.
    format!(
        "SELECT {place} AS place, kind AS of_kind, name AS of_name, count AS part_events, {sessions} AS part_sessions\n    \
         FROM {{database:Identifier}}.activity\n    \
         WHERE project_id = {{project:String}} AND kind IN {{kinds:Array(String)}} AND name IN {{names:Array(String)}} \
         AND concat(kind, ':', name) IN {keys} AND ({pieces})",
    )
}

fn statement(database: &str, project_id: &str, parts: &[String], keys: Keys, cuts: Cuts) -> Statement {
    let sql = format!(
        "SELECT place, of_kind, of_name, sum(part_events) AS events, uniqCombined64IfMerge(17)(part_sessions) AS sessions\n\
         FROM (\n    {parts}\n)\n\
         GROUP BY place, of_kind, of_name",
        parts = parts.join("\n    UNION ALL\n    "),
    );
    cuts.bind(Statement::new(sql).of_rollups())
        .with("database", Parameter::Text(database.to_owned()))
        .with("project", Parameter::Text(project_id.to_owned()))
        .with("keys", Parameter::Texts(keys.keys))
        .with("kinds", Parameter::Texts(keys.kinds.into_iter().collect()))
        .with("names", Parameter::Texts(keys.names.into_iter().collect()))
}
