//! Errors of a period, in groups.

use std::borrow::Cow;
use std::collections::BTreeMap;

use clickhouse::Row;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::super::iso::{as_iso_ms, as_iso_or_null};
use super::super::parameters::Parameters;
use super::super::period::Period;
use super::super::raw_filters::AnyFilters;
use super::normalise::{SOURCES, fingerprint, normalised};
use crate::clock::UnixMicros;
use crate::domain::account::Project;
use crate::domain::dashboard::{ErrorRecord, ErrorState};
use crate::domain::field_error::FieldError;
use crate::domain::page::{Page, PageRequest};
use crate::warehouse::{Parameter, Retention, SelectError, Statement, Warehouse};

/// Range without `from`.
const RANGE_DEFAULT: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Most groups of a period.
const GROUPS_MAX: usize = 1_000;
/// Points of a group's small chart.
const POINTS: i64 = 24;
/// Most releases that a group names.
const RELEASES_MAX: usize = 20;

/// What beside period, filters and pages is asked for; [`ErrorsRequest::parse`] reads it.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `parse` reads")]
pub struct ErrorsParameters {
    /// `open` (with those that came again), `reopened`, `resolved` or `ignored`.
    #[param(pattern = "^(open|reopened|resolved|ignored)$")]
    state: Option<String>,
    /// By what groups are sorted: `last_seen`, `first_seen` or `count`.
    #[param(default = "last_seen", pattern = "^(last_seen|first_seen|count)$")]
    sort: Option<String>,
}

/// A question for errors.
#[derive(Clone, Debug, Serialize)]
pub struct ErrorsRequest {
    /// When.
    pub period: Period,
    state: Option<&'static str>,
    sort: &'static str,
    filters: AnyFilters,
    page: i64,
    page_size: i64,
}

/// Groups of errors.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ErrorGroups {
    /// When.
    #[serde(flatten)]
    pub period: Period,
    /// Time before which raw rows are kept no more, when that is inside the period.
    #[serde(serialize_with = "as_iso_or_null", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub kept_from: Option<i64>,
    /// True when there are more groups than are looked at: the last of them in the order that was asked for are left out.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
    /// The groups.
    #[serde(flatten)]
    pub groups: Page<ErrorGroup>,
}

/// Errors that say the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ErrorGroup {
    /// What the group is known by.
    pub fingerprint: String,
    /// `open`, `resolved`, `ignored`, or `reopened`: resolved, and come again since.
    pub state: &'static str,
    /// The message, with what differs replaced.
    pub title: String,
    /// The latest message as it was sent.
    pub message: String,
    /// Kinds of the rows: `event`, `metric`.
    pub sources: Vec<String>,
    /// How often.
    pub count: u64,
    /// In how many sessions, within 1 %.
    pub sessions: u64,
    /// For how many users, within 1 %; those without one are not counted.
    pub users: u64,
    /// First time in the period, in milliseconds since 1970.
    #[serde(serialize_with = "as_iso_ms")]
    #[schema(value_type = String, format = DateTime)]
    pub first_seen: i64,
    /// Last time in the period.
    #[serde(serialize_with = "as_iso_ms")]
    #[schema(value_type = String, format = DateTime)]
    pub last_seen: i64,
    /// Releases, at most 20.
    pub releases: Vec<String>,
    /// How often in each of 24 equal parts of the period.
    pub points: Vec<u64>,
}

#[derive(Clone, Debug, Row, Deserialize)]
struct GroupRow {
    print: String,
    title: String,
    latest: String,
    sources: Vec<String>,
    occurrences: u64,
    sessions: u64,
    users: u64,
    first_ms: i64,
    last_ms: i64,
    releases: Vec<String>,
    points: Vec<u64>,
}

