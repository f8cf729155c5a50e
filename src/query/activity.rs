//! Events of all kinds, and the sessions in them, from the rollups of activity.
//!
//! Counts are exact. Numbers of sessions are estimates with a standard error of 0.3 %, and exact up to some thousands.

use clickhouse::Row;
use serde::Deserialize;

use super::grain::{Grain, Kept, Piece, cover};
use super::grid::Grid;
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
        self.place == place && self.of_kind == counted.kind && self.of_name == counted.name
    }
}

/// Whether sessions are asked for: reading their states costs most of the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sessions {
    Counted,
    Left,
}

/// Events of periods, each with what is counted in it; rows have the period's number. Bounds are whole hours.
pub(super) fn of_periods(
    database: &str,
    project_id: &str,
    periods: &[(Range, Vec<Counted>)],
    sessions: Sessions,
) -> Statement {
    let mut cuts = Vec::new();
    let mut parts = Vec::new();
    let mut keys = Vec::new();
    for (place, (range, counted)) in (0_i64..).zip(periods) {
        let first_key = keys.len() + 1;
        keys.extend(counted.iter().map(Counted::key));
        let count = counted.len();
        for piece in cover(range.from, range.to, &[Grain::Day, Grain::Hour]) {
            let keys = format!("arraySlice({{keys:Array(String)}}, {first_key}, {count})");
            parts.push(part(piece, &format!("toInt64({place})"), &keys, &mut cuts));
        }
    }
    statement(database, project_id, &parts, keys, cuts, sessions)
}

/// Events of each bucket, whose bounds are whole hours.
pub(super) fn of_buckets(
    database: &str,
    project_id: &str,
    grid: &Grid,
    counted: &[Counted],
    kept: &Kept,
) -> Statement {
    let grains = [Grain::Day, Grain::Hour];
    let fitting = grains.into_iter().filter(|grain| grid.fits(grain.seconds()));
    let piece = Piece {
        grain: kept.pick(grid.from(), fitting).unwrap_or(Grain::Hour),
        from: grid.from(),
        to: grid.to(),
    };
    let keys = counted.iter().map(Counted::key).collect();
    let mut cuts = Vec::new();
    let part = part(
        piece,
        &grid.bucket_of("bucket"),
        "{keys:Array(String)}",
        &mut cuts,
    );
    grid.bind(statement(
        database,
        project_id,
        &[part],
        keys,
        cuts,
        Sessions::Counted,
    ))
}

fn part(piece: Piece, place: &str, keys: &str, cuts: &mut Vec<i64>) -> String {
    cuts.extend([piece.from, piece.to]);
    let table = match piece.grain {
        Grain::Day => "activity_day",
        Grain::Hour | Grain::Minute | Grain::Raw => "activity_hour",
    };
    let from = piece
        .grain
        .bound(&format!("{{cuts:Array(Int64)}}[{}]", cuts.len() - 1));
    let to = piece
        .grain
        .bound(&format!("{{cuts:Array(Int64)}}[{}]", cuts.len()));
    format!(
        "SELECT {place} AS place, kind AS of_kind, name AS of_name, count AS part_events, sessions AS part_sessions\n    \
         FROM {{database:Identifier}}.{table}\n    \
         WHERE project_id = {{project:String}} AND concat(kind, ':', name) IN {keys} AND bucket >= {from} AND bucket < {to}"
    )
}

fn statement(
    database: &str,
    project_id: &str,
    parts: &[String],
    keys: Vec<String>,
    cuts: Vec<i64>,
    sessions: Sessions,
) -> Statement {
    let sessions = match sessions {
        Sessions::Counted => "uniqCombined64IfMerge(17)(part_sessions)",
        Sessions::Left => "toUInt64(0)",
    };
    let sql = format!(
        "SELECT place, of_kind, of_name, sum(part_events) AS events, {sessions} AS sessions\n\
         FROM (\n    {parts}\n)\n\
         GROUP BY place, of_kind, of_name",
        parts = parts.join("\n    UNION ALL\n    "),
    );
    Statement::new(sql)
        .with("database", Parameter::Text(database.to_owned()))
        .with("project", Parameter::Text(project_id.to_owned()))
        .with("keys", Parameter::Texts(keys))
        .with("cuts", Parameter::Integers(cuts))
}
