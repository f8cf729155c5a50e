//! How often which values were measured, over time: of each bucket a histogram. It shows what percentiles hide, such as two
//! humps, or the few that wait for ever.
//!
//! Bands are the same for all questions about a type, so that charts can be compared: each is about one and a half times as wide as the
//! one before, as what people perceive of a duration is. Counts are exact; they come from the raw rows.

mod request;

use std::collections::BTreeMap;

use clickhouse::Row;
use serde::{Deserialize, Serialize};

use super::iso::{as_iso, as_iso_or_null};
use super::period::Period;
use crate::clock::UnixMicros;
use crate::warehouse::{Parameter, Retention, SelectError, Statement, Warehouse};

pub use request::{HeatmapParameters, HeatmapRequest};

/// Most buckets of an answer.
pub const BUCKETS_MAX: i64 = 1_000;

/// Where bands of milliseconds meet. The first begins with 0, the last one has no end.
pub const BOUNDS_MS: [f64; 21] = [
    5.0, 10.0, 20.0, 30.0, 50.0, 75.0, 100.0, 150.0, 200.0, 300.0, 500.0, 750.0, 1_000.0, 1_500.0, 2_000.0,
    3_000.0, 5_000.0, 7_500.0, 10_000.0, 15_000.0, 30_000.0,
];
/// The same of layout shifts, which have no unit.
pub const BOUNDS_CLS: [f64; 9] = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0];

/// How often which values were measured.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Heatmap {
    /// When.
    #[serde(flatten)]
    pub period: Period,
    /// Usual length of a bucket.
    pub interval_ms: i64,
    /// Type of the measurements.
    #[serde(rename = "type")]
    pub metric_type: &'static str,
    /// Which web vital.
    pub name: Option<&'static str>,
    /// Where bands meet: a value at a bound belongs to the band above it.
    pub bounds: Vec<f64>,
    /// Every bucket of the period.
    pub buckets: Vec<HeatmapBucket>,
    /// Time before which raw rows are kept no more, when that is inside.
    #[serde(serialize_with = "as_iso_or_null", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub kept_from: Option<i64>,
}

/// A bucket's histogram.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct HeatmapBucket {
    /// Its start.
    #[serde(serialize_with = "as_iso")]
    #[schema(value_type = String, format = DateTime)]
    pub ts: i64,
    /// Measurements in each band, one more than there are bounds: the first is below all of them.
    pub counts: Vec<u64>,
}

#[derive(Clone, Debug, Row, Deserialize)]
struct CellRow {
    bucket_start: i64,
    band: u64,
    events: u64,
}

/// Asks the warehouse.
///
/// # Errors
/// Why the warehouse has no answer.
pub async fn heatmap(
    warehouse: &Warehouse,
    retention: &Retention,
    project_id: &str,
    request: &HeatmapRequest,
    now: UnixMicros,
) -> Result<Heatmap, SelectError> {
    let question = warehouse.question();
    let statement = request.statement(&question.database_name()?, project_id);
    let rows: Vec<CellRow> = question.select(&statement).await?;
    let bounds = request.bounds();
    let mut counts: BTreeMap<i64, Vec<u64>> = BTreeMap::new();
    for row in rows {
        let of_bucket = counts
            .entry(row.bucket_start)
            .or_insert_with(|| vec![0; bounds.len() + 1]);
        if let Some(count) = usize::try_from(row.band)
            .ok()
            .and_then(|band| of_bucket.get_mut(band))
        {
            *count += row.events;
        }
    }
    let starts = request
        .grid
        .bounds()
        .split_last()
        .map_or(&[][..], |(_, starts)| starts);
    let bucket = |ts: &i64| HeatmapBucket {
        ts: *ts,
        counts: counts.remove(ts).unwrap_or_else(|| vec![0; bounds.len() + 1]),
    };
    Ok(Heatmap {
        period: request.period.clone(),
        interval_ms: request.interval.seconds() * 1_000,
        metric_type: request.metric_type,
        name: request.name,
        buckets: starts.iter().map(bucket).collect(),
        bounds: bounds.to_vec(),
        kept_from: request.period.kept_from(retention, now),
    })
}

impl HeatmapRequest {
    fn bounds(&self) -> &'static [f64] {
        if self.name == Some("CLS") {
            &BOUNDS_CLS
        } else {
            &BOUNDS_MS
        }
    }

    fn statement(&self, database: &str, project_id: &str) -> Statement {
        let named = if self.name.is_some() {
            " AND name = {name:String}"
        } else {
            ""
        };
        // Below the first bound everything is at 0. A number shows itself with all the digits that it needs.
        let edges: Vec<_> = self.bounds().iter().map(f64::to_string).collect();
        let statement = Statement::new(format!(
            "WITH arrayMap(edge -> toFloat64(edge), ['0', '{edges}']) AS edges\n\
             SELECT {bucket} AS bucket_start,\n    \
                 toUInt64(indexOf(edges, roundDown(value, edges)) - 1) AS band,\n    \
                 count() AS events\n\
             FROM {{database:Identifier}}.performance_metrics\n\
             WHERE project_id = {{project:String}} AND type = {{type:String}}{named}{filters} AND {period}\n\
             GROUP BY bucket_start, band",
            edges = edges.join("', '"),
            bucket = self.grid.bucket_of("ts"),
            filters = self.filters.condition(),
            period = Period::CONDITION,
        ));
        let statement = statement
            .with("database", Parameter::Text(database.to_owned()))
            .with("project", Parameter::Text(project_id.to_owned()))
            .with("type", Parameter::Text(self.metric_type.to_owned()));
        let statement = match self.name {
            None => statement,
            Some(name) => statement.with("name", Parameter::Text(name.to_owned())),
        };
        self.filters.bind(self.period.bind(self.grid.bind(statement)))
    }
}
