//! The past of a rule as one statement.

use super::super::super::grain::{Grain, Kept};
use super::super::super::pieces::{Cuts, Piece, cover};
use super::super::batch::{Shape, Subject};
use super::super::cells::{Cells, group_values};
use super::super::field::{Field, slices_with};
use super::request::{HistoryRequest, IN_EACH_WINDOW};
use super::{HISTORY_GROUPS_MAX, SAMPLES_MAX};
use crate::domain::table::Table;
use crate::warehouse::{Parameter, Statement};

/// Where a rule's past is read.
#[derive(Clone, Debug)]
pub(super) struct Past<'p> {
    pub(super) shape: &'p Shape,
    pub(super) subject: &'p Subject<'p>,
    pub(super) request: &'p HistoryRequest,
    pub(super) has_percentiles: bool,
}

impl Past<'_> {
    /// Which table is read: the coarsest whose buckets make up those of the request, if it still has all of the range.
    pub(super) fn source(&self, kept: &Kept) -> Grain {
        kept.pick(self.request.read_from(), self.grains(Some(self.request.bucket)))
            .unwrap_or(Grain::Raw)
    }

    /// What each group has in each window: at most [`HISTORY_GROUPS_MAX`] groups, those with the most events.
    pub(super) fn statement(&self, database: &str, source: Grain, kept: &Kept) -> Statement {
        let group_by: Vec<Field> = self
            .shape
            .group_by
            .iter()
            .map(|dimension| Field::Of(*dimension))
            .collect();
        let mut cuts = Cuts::default();
        let top = self.top(&group_by, source, kept, &mut cuts);
        let cells = Cells {
            among: Some((group_by.as_slice(), top.as_str())).filter(|_| !group_by.is_empty()),
            has_buckets: true,
            has_percentiles: self.has_percentiles,
            ..self.cells(&group_by)
        };
        let piece = Piece {
            grain: source,
            from: self.request.read_from(),
            to: self.request.last,
        };
        // Each bucket counts in every window that it lies in, so no window is looked for where there is nothing.
        let sql = format!(
            "SELECT toUInt32(1) AS subject_number,\n    \
                 {group},\n    \
                 toInt64(sample) AS sample_end,\n    \
                 {merged}\n\
             FROM (\n    {cells}\n)\n\
             {IN_EACH_WINDOW}\n\
             GROUP BY group_values, sample_end\n\
             ORDER BY group_values, sample_end\n\
             LIMIT {{rows_max:UInt64}}",
            group = group_values(&group_by),
            merged = cells.merged(),
            cells = cells.select(&[piece], &mut cuts),
        );
        let mut statement = Statement::new(sql);
        if source != Grain::Raw {
            statement = statement.of_rollups();
        }
        self.bind(cuts.bind(statement), database)
    }

    /// The tables that have it, the coarsest first; with a bucket those whose buckets make it up.
    fn grains(&self, bucket: Option<i64>) -> Vec<Grain> {
        let slices = self.cells(&[]).slices;
        let fits = |grain: &Grain| {
            let is_rolled = slices.is_some_and(|slices| *grain >= slices.finest);
            *grain == Grain::Raw || (is_rolled && bucket.is_none_or(|bucket| bucket % grain.seconds() == 0))
        };
        Grain::FROM_COARSE.into_iter().filter(fits).collect()
    }

    fn cells<'c>(&'c self, fields: &'c [Field]) -> Cells<'c> {
        let is_metric = self.shape.table == Table::PerformanceMetrics;
        Cells {
            table: self.shape.table,
            fields,
            filtered: &self.shape.filtered,
            slices: slices_with(&self.shape.fields()).filter(|_| is_metric),
            has_percentiles: false,
            among: None,
            has_buckets: false,
        }
    }

    /// The groups with the most events, from the coarsest pieces.
    fn top(&self, group_by: &[Field], source: Grain, kept: &Kept, cuts: &mut Cuts) -> String {
        if group_by.is_empty() {
            return String::new();
        }
        let remembers = |grain: &Grain| *grain >= source && kept.from(*grain) <= kept.from(source);
        let grains: Vec<Grain> = self.grains(None).into_iter().filter(remembers).collect();
        let pieces = cover(self.request.read_from(), self.request.last, &grains);
        format!(
            "SELECT {group} FROM (\n    {cells}\n    )\n    \
             GROUP BY group_values ORDER BY sum(part_events) DESC, group_values LIMIT {{groups_max:UInt64}}",
            group = group_values(group_by),
            cells = self.cells(group_by).select(&pieces, cuts),
        )
    }

    fn bind(&self, statement: Statement, database: &str) -> Statement {
        let rows_max = i64::try_from(HISTORY_GROUPS_MAX)
            .unwrap_or(i64::MAX)
            .saturating_mul(SAMPLES_MAX);
        let statement = statement
            .with("database", Parameter::Text(database.to_owned()))
            .with(
                "projects",
                Parameter::Texts(vec![self.subject.project_id.to_owned()]),
            );
        let mut statement = self
            .request
            .bind(statement)
            .with("rows_max", Parameter::Integer(rows_max));
        if !self.shape.group_by.is_empty() {
            let groups_max = i64::try_from(HISTORY_GROUPS_MAX).unwrap_or(i64::MAX);
            statement = statement.with("groups_max", Parameter::Integer(groups_max));
        }
        for field in self.shape.fields() {
            statement = field.bind(statement, self.shape.table);
        }
        for (field, values) in &self.subject.passing {
            let values = values.iter().map(|value| (*value).to_owned()).collect();
            statement = statement.with(format!("any_{}", field.name()), Parameter::Texts(values));
        }
        statement
    }
}
