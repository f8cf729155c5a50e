//! Rows, added up by what rules tell them apart by.

use super::super::dimension::Slices;
use super::super::grain::Grain;
use super::super::pieces::{Cuts, Piece};
use super::field::Field;
use crate::domain::table::Table;

/// What cells have, selected from raw rows. The same expressions stand in `schema/rollups/`.
const RAW_PARTS: &str = "sum(toUInt64(sample_weight)) AS part_events,\n        \
     sumIf(toUInt64(sample_weight), status >= 500 OR error_context != '') AS part_errors,\n        \
     sum(value * sample_weight) AS part_total,\n        \
     min(value) AS part_least,\n        \
     max(value) AS part_greatest";
const RAW_DIGEST: &str =
    "quantilesTDigestWeightedState(0.5, 0.75, 0.9, 0.95, 0.99)(value, sample_weight) AS part_digest";
const SLICE_PARTS: &str = "count AS part_events, error_count AS part_errors, value_sum AS part_total, \
     value_min AS part_least, value_max AS part_greatest";
const SLICE_DIGEST: &str = "value_quantiles AS part_digest";
/// Other beacons than metrics are counted, and nothing else.
const COUNTED_PARTS: &str = "count() AS part_events";

const MERGED: &str = "sum(part_events) AS events,\n    \
     sum(part_errors) AS errors,\n    \
     sum(part_total) AS total,\n    \
     min(part_least) AS least,\n    \
     max(part_greatest) AS greatest";
const MERGED_COUNTED: &str = "sum(part_events) AS events,\n    \
     toUInt64(0) AS errors, 0. AS total, 0. AS least, 0. AS greatest";
const PERCENTILES: &str =
    "quantilesTDigestWeightedMerge(0.5, 0.75, 0.9, 0.95, 0.99)(part_digest) AS percentiles";
const NO_PERCENTILES: &str = "CAST([], 'Array(Float32)') AS percentiles";

/// What cells are made of.
#[derive(Clone, Debug)]
pub(super) struct Cells<'c> {
    pub(super) table: Table,
    /// What they are told apart by, beside the project.
    pub(super) fields: &'c [Field],
    /// Those of the fields of which only some values are wanted: the parameters `any_…`.
    pub(super) filtered: &'c [Field],
    /// The slices that may be read.
    pub(super) slices: Option<Slices>,
    pub(super) has_percentiles: bool,
    /// Groups of which some are wanted: fields, and the select that gives their values as an array.
    pub(super) among: Option<(&'c [Field], &'c str)>,
    /// Whether they are told apart by time too: the parameter `bucket` is the length of a bucket in seconds.
    pub(super) has_buckets: bool,
}

