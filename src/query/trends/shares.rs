//! What the events of some days were told apart by: one look at several dimensions, none of which is filtered.

use clickhouse::Row;
use serde::Deserialize;

use super::super::dimension::Dimension;
use super::super::grain::Grain;
use super::super::pieces::{Cuts, cover};
use super::super::range::Range;
use crate::warehouse::{Parameter, Statement};

/// Values of a dimension that are told apart.
const SHARES_MAX: i64 = 10;

/// Events with one value of a dimension.
#[derive(Clone, Debug, Row, Deserialize)]
pub(super) struct ShareRow {
    pub(super) of_dimension: String,
    pub(super) value: String,
    pub(super) events: u64,
    /// Events with any value of the dimension.
    pub(super) all_events: u64,
}

/// The values with the most events of each dimension. Bounds of the range are whole hours.
pub(super) fn shares(database: &str, project_id: &str, range: Range, dimensions: &[Dimension]) -> Statement {
    let mut cuts = Cuts::default();
    let pieces = cover(range.from, range.to, &Grain::FROM_WEEKS_TO_HOURS);
    let buckets = dimensions.iter().flat_map(|dimension| {
        let pieces = pieces.iter();
        pieces.flat_map(|piece| piece.buckets(dimension.name()))
    });
    let is_within = cuts.among("dimension", buckets.collect());
    let statement = Statement::new(format!(
        "SELECT dimension AS of_dimension, member AS value, sum(count) AS events,\n    \
             sum(events) OVER (PARTITION BY of_dimension) AS all_events\n\
         FROM {{database:Identifier}}.metric_slices\n\
         WHERE project_id = {{project:String}} AND {is_within}\n\
         GROUP BY of_dimension, value\n\
         ORDER BY of_dimension, events DESC, value\n\
         LIMIT {{shares_max:UInt64}} BY of_dimension",
    ));
    cuts.bind(statement.of_rollups())
        .with("database", Parameter::Text(database.to_owned()))
        .with("project", Parameter::Text(project_id.to_owned()))
        .with("shares_max", Parameter::Integer(SHARES_MAX))
}
