//! Which table answers, and the statement.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::POINTS_MAX;
use super::request::{Dimension, TimeseriesRequest, VITALS_TYPE};
use crate::clock::UnixMicros;
use crate::warehouse::{Parameter, Retention, Statement};

/// Group of everything that is not among the groups shown.
pub(super) const OTHER_GROUP: &str = "__other__";
const DAY_SECONDS: i64 = 86_400;

/// A table that can answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// Rollups per hour.
    Hour,
    /// Rollups per minute.
    Minute,
    /// Raw rows.
    Raw,
}

impl Source {
    const fn table(self) -> &'static str {
        match self {
            Self::Hour => "performance_metrics_hour",
            Self::Minute => "performance_metrics_minute",
            Self::Raw => "performance_metrics",
        }
    }

    /// Length of its buckets.
    const fn seconds(self) -> i64 {
        match self {
            Self::Hour => 3_600,
            Self::Minute => 60,
            Self::Raw => 1,
        }
    }

    /// Days for which it keeps what it has.
    const fn days(self, retention: &Retention) -> u32 {
        match self {
            Self::Hour => retention.hour_days,
            Self::Minute => retention.minute_days,
            Self::Raw => retention.raw_days,
        }
    }

    /// Column with a row's time.
    const fn time(self) -> &'static str {
        match self {
            Self::Hour | Self::Minute => "bucket",
            Self::Raw => "ts",
        }
    }

    /// A bound of the range as a value of that column's own type. A `DateTime64` must not be compared with a
    /// `DateTime`: ClickHouse 26.7 then takes the bound for a whole second in its index analysis, and skips
    /// granules whose rows all lie in the last second before it.
    fn bound(self, parameter: &str) -> String {
        match self {
            Self::Hour | Self::Minute => format!("toDateTime({{{parameter}:Int64}}, 'UTC')"),
            Self::Raw => format!("toDateTime64({{{parameter}:Int64}}, 3, 'UTC')"),
        }
    }

    /// What is selected: count, errors, sum, least, greatest, percentiles.
    const fn aggregates(self) -> [&'static str; 6] {
        match self {
            Self::Hour | Self::Minute => [
                "sum(count)",
                "sum(error_count)",
                "sum(value_sum)",
                "min(value_min)",
                "max(value_max)",
                "quantilesTDigestMerge(0.5, 0.75, 0.9, 0.95, 0.99)(value_quantiles)",
            ],
            Self::Raw => [
                "count()",
                "countIf(status >= 500 OR error_context != '')",
                "sum(value)",
                "min(value)",
                "max(value)",
                "quantilesTDigest(0.5, 0.75, 0.9, 0.95, 0.99)(value)",
            ],
        }
    }
}

/// How a question is answered.
#[derive(Clone, Debug)]
pub(super) struct Plan<'a> {
    pub(super) source: Source,
    /// Time before which the source has forgotten what it had, if that is in the range; seconds.
    pub(super) kept_from: Option<i64>,
    request: &'a TimeseriesRequest,
}

impl<'a> Plan<'a> {
    /// Picks the coarsest table that answers exactly and still has the whole range; when none has it, the
    /// one that reaches back furthest.
    pub(super) fn new(request: &'a TimeseriesRequest, retention: &Retention, now: UnixMicros) -> Self {
        let now_seconds = now.as_millis().div_euclid(1_000);
        let kept_from = |source: Source| now_seconds - i64::from(source.days(retention)) * DAY_SECONDS;
        let exact: Vec<_> = [Source::Hour, Source::Minute, Source::Raw]
            .into_iter()
            .filter(|source| answers_exactly(*source, request))
            .collect();
        let whole = exact
            .iter()
            .copied()
            .find(|source| kept_from(*source) <= request.grid.from());
        let source = whole
            .or_else(|| exact.iter().copied().min_by_key(|source| kept_from(*source)))
            .unwrap_or(Source::Raw);
        Self {
            source,
            kept_from: Some(kept_from(source)).filter(|kept| *kept > request.grid.from()),
            request,
        }
    }

