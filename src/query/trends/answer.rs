//! From rows to days and shares.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::activity::{ActivityRow, Counted};
use super::super::iso::as_iso;
use super::super::stats::{StatRow, float, share};
use super::shares::ShareRow;
use super::{CONVERSION_STEP, TrendsRequest};
use crate::domain::beacon::{EVENT_TYPES, Kind, VITALS_TYPE};

/// The last days.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Trends {
    /// Begin of the first day.
    #[serde(serialize_with = "as_iso")]
    #[schema(value_type = String, format = DateTime)]
    pub from: i64,
    /// End of today.
    #[serde(serialize_with = "as_iso")]
    #[schema(value_type = String, format = DateTime)]
    pub to: i64,
    /// Zone of the days.
    pub timezone: String,
    /// How many there are.
    pub days: i64,
    /// Each day, today last.
    pub trends: Vec<Day>,
    /// What the events were.
    pub distributions: Distributions,
}

/// One day.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Day {
    /// When it begins.
    #[serde(serialize_with = "as_iso")]
    #[schema(value_type = String, format = DateTime)]
    pub ts: i64,
    /// Events of all kinds.
    pub events: u64,
    /// Sessions with any event.
    pub sessions: u64,
    /// Sessions that reached the conversion.
    pub conversions: u64,
    /// Share of sessions that did, 0 to 1; null without sessions.
    pub conversion_rate: Option<f64>,
    /// Events by kind.
    pub by_kind: BTreeMap<&'static str, u64>,
    /// Share of measurements that are errors, 0 to 1; null without measurements.
    pub error_share: Option<f64>,
    /// Mean by type of metric; null without events. Vitals are not among them: they have no mean in common.
    pub mean_ms: BTreeMap<String, Option<f64>>,
}

/// What the events of all days were like.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Distributions {
    /// Events by kind.
    pub kinds: Vec<Share>,
    /// Events of users by type.
    pub event_types: Vec<Share>,
    /// Measurements by class of device.
    pub devices: Vec<Share>,
    /// Measurements by browser.
    pub browsers: Vec<Share>,
    /// Measurements by operating system.
    pub systems: Vec<Share>,
    /// Measurements by country.
    pub countries: Vec<Share>,
}

/// One value of a distribution.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Share {
    /// The value; empty where it is not known.
    pub name: String,
    /// Events with it.
    pub count: u64,
    /// As a share of all, 0 to 1.
    pub share: Option<f64>,
}

pub(super) fn assemble(
    request: &TrendsRequest,
    by_day: &[ActivityRow],
    metrics: &[StatRow],
    distributed: Vec<ShareRow>,
) -> Trends {
    let mut distributions = Distributions {
        kinds: shares(Kind::ALL.map(|kind| counted(by_day, kind.as_str(), Counted::of(kind)))),
        event_types: shares(EVENT_TYPES.map(|name| counted(by_day, name, Counted::named(Kind::Event, name)))),
        devices: Vec::new(),
        browsers: Vec::new(),
        systems: Vec::new(),
        countries: Vec::new(),
    };
    for row in distributed {
        let list = match row.of_dimension.as_str() {
            "device" => &mut distributions.devices,
            "browser" => &mut distributions.browsers,
            "os" => &mut distributions.systems,
            _ => &mut distributions.countries,
        };
        list.push(Share {
            share: share(row.events, row.all_events),
            name: row.value,
            count: row.events,
        });
    }
    let starts = request.grid.starts();
    Trends {
        from: request.grid.from(),
        to: request.grid.to(),
        timezone: request.zone_name.clone(),
        days: request.days,
        trends: starts.iter().map(|start| day(*start, by_day, metrics)).collect(),
        distributions,
    }
}

fn day(start: i64, by_day: &[ActivityRow], metrics: &[StatRow]) -> Day {
    let found = |counted: &Counted| {
        let row = by_day.iter().find(|row| row.is(counted, start));
        row.map_or((0, 0), |row| (row.events, row.sessions))
    };
    let (events, sessions) = found(&Counted::all());
    let (_, conversions) = found(&Counted::named(Kind::Funnel, CONVERSION_STEP));
    let of_day: Vec<_> = metrics.iter().filter(|row| row.bucket_start == start).collect();
    let measured: u64 = of_day.iter().map(|row| row.events).sum();
    let errors: u64 = of_day.iter().map(|row| row.errors).sum();
    let means = of_day.iter().filter(|row| row.series_type != VITALS_TYPE);
    Day {
        ts: start,
        events,
        sessions,
        conversions,
        conversion_rate: share(conversions.min(sessions), sessions),
        by_kind: Kind::ALL
            .into_iter()
            .map(|kind| (kind.as_str(), found(&Counted::of(kind)).0))
            .collect(),
        error_share: share(errors, measured),
        mean_ms: means
            .map(|row| {
                (
                    row.series_type.clone(),
                    (row.events > 0).then(|| row.total / float(row.events)),
                )
            })
            .collect(),
    }
}

/// Events of all days.
fn counted(by_day: &[ActivityRow], name: &str, counted: Counted) -> (String, u64) {
    let rows = by_day.iter().filter(|row| row.counts(&counted));
    (name.to_owned(), rows.map(|row| row.events).sum())
}

/// Those that occur, the most frequent first.
fn shares<const N: usize>(counts: [(String, u64); N]) -> Vec<Share> {
    let all = counts.iter().map(|(_, count)| count).sum();
    let mut shares: Vec<Share> = counts
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| Share {
            name,
            count,
            share: share(count, all),
        })
        .collect();
    shares.sort_by_key(|share| std::cmp::Reverse(share.count));
    shares
}
