//! A plan as one statement.

use std::fmt::Write as _;

use super::super::dimension::Dimension;
use super::super::grain::Grain;
use super::super::grid::Grid;
use super::super::pieces::{Cuts, Part, period_of};
use super::{OTHER_GROUP, Plan, SortBy};
use crate::domain::beacon::{METRIC_TYPES, VITALS_TYPE};
use crate::domain::page::PageRequest;
use crate::warehouse::{Parameter, Statement};

/// What rollups hold, selected from raw rows. The same expressions stand in `schema/rollups/`.
const RAW_PARTS: &str = "sum(toUInt64(sample_weight)) AS part_events,\n        \
     sumIf(toUInt64(sample_weight), status >= 500 OR error_context != '') AS part_errors,\n        \
     sumIf(toUInt64(sample_weight), value <= transform(series_name, ['LCP', 'INP', 'CLS', 'FCP', 'TTFB'], [2500., 200., 0.1, 1800., 800.], -1.)) AS part_good,\n        \
     sumIf(toUInt64(sample_weight), value > transform(series_name, ['LCP', 'INP', 'CLS', 'FCP', 'TTFB'], [4000., 500., 0.25, 3000., 1800.], inf)) AS part_poor,\n        \
     sum(value * sample_weight) AS part_total,\n        \
     min(value) AS part_least,\n        \
     max(value) AS part_greatest,\n        \
     quantilesTDigestWeightedState(0.5, 0.75, 0.9, 0.95, 0.99)(value, sample_weight) AS part_digest";

const ROLLUP_PARTS: &str = "count AS part_events, error_count AS part_errors, good_count AS part_good, poor_count AS part_poor, \
     value_sum AS part_total, value_min AS part_least, value_max AS part_greatest, value_quantiles AS part_digest";

const MERGED: &str = "sum(part_events) AS events,\n    \
     sum(part_errors) AS errors,\n    \
     sum(part_good) AS good,\n    \
     sum(part_poor) AS poor,\n    \
     sum(part_total) AS total,\n    \
     min(part_least) AS least,\n    \
     max(part_greatest) AS greatest";

const PERCENTILES: &str =
    "quantilesTDigestWeightedMerge(0.5, 0.75, 0.9, 0.95, 0.99)(part_digest) AS percentiles";
const NO_PERCENTILES: &str = "CAST([], 'Array(Float32)') AS percentiles";

