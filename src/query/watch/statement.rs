//! A batch as one statement.

use std::collections::BTreeSet;
use std::iter::once;

use super::super::grain::Grain;
use super::super::pieces::Cuts;
use super::batch::{Batch, Look};
use super::cells::{Cells, group_values};
use super::field::{Field, slices_with};
use super::single;
use crate::domain::table::Table;
use crate::warehouse::{Parameter, Statement};

impl Batch<'_> {
    /// What each subject has, by its number and by group, the groups with the most events.
    pub(super) fn statement(&self, database: &str) -> Statement {
        let fields = self.shape.fields();
        let statement = match self.shape.look {
            Look::Window(window) => {
                let slices = match self.shape.table {
                    Table::PerformanceMetrics => slices_with(&fields),
                    _ => None,
                };
                let pieces = window.pieces(slices);
                let cells = Cells {
                    table: self.shape.table,
                    fields: &fields,
                    filtered: &self.shape.filtered,
                    slices,
                    has_percentiles: self.has_percentiles,
                    among: None,
                    has_buckets: false,
                };
                let mut cuts = Cuts::default();
                let select = cells.select(&pieces, &mut cuts);
                let mut statement = Statement::new(self.joined(&cells.merged(), &select, ""));
                if pieces.iter().any(|piece| piece.grain != Grain::Raw) {
                    statement = statement.of_rollups();
                }
                cuts.bind(statement)
            }
            Look::Greatest | Look::Least => {
                let worst = single::Worst::of(self.shape.look);
                let select = worst.select(&fields, &self.shape.filtered);
                let statement = Statement::new(self.joined(&worst.merged(), &select, &worst.condition()));
                worst.bind(statement, &self.subjects)
            }
        };
        self.bind(statement.on_one_core(), database, &fields)
    }

    /// Joins cells with subjects: by project and by the field that tells subjects apart best; the others are looked up.
    fn joined(&self, merged: &str, cells: &str, condition: &str) -> String {
        let key = self.key();
        let (subjects, on) = match key {
            None => (
                "SELECT arrayJoin(arrayEnumerate({projects:Array(String)})) AS subject, ".to_owned(),
                String::new(),
            ),
            Some(field) => (
                format!(
                    "SELECT (arrayJoin({{match_{name}:Array(Tuple(UInt32, String))}}) AS pair).1 AS subject, pair.2 AS subject_value, ",
                    name = field.name(),
                ),
                format!(" AND cells.cell_{} = subjects.subject_value", field.name()),
            ),
        };
        let others = self.shape.filtered.iter().filter(|field| Some(**field) != key);
        let mut conditions: Vec<String> = others
            .map(|field| {
                let name = field.name();
                format!("(subject, cell_{name}) IN {{match_{name}:Array(Tuple(UInt32, String))}}")
            })
            .collect();
        conditions.extend(Some(condition.to_owned()).filter(|condition| !condition.is_empty()));
        let conditions = if conditions.is_empty() {
            String::new()
        } else {
            format!("\nWHERE {}", conditions.join(" AND "))
        };
        let group_by: Vec<Field> = self
            .shape
            .group_by
            .iter()
            .map(|dimension| Field::Of(*dimension))
            .collect();
        format!(
            "SELECT toUInt32(subject) AS subject_number,\n    \
                 {group},\n    \
                 toInt64(0) AS sample_end,\n    \
                 {merged}\n\
             FROM (\n    {cells}\n) AS cells\n\
             INNER JOIN (\n    \
                 {subjects}{{projects:Array(String)}}[subject] AS subject_project\n\
             ) AS subjects ON cells.cell_project = subjects.subject_project{on}{conditions}\n\
             GROUP BY subject_number, group_values\n\
             ORDER BY subject_number, events DESC, group_values\n\
             LIMIT {{groups_max:UInt64}} BY subject_number",
            group = group_values(&group_by),
        )
    }

    /// The field with the most values.
    fn key(&self) -> Option<Field> {
        let fields = self.shape.filtered.iter().copied();
        fields.max_by_key(|field| self.values(*field).len())
    }

    /// All values that some subject asks for.
    fn values(&self, field: Field) -> BTreeSet<&str> {
        let subjects = self.subjects.iter();
        let values = subjects.filter_map(|subject| subject.passing.get(&field));
        values.flatten().copied().collect()
    }

    /// Subjects are numbered from 1, as ClickHouse counts places.
    fn bind(&self, statement: Statement, database: &str, fields: &[Field]) -> Statement {
        let projects = self.subjects.iter().map(|subject| subject.project_id.to_owned());
        let mut statement = statement
            .with("database", Parameter::Text(database.to_owned()))
            .with("projects", Parameter::Texts(projects.collect()))
            .with(
                "groups_max",
                Parameter::Integer(i64::try_from(self.shape.look.groups_max()).unwrap_or(i64::MAX)),
            );
        for field in fields {
            statement = field.bind(statement, self.shape.table);
        }
        for field in &self.shape.filtered {
            let any = self.values(*field).into_iter().map(str::to_owned).collect();
            let pairs = (1..).zip(&self.subjects).flat_map(|(number, subject)| {
                let values = subject.passing.get(field).into_iter().flatten();
                values
                    .zip(once(number).cycle())
                    .map(|(value, number)| (number, (*value).to_owned()))
            });
            let pairs = pairs.collect();
            statement = statement
                .with(format!("any_{}", field.name()), Parameter::Texts(any))
                .with(format!("match_{}", field.name()), Parameter::Pairs(pairs));
        }
        statement
    }
}