impl Cells<'_> {
    /// Selects the cells of some pieces, each perhaps in several parts: `cell_project`, `cell_…` for each field, and `part_…`.
    pub(super) fn select(&self, pieces: &[Piece], cuts: &mut Cuts) -> String {
        let (raw, rolled): (Vec<Piece>, Vec<Piece>) =
            pieces.iter().partition(|piece| piece.grain == Grain::Raw);
        let mut selects = Vec::new();
        if let Some(slices) = self.slices.filter(|_| !rolled.is_empty()) {
            selects.push(self.of_slices(slices, &rolled, cuts));
        }
        if !raw.is_empty() {
            selects.push(self.of_rows(&raw, cuts));
        }
        selects.join("\n    UNION ALL\n    ")
    }

    /// The columns of what cells are merged into.
    pub(super) fn merged(&self) -> String {
        let merged = self.by_kind(MERGED, MERGED_COUNTED);
        let percentiles = if self.has_percentiles {
            PERCENTILES
        } else {
            NO_PERCENTILES
        };
        format!("{merged},\n    {percentiles}")
    }

    fn of_rows(&self, pieces: &[Piece], cuts: &mut Cuts) -> String {
        let mut parts = self.by_kind(RAW_PARTS, COUNTED_PARTS).to_owned();
        if self.has_percentiles {
            parts = format!("{parts},\n        {RAW_DIGEST}");
        }
        let columns = self.columns(Grain::Raw, |field| field.of_row(self.table));
        let keys = self.keys();
        let pieces = pieces.iter().map(|piece| cuts.condition(*piece));
        format!(
            "SELECT {columns},\n        {parts}\n    \
             FROM {{database:Identifier}}.{table}\n    \
             WHERE project_id IN {{projects:Array(String)}} AND ({pieces}){filters}\n    \
             GROUP BY {keys}",
            table = self.table.name(),
            pieces = pieces.collect::<Vec<_>>().join(" OR "),
            filters = self.filters(|field| field.of_row(self.table)),
        )
    }

    fn of_slices(&self, slices: Slices, pieces: &[Piece], cuts: &mut Cuts) -> String {
        let mut parts = SLICE_PARTS.to_owned();
        if self.has_percentiles {
            parts = format!("{parts}, {SLICE_DIGEST}");
        }
        let columns = self.columns(Grain::Minute, |field| field.of_slice().to_owned());
        let pieces = if let ([piece], true) = (pieces, self.has_buckets) {
            // The pieces of a series are one long one, whose buckets need no names.
            format!(
                "dimension = '{}' AND {}",
                slices.name(piece.grain),
                cuts.condition(*piece)
            )
        } else {
            let buckets = pieces
                .iter()
                .flat_map(|piece| piece.buckets(&slices.name(piece.grain)).collect::<Vec<_>>());
            cuts.among("dimension", buckets.collect())
        };
        format!(
            "SELECT {columns},\n        {parts}\n    \
             FROM {{database:Identifier}}.metric_slices\n    \
             WHERE project_id IN {{projects:Array(String)}} AND {pieces}{filters}",
            filters = self.filters(|field| field.of_slice().to_owned()),
        )
    }

    fn columns(&self, grain: Grain, value: impl Fn(Field) -> String) -> String {
        let fields = self
            .fields
            .iter()
            .map(|field| format!("{} AS cell_{}", value(*field), field.name()));
        let mut columns = vec!["project_id AS cell_project".to_owned()];
        columns.extend(fields);
        if self.has_buckets {
            let time = grain.time();
            columns.push(format!(
                "intDiv(toInt64(toUnixTimestamp({time})), {{bucket:Int64}}) * {{bucket:Int64}} AS cell_bucket"
            ));
        }
        columns.join(", ")
    }

    fn keys(&self) -> String {
        let mut keys = vec!["cell_project".to_owned()];
        keys.extend(self.fields.iter().map(|field| format!("cell_{}", field.name())));
        if self.has_buckets {
            keys.push("cell_bucket".to_owned());
        }
        keys.join(", ")
    }

    fn filters(&self, value: impl Fn(Field) -> String) -> String {
        let filters = self
            .filtered
            .iter()
            .map(|field| format!(" AND {} IN {{any_{}:Array(String)}}", value(*field), field.name()));
        let among = self.among.map(|(fields, select)| {
            let values = fields.iter().map(|field| value(*field));
            format!(" AND {} IN (\n        {select}\n    )", array_of(values))
        });
        filters.chain(among).collect()
    }

    fn by_kind(&self, of_metrics: &'static str, of_others: &'static str) -> &'static str {
        match self.table {
            Table::PerformanceMetrics => of_metrics,
            _ => of_others,
        }
    }
}

/// The values of some fields of cells as one array, `group_values`.
pub(super) fn group_values(group_by: &[Field]) -> String {
    let values = group_by.iter().map(|field| format!("cell_{}", field.name()));
    format!("{} AS group_values", array_of(values))
}

fn array_of(values: impl Iterator<Item = String>) -> String {
    let values: Vec<String> = values.map(|value| format!("toString({value})")).collect();
    format!("CAST([{}], 'Array(String)')", values.join(", "))
}