impl Plan<'_> {
    /// Statistics by type, name, group and bucket, at most `rows_max`. The `groups_max` groups with the most events are told
    /// apart, the rest is one, [`OTHER_GROUP`].
    pub(in super::super) fn statement(
        &self,
        database: &str,
        project_id: &str,
        groups_max: usize,
        rows_max: usize,
    ) -> Statement {
        let mut cuts = Cuts::default();
        let group = match self.selection.group_by {
            Some(_) => {
                let top = self.top(&mut cuts);
                format!("if(series_member IN (\n        {top}), series_member, {{other:String}})")
            }
            None => "''".to_owned(),
        };
        let sql = format!(
            "SELECT series_type, series_name,\n    \
                 {group} AS series_group,\n    \
                 bucket_start,\n    \
                 {MERGED},\n    \
                 {percentiles},\n    \
                 toUInt64(0) AS list_rows\n\
             FROM (\n    {parts}\n)\n\
             GROUP BY series_type, series_name, series_group, bucket_start\n\
             ORDER BY series_type, series_name, series_group, bucket_start\n\
             LIMIT {{rows_max:UInt64}}",
            percentiles = if self.has_percentiles {
                PERCENTILES
            } else {
                NO_PERCENTILES
            },
            parts = self.parts(&self.parts, self.grid, &mut cuts),
        );
        let statement = self
            .bind(Statement::new(sql), database, project_id, cuts)
            .with("rows_max", integer(rows_max))
            .with("groups_max", integer(groups_max))
            .with("other", Parameter::Text(OTHER_GROUP.to_owned()));
        match self.grid {
            Some(grid) => grid.bind(statement),
            None => statement,
        }
    }

    /// One page of the list of types, names and groups.
    pub(in super::super) fn list(
        &self,
        database: &str,
        project_id: &str,
        sort: SortBy,
        page: PageRequest,
    ) -> Statement {
        let mut cuts = Cuts::default();
        let sql = format!(
            "SELECT series_type, series_name,\n    \
                 series_member AS series_group,\n    \
                 toInt64(0) AS bucket_start,\n    \
                 {MERGED},\n    \
                 {PERCENTILES},\n    \
                 count() OVER () AS list_rows\n\
             FROM (\n    {parts}\n)\n\
             GROUP BY series_type, series_name, series_group\n\
             ORDER BY {order}, series_group, series_type, series_name\n\
             LIMIT {{limit:UInt64}} OFFSET {{offset:UInt64}}",
            parts = self.parts(&self.whole, None, &mut cuts),
            order = sort.expression(),
        );
        self.bind(Statement::new(sql), database, project_id, cuts)
            .with("limit", Parameter::Integer(i64::from(page.limit())))
            .with(
                "offset",
                Parameter::Integer(i64::try_from(page.offset()).unwrap_or(i64::MAX)),
            )
    }

    /// Statistics of one page of the list of members: those with the most events first, or those with the highest 75th
    /// percentile of one vital. `list_rows` is the number of all members.
    pub(in super::super) fn members(
        &self,
        database: &str,
        project_id: &str,
        vital: Option<&str>,
        page: PageRequest,
    ) -> Statement {
        let mut cuts = Cuts::default();
        let (has_vital, worst) = match vital {
            None => ("true", "0"),
            Some(_) => (
                "max(series_name = {vital:String}) OVER of_member",
                "maxIf(percentiles[2], series_name = {vital:String}) OVER of_member",
            ),
        };
        // All in one: to look at the members of the page again took longer than to merge the states of the others.
        let sql = format!(
            "SELECT series_type, series_name, series_group, bucket_start, events, errors, good, poor, total, least, greatest, percentiles,\n    \
                 max(place) OVER () AS list_rows\n\
             FROM (\n    \
                 SELECT *, dense_rank() OVER (ORDER BY has_vital DESC, worst DESC, all_events DESC, series_group) AS place\n    \
                 FROM (\n    \
                     SELECT *, {has_vital} AS has_vital, {worst} AS worst, sum(events) OVER of_member AS all_events\n    \
                     FROM (\n    \
                         SELECT series_type, series_name, series_member AS series_group, toInt64(0) AS bucket_start,\n    \
                         {MERGED},\n    \
                         {PERCENTILES}\n\
             FROM (\n    {parts}\n)\n\
             GROUP BY series_type, series_name, series_group\n\
             ) WINDOW of_member AS (PARTITION BY series_group)))\n\
             QUALIFY place > {{offset:UInt64}} AND place <= {{offset:UInt64}} + {{limit:UInt64}}\n\
             ORDER BY place, series_type, series_name",
            parts = self.parts(&self.whole, None, &mut cuts),
        );
        let statement = self
            .bind(Statement::new(sql), database, project_id, cuts)
            .with("limit", Parameter::Integer(i64::from(page.limit())))
            .with(
                "offset",
                Parameter::Integer(i64::try_from(page.offset()).unwrap_or(i64::MAX)),
            );
        match vital {
            Some(vital) => statement.with("vital", Parameter::Text(vital.to_owned())),
            None => statement,
        }
    }

    /// The groups with the most events.
    fn top(&self, cuts: &mut Cuts) -> String {
        format!(
            "SELECT series_member FROM (\n    {parts}\n)\n    \
             GROUP BY series_member ORDER BY sum(part_events) DESC, series_member LIMIT {{groups_max:UInt64}}",
            parts = self.parts(&self.whole, None, cuts),
        )
    }

    /// What all pieces have, by type, name, member and bucket.
    fn parts(&self, parts: &[Part], grid: Option<&Grid>, cuts: &mut Cuts) -> String {
        let (raw, rolled): (Vec<Part>, Vec<Part>) =
            parts.iter().partition(|part| part.piece.grain == Grain::Raw);
        let tables = [rolled, raw].into_iter().filter(|parts| !parts.is_empty());
        let selects = tables.map(|parts| self.select_from(&parts, grid, cuts));
        selects.collect::<Vec<_>>().join("\n    UNION ALL\n    ")
    }

    /// What the pieces of one table have. It is read once for all of them: a select for each would take longer to plan
    /// than to answer.
    fn select_from(&self, parts: &[Part], grid: Option<&Grid>, cuts: &mut Cuts) -> String {
        let is_raw = parts.iter().any(|part| part.piece.grain == Grain::Raw);
        let time = if is_raw { Grain::Raw } else { Grain::Hour }.time();
        let bucket = grid.map_or_else(|| period_of(parts, cuts), |grid| grid.bucket_of(time));
        let group = self.selection.group_by;
        let slices = self.selection.slices().filter(|_| !is_raw);
        let mut condition = "project_id = {project:String}".to_owned();
        let pieces = match (slices, parts) {
            // A series may be one long piece.
            (Some(slices), [Part { piece, .. }]) if grid.is_some() => {
                let name = slices.name(piece.grain);
                format!("dimension = '{name}' AND {}", cuts.condition(*piece))
            }
            (Some(slices), _) => {
                let buckets = parts.iter().flat_map(|part| {
                    part.piece
                        .buckets(&slices.name(part.piece.grain))
                        .collect::<Vec<_>>()
                });
                cuts.among("dimension", buckets.collect())
            }
            (None, _) => {
                let pieces = parts.iter().map(|part| cuts.condition(part.piece));
                pieces.collect::<Vec<_>>().join(" OR ")
            }
        };
        // All types are no condition: it would be looked at for each range of the index.
        let types = if METRIC_TYPES
            .iter()
            .all(|kind| self.selection.types.contains(kind))
        {
            ""
        } else {
            " AND type IN {types:Array(String)}"
        };
        // Writing to a String cannot fail.
        let _ = write!(
            condition,
            "{types} AND ({pieces}){filters}",
            filters = self
                .selection
                .filters
                .condition(slices.and_then(|slices| slices.dimension)),
        );
        match slices {
            Some(slices) => {
                let member = match group {
                    None => "''",
                    Some(group) if slices.dimension == Some(group) => "member",
                    Some(group) => group.name(),
                };
                format!(
                    "SELECT type AS series_type, name AS series_name, {member} AS series_member,\n        \
                         {bucket} AS bucket_start,\n        \
                         {ROLLUP_PARTS}\n    \
                     FROM {{database:Identifier}}.metric_slices\n    \
                     WHERE {condition}"
                )
            }
            None => format!(
                "SELECT type AS series_type, if(type = {{vitals_type:String}}, name, '') AS series_name, {member} AS series_member,\n        \
                     {bucket} AS bucket_start,\n        \
                     {RAW_PARTS}\n    \
                 FROM {{database:Identifier}}.performance_metrics\n    \
                 WHERE {condition}\n    \
                 GROUP BY series_type, series_name, series_member, bucket_start",
                member = group.map_or("''", Dimension::name),
            ),
        }
    }

    fn bind(&self, statement: Statement, database: &str, project_id: &str, cuts: Cuts) -> Statement {
        let types = self
            .selection
            .types
            .iter()
            .map(|kind| (*kind).to_owned())
            .collect();
        let mut statement = statement
            .with("database", Parameter::Text(database.to_owned()))
            .with("project", Parameter::Text(project_id.to_owned()))
            .with("types", Parameter::Texts(types))
            .with("vitals_type", Parameter::Text(VITALS_TYPE.to_owned()));
        statement = cuts.bind(statement);
        if self.parts.iter().any(|part| part.piece.grain != Grain::Raw) {
            statement = statement.of_rollups();
        }
        self.selection.filters.bind(statement)
    }
}

fn integer(number: usize) -> Parameter {
    Parameter::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}
