//! From rows to rated vitals.

use serde::Serialize;

use super::super::grain::Grain;
use super::super::iso::{as_iso, as_iso_or_null};
use super::super::stats::{StatRow, Stats, share};
use super::request::VitalsRequest;
use crate::domain::account::{Threshold, ThresholdState};
use crate::domain::beacon::VITALS;
use crate::domain::page::Page;

/// The web vitals of a range.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct WebVitals {
    /// Begin of the range.
    #[serde(serialize_with = "as_iso")]
    #[schema(value_type = String, format = DateTime)]
    pub from: i64,
    /// End of the range.
    #[serde(serialize_with = "as_iso")]
    #[schema(value_type = String, format = DateTime)]
    pub to: i64,
    /// The finest table that was read.
    pub source: Grain,
    /// Time before which that table keeps nothing any more, when that is inside the range.
    #[serde(serialize_with = "as_iso_or_null", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub kept_from: Option<i64>,
    /// Vitals without a name, which are in nothing else here.
    pub unnamed: u64,
    /// Each vital, also those without events.
    pub vitals: Vec<Vital>,
    /// One page of the list of groups.
    pub groups: Page<GroupVitals>,
}

/// One vital.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Vital {
    /// Name of the vital.
    pub name: &'static str,
    /// Events.
    pub count: u64,
    /// Median.
    pub p50: Option<f64>,
    /// 75th percentile, by which it is rated.
    pub p75: Option<f64>,
    /// 95th percentile.
    pub p95: Option<f64>,
    /// By the 75th percentile; null without events.
    pub rating: Option<Rating>,
    /// Share of events that are good, 0 to 1.
    pub good_share: Option<f64>,
    /// Share of events that need improvement, 0 to 1.
    pub needs_improvement_share: Option<f64>,
    /// Share of events that are poor, 0 to 1.
    pub poor_share: Option<f64>,
    /// Bounds between the ratings, in the unit of the vital.
    pub thresholds: Option<Bounds>,
    /// 75th percentile in the range before; absent unless compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>)]
    pub previous_p75: Option<Option<f64>>,
}

/// Bounds between the ratings of a vital.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = VitalBounds)]
pub struct Bounds {
    /// Good up to here.
    pub good: f64,
    /// Poor above.
    pub poor: f64,
}

/// How good a vital is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = VitalRating)]
pub enum Rating {
    /// Up to its first bound.
    Good,
    /// Up to its second bound.
    NeedsImprovement,
    /// Above.
    Poor,
}

/// The vitals of one group.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct GroupVitals {
    /// Value of what is grouped by: empty for events without one.
    pub group: String,
    /// Each vital, also those without events.
    pub vitals: Vec<Vital>,
}

pub(super) fn assemble(
    request: &VitalsRequest,
    source: Grain,
    kept_from: Option<i64>,
    rows: &[StatRow],
    of_groups: &[StatRow],
) -> WebVitals {
    let range = request.range;
    let now = |name: &str| find(rows, "", name, 0);
    let before = |name: &str| {
        range
            .before
            .map(|_| find(rows, "", name, 1).and_then(|row| Stats::new(row).p75))
    };
    let total = of_groups.first().map_or(0, |row| row.list_rows);
    let groups = of_groups.chunk_by(|one, next| one.series_group == next.series_group);
    let groups = groups.filter_map(|rows| {
        let group = &rows.first()?.series_group;
        Some(GroupVitals {
            vitals: asked(request)
                .map(|name| Vital::new(name, find(rows, group, name, 0), None))
                .collect(),
            group: group.clone(),
        })
    });
    WebVitals {
        from: range.now.from,
        to: range.now.to,
        source,
        kept_from,
        unnamed: now("").map_or(0, |row| row.events),
        vitals: asked(request)
            .map(|name| Vital::new(name, now(name), before(name)))
            .collect(),
        groups: Page::new(groups.collect(), total, request.page),
    }
}

/// The vitals that are asked for.
fn asked(request: &VitalsRequest) -> impl Iterator<Item = &'static str> {
    VITALS
        .into_iter()
        .filter(|name| request.selection.asks_for_name(name))
}

fn find<'r>(rows: &'r [StatRow], group: &str, name: &str, period: i64) -> Option<&'r StatRow> {
    rows.iter().find(|row| {
        row.series_group == group && row.series_name == name && row.bucket_start == period && row.events > 0
    })
}

impl Vital {
    fn new(name: &'static str, row: Option<&StatRow>, previous_p75: Option<Option<f64>>) -> Self {
        let stats = row.map(Stats::new).unwrap_or_default();
        let bounds = Threshold::of_vital(name);
        let (good, poor) = row.map_or((0, 0), |row| (row.good, row.poor));
        let needs_improvement = stats.count.saturating_sub(good).saturating_sub(poor);
        Self {
            name,
            count: stats.count,
            p50: stats.p50,
            p75: stats.p75,
            p95: stats.p95,
            rating: bounds.and_then(|bounds| Rating::of(bounds.state(stats.p75))),
            good_share: share(good, stats.count),
            needs_improvement_share: share(needs_improvement, stats.count),
            poor_share: share(poor, stats.count),
            thresholds: bounds.map(|bounds| Bounds {
                good: bounds.warning,
                poor: bounds.critical,
            }),
            previous_p75,
        }
    }
}

impl Rating {
    const fn of(state: ThresholdState) -> Option<Self> {
        match state {
            ThresholdState::None => None,
            ThresholdState::Ok => Some(Self::Good),
            ThresholdState::Warning => Some(Self::NeedsImprovement),
            ThresholdState::Critical => Some(Self::Poor),
        }
    }
}