    pub(super) fn statement(&self, database: &str, project_id: &str) -> Statement {
        let [count, errors, sum, least, greatest, percentiles] = self.source.aggregates();
        let group = self.group_expression();
        let bucket = self.request.grid.bucket_of(self.source.time());
        let condition = self.condition();
        // The aliases are not names of columns, which would hide them.
        let sql = format!(
            "SELECT type AS series_type,\n    \
                 if(type = {{vitals_type:String}}, name, '') AS series_name,\n    \
                 {group} AS series_group,\n    \
                 {bucket} AS bucket_start,\n    \
                 {count} AS events,\n    \
                 {errors} AS errors,\n    \
                 {sum} AS total,\n    \
                 {least} AS least,\n    \
                 {greatest} AS greatest,\n    \
                 {percentiles} AS percentiles\n\
             FROM {{database:Identifier}}.{table}\n\
             WHERE {condition}\n\
             GROUP BY series_type, series_name, series_group, bucket_start\n\
             ORDER BY series_type, series_name, series_group, bucket_start\n\
             LIMIT {{rows_max:UInt64}}",
            table = self.source.table(),
        );
        self.bind(Statement::new(sql), database, project_id)
    }

    fn group_expression(&self) -> String {
        let Some(dimension) = self.request.group_by else {
            return "''".to_owned();
        };
        let [count, ..] = self.source.aggregates();
        format!(
            "if({column} IN (\n        \
                 SELECT {column} FROM {{database:Identifier}}.{table}\n        \
                 WHERE {condition}\n        \
                 GROUP BY {column} ORDER BY {count} DESC, {column} LIMIT {{groups_max:UInt64}}\n    \
             ), {column}, {{other:String}})",
            column = dimension.name(),
            table = self.source.table(),
            condition = self.condition(),
        )
    }

    fn condition(&self) -> String {
        let time = self.source.time();
        let (from, to) = (self.source.bound("from"), self.source.bound("to"));
        let mut sql = format!(
            "project_id = {{project:String}} AND type IN {{types:Array(String)}} \
             AND {time} >= {from} AND {time} < {to}"
        );
        for dimension in self.request.filters.keys() {
            let name = dimension.name();
            let values = match dimension {
                Dimension::Status => "Array(UInt16)",
                _ => "Array(String)",
            };
            // Writing to a String cannot fail.
            let _ = write!(sql, " AND {name} IN {{{name}:{values}}}");
        }
        sql
    }

    fn bind(&self, statement: Statement, database: &str, project_id: &str) -> Statement {
        let request = self.request;
        let types = request.types.iter().map(|kind| (*kind).to_owned()).collect();
        let mut statement = statement
            .with("database", Parameter::Text(database.to_owned()))
            .with("project", Parameter::Text(project_id.to_owned()))
            .with("types", Parameter::Texts(types))
            .with("vitals_type", Parameter::Text(VITALS_TYPE.to_owned()))
            .with("rows_max", Parameter::Integer(integer(POINTS_MAX)));
        statement = request.grid.bind(statement);
        if request.group_by.is_some() {
            statement = statement
                .with("groups_max", Parameter::Integer(integer(request.groups_max)))
                .with("other", Parameter::Text(OTHER_GROUP.to_owned()));
        }
        bind_filters(statement, &request.filters)
    }
}

fn answers_exactly(source: Source, request: &TimeseriesRequest) -> bool {
    source == Source::Raw
        || (request.grid.fits(source.seconds())
            && request
                .filters
                .keys()
                .chain(&request.group_by)
                .all(|dimension| dimension.in_rollups()))
}

fn bind_filters(statement: Statement, filters: &BTreeMap<Dimension, Vec<String>>) -> Statement {
    filters.iter().fold(statement, |statement, (dimension, values)| {
        let values = match dimension {
            Dimension::Status => {
                Parameter::Integers(values.iter().filter_map(|value| value.parse().ok()).collect())
            }
            _ => Parameter::Texts(values.clone()),
        };
        statement.with(dimension.name(), values)
    })
}

fn integer(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