impl ErrorsRequest {
    /// Reads the parameters of a query string, already decoded.
    ///
    /// | parameter | meaning |
    /// |---|---|
    /// | `state` | `open` (with those that came again), `reopened`, `resolved` or `ignored`; all unless given |
    /// | `sort` | `last_seen` (also without it), `first_seen`, `count` |
    /// | `from`, `to`, `timezone` | the last 7 days unless given |
    /// | `page_number`, `page_size` | which page of the list, 1 to 500 groups each, otherwise 50 |
    /// | others | filters |
    ///
    /// # Errors
    /// Every parameter that is unknown or cannot be used.
    pub fn parse<'a>(
        parameters: impl IntoIterator<Item = (Cow<'a, str>, Cow<'a, str>)>,
        project: &Project,
        now: UnixMicros,
    ) -> Result<Self, Vec<FieldError>> {
        let mut reader = Parameters::new(parameters);
        let state = reader.word("state", ["open", "reopened", "resolved", "ignored"]);
        let sort = reader.word("sort", ["last_seen", "first_seen", "count"]);
        let (period, _) = reader.period(project.time_zone.as_str(), RANGE_DEFAULT, now);
        let page = reader.number("page_number", 1, 1..=1_000_000);
        let size_max = i64::from(PageRequest::SIZE_MAX);
        let page_size = reader.number("page_size", i64::from(PageRequest::SIZE_DEFAULT), 1..=size_max);
        let tables = SOURCES.map(|(kind, ..)| kind.table());
        let filters = reader.any_filters(&tables, &[]);
        reader.nothing_else();
        reader.no_faults()?;
        Ok(Self {
            period,
            state,
            sort: sort.unwrap_or("last_seen"),
            filters,
            page,
            page_size,
        })
    }

    /// Errors are few among many rows: whether a row is one is looked at before anything else is read of it. What takes
    /// most of the time is still the granules of metrics that hold an error, of which all other columns are read.
    fn statement(&self, database: &str, project_id: &str) -> Option<Statement> {
        let selects: Vec<String> = SOURCES
            .iter()
            .filter_map(|(kind, condition, message)| {
                let filters = self.filters.of(kind.table())?.condition();
                let release = match kind.table() {
                    crate::domain::table::Table::PerformanceMetrics => "toString(release)",
                    _ => "toString(event_data.release)",
                };
                Some(format!(
                    "SELECT '{kind}' AS source, {message} AS message, CAST({normalised} AS String) AS normal, toUnixTimestamp64Milli(ts) AS ms,\n        \
                         session_id AS session, user_id AS row_user, {release} AS row_release\n    \
                     FROM {{database:Identifier}}.{table}\n    \
                     PREWHERE {condition}\n    \
                     WHERE project_id = {{project:String}} AND {period}{filters}",
                    kind = kind.as_str(),
                    // Functions of a dictionary's texts are worked out once a text, and most errors repeat themselves.
                    normalised = normalised(&format!("toLowCardinality({message})")),
                    table = kind.table().name(),
                    period = Period::CONDITION,
                ))
            })
            .collect();
        if selects.is_empty() {
            return None;
        }
        let order = match self.sort {
            "count" => "occurrences DESC, last_ms DESC",
            "first_seen" => "first_ms DESC",
            _ => "last_ms DESC",
        };
        let sql = format!(
            "SELECT {print} AS print, normal AS title, argMax(message, ms) AS latest,\n    \
                 arraySort(groupUniqArray(source)) AS sources, count() AS occurrences,\n    \
                 uniqCombined64(session) AS sessions, uniqCombined64If(row_user, row_user != '') AS users,\n    \
                 min(ms) AS first_ms, max(ms) AS last_ms,\n    \
                 arraySort(groupUniqArrayIf({RELEASES_MAX})(row_release, row_release != '')) AS releases,\n    \
                 countResample(0, {POINTS}, 1)(intDiv((ms - {{range_from:Int64}} * 1000) * {POINTS}, \
                     ({{range_to:Int64}} - {{range_from:Int64}}) * 1000)) AS points\n\
             FROM (\n    {selects}\n)\n\
             GROUP BY normal\n\
             ORDER BY {order}, print LIMIT {limit}",
            print = fingerprint("normal"),
            selects = selects.join("\n    UNION ALL\n    "),
            limit = GROUPS_MAX + 1,
        );
        let statement = Statement::new(sql)
            .with("database", Parameter::Text(database.to_owned()))
            .with("project", Parameter::Text(project_id.to_owned()));
        Some(self.filters.bind(self.period.bind(statement)))
    }

    fn shows(&self, state: &str) -> bool {
        match self.state {
            None => true,
            Some("open") => state == "open" || state == "reopened",
            Some(wanted) => state == wanted,
        }
    }
}

/// Asks the warehouse; `records` are what has been decided about errors of the project.
///
/// # Errors
/// Why the warehouse has no answer.
pub async fn errors(
    warehouse: &Warehouse,
    retention: &Retention,
    records: &[ErrorRecord],
    project_id: &str,
    request: &ErrorsRequest,
    now: UnixMicros,
) -> Result<ErrorGroups, SelectError> {
    let statement = request.statement(&warehouse.database_name()?, project_id);
    let mut rows: Vec<GroupRow> = match statement {
        Some(statement) => warehouse.select(&statement).await?,
        None => Vec::new(),
    };
    let truncated = rows.len() > GROUPS_MAX;
    rows.truncate(GROUPS_MAX);
    let records: BTreeMap<&str, &ErrorRecord> = records
        .iter()
        .map(|record| (record.fingerprint.as_str(), record))
        .collect();
    let groups: Vec<ErrorGroup> = rows
        .into_iter()
        .map(|row| {
            let state = state_of(records.get(row.print.as_str()).copied(), row.last_ms);
            row.group(state)
        })
        .filter(|group| request.shows(group.state))
        .collect();
    let number = |number| u32::try_from(number).unwrap_or(u32::MAX);
    let page = PageRequest::new(number(request.page), number(request.page_size));
    let total = groups.len() as u64;
    let before = usize::try_from(page.offset()).unwrap_or(usize::MAX);
    let items = groups
        .into_iter()
        .skip(before)
        .take(page.limit() as usize)
        .collect();
    Ok(ErrorGroups {
        period: request.period.clone(),
        kept_from: request.period.kept_from(retention, now),
        truncated,
        groups: Page::new(items, total, page),
    })
}

fn state_of(record: Option<&ErrorRecord>, last_seen_ms: i64) -> &'static str {
    let Some(record) = record else {
        return ErrorState::Open.as_str();
    };
    let state = record.state_at(last_seen_ms);
    if state == record.state {
        state.as_str()
    } else {
        "reopened"
    }
}

impl GroupRow {
    fn group(self, state: &'static str) -> ErrorGroup {
        ErrorGroup {
            fingerprint: self.print,
            state,
            title: self.title,
            message: self.latest,
            sources: self.sources,
            count: self.occurrences,
            sessions: self.sessions,
            users: self.users,
            first_seen: self.first_ms,
            last_seen: self.last_ms,
            releases: self.releases,
            points: self.points,
        }
    }
}
