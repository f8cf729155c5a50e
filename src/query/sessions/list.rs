//! The latest sessions.

use std::borrow::Cow;
use std::collections::BTreeMap;

use clickhouse::Row;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::super::cursor::Cursor;
use super::super::estimate::Estimate;
use super::super::iso::as_iso_ms;
use super::super::parameters::Parameters;
use super::super::period::Period;
use super::super::raw_filters::AnyFilters;
use super::SLICE_ROWS_MAX;
use super::span::Span;
use crate::clock::UnixMicros;
use crate::domain::account::Project;
use crate::domain::beacon::{ID_CHARS_MAX, Kind};
use crate::domain::field_error::FieldError;
use crate::domain::table::Table;
use crate::warehouse::{Parameter, SelectError, Statement, Warehouse};

/// Range without `from`.
const RANGE_DEFAULT: SignedDuration = SignedDuration::from_hours(24);
/// Sessions of a page.
const LIMIT_DEFAULT: i64 = 50;
const LIMIT_MAX: i64 = 200;
/// Slices that are looked at for one page.
const SLICES_MAX: u32 = 12;
/// Shortest slice.
const SLICE_S_MIN: i64 = 60;
/// How far around a slice a session's rows are looked for.
const DAY_S: i64 = 86_400;
/// Kinds that every session has a row of; alerts may have no session.
const KINDS: [Kind; 3] = [Kind::Metric, Kind::Funnel, Kind::Event];

/// What beside period and filters is asked for; [`SessionsRequest::parse`] reads it.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `parse` reads")]
pub struct SessionsParameters {
    /// Sessions of a page at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A question for sessions.
#[derive(Clone, Debug, Serialize)]
pub struct SessionsRequest {
    /// When.
    pub period: Period,
    filters: AnyFilters,
    cursor: Option<Cursor>,
    limit: i64,
}

/// A session.
#[derive(Clone, Debug, PartialEq, Serialize, Row, Deserialize, utoipa::ToSchema)]
#[schema(as = StoredSession)]
pub struct Session {
    /// Its id.
    pub session_id: String,
    /// Time of its first row, in milliseconds since 1970.
    #[serde(serialize_with = "as_iso_ms")]
    #[schema(value_type = String, format = DateTime)]
    pub start: i64,
    /// Time of its last row.
    #[serde(serialize_with = "as_iso_ms")]
    #[schema(value_type = String, format = DateTime)]
    pub end: i64,
    /// From the one to the other.
    pub duration_ms: i64,
    /// Metrics, steps, events and alerts.
    pub rows: u64,
    /// Metrics.
    pub metrics: u64,
    /// Steps of funnels.
    pub steps: u64,
    /// Events.
    pub events: u64,
    /// Alerts.
    pub alerts: u64,
    /// Rows that tell of an error: metrics with a status from 500 on or an error's context, and events of errors.
    pub errors: u64,
    /// Different pages.
    pub pages: u64,
    /// The first page that is known; empty for none.
    pub entry_page: String,
    /// The last user that it named; empty for none.
    pub user_id: String,
    /// Family of the browser.
    pub browser: String,
    /// Family of the operating system.
    pub os: String,
    /// Kind of device.
    pub device: String,
    /// Country.
    pub country: String,
    /// Time of the last metric, step or event that passes the filters: by this the list is sorted.
    #[serde(serialize_with = "as_iso_ms")]
    #[schema(value_type = String, format = DateTime)]
    pub last_fit: i64,
}

/// Some sessions.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct SessionsPage {
    /// The sessions, the one with the latest row first.
    pub items: Vec<Session>,
    /// Where the list goes on; null at its end.
    pub next_cursor: Option<String>,
}

#[derive(Clone, Debug, Row, Deserialize)]
struct Candidate {
    session: String,
    last_ms: i64,
}

impl SessionsRequest {
    /// Reads the parameters of a query string, already decoded.
    ///
    /// | parameter | meaning |
    /// |---|---|
    /// | `from`, `to`, `timezone` | the last 24 hours unless given |
    /// | `limit` | sessions of a page, 1 to 200, otherwise 50 |
    /// | `cursor` | where the list goes on, from the answer before |
    /// | others | filters: sessions with a row that fits all of them |
    ///
    /// # Errors
    /// Every parameter that is unknown or cannot be used.
    pub fn parse<'a>(
        parameters: impl IntoIterator<Item = (Cow<'a, str>, Cow<'a, str>)>,
        project: &Project,
        now: UnixMicros,
    ) -> Result<Self, Vec<FieldError>> {
        let mut reader = Parameters::new(parameters);
        let (period, _) = reader.period(project.time_zone.as_str(), RANGE_DEFAULT, now);
        let limit = reader.number("limit", LIMIT_DEFAULT, 1..=LIMIT_MAX);
        let cursor = reader.cursor(|id| id.chars().count() <= ID_CHARS_MAX);
        let filters = reader.any_filters(&KINDS.map(Kind::table), &[]);
        reader.nothing_else();
        reader.no_faults()?;
        Ok(Self {
            period,
            filters,
            cursor,
            limit,
        })
    }

    /// Tables whose rows can pass the filters, with the filters as conditions.
    fn tables(&self) -> Vec<(Table, String)> {
        let tables = KINDS.map(Kind::table);
        let with_filters = tables
            .into_iter()
            .filter_map(|table| Some((table, self.filters.of(table)?.condition())));
        with_filters.collect()
    }

    fn estimate(&self) -> Statement {
        let selects = KINDS.map(|kind| {
            format!(
                "SELECT ts FROM {{database:Identifier}}.{} WHERE project_id = {{project:String}} AND {}",
                kind.table().name(),
                Period::CONDITION
            )
        });
        self.period.bind(Statement::new(format!(
            "EXPLAIN ESTIMATE {}",
            selects.join(" UNION ALL ")
        )))
    }

    /// Sessions with rows in a slice, the latest first.
    fn candidates(&self, slice: &Period, cursor: Option<&Cursor>) -> Option<Statement> {
        let tables = self.tables();
        if tables.is_empty() {
            return None;
        }
        let selects: Vec<String> = tables
            .iter()
            .map(|(table, filters)| {
                format!(
                    "SELECT session_id AS session, max(ts) AS last\n    \
                     FROM {{database:Identifier}}.{}\n    \
                     WHERE project_id = {{project:String}} AND {}{filters}\n    \
                     GROUP BY session_id",
                    table.name(),
                    Period::CONDITION,
                )
            })
            .collect();
        let behind = match cursor {
            None => "",
            Some(_) => "\nHAVING (last_ms, session) < ({cursor_ms:Int64}, {cursor_id:String})",
        };
        let sql = format!(
            "SELECT session, max(toUnixTimestamp64Milli(last)) AS last_ms\n\
             FROM (\n    {}\n)\n\
             WHERE session != ''\n\
             GROUP BY session{behind}\n\
             ORDER BY last_ms DESC, session DESC LIMIT {{rows_max:UInt64}}\n\
             SETTINGS max_bytes_before_external_group_by = 150000000",
            selects.join("\n    UNION ALL\n    "),
        );
        let statement = self
            .filters
            .bind(slice.bind(Statement::new(sql)))
            .with("rows_max", Parameter::Integer(self.limit + 1));
        Some(match cursor {
            None => statement,
            Some(cursor) => statement
                .with("cursor_ms", Parameter::Integer(cursor.ts_ms))
                .with("cursor_id", Parameter::Text(cursor.id.clone())),
        })
    }

    /// All that there is of these sessions.
    fn details(&self, around: &Period, sessions: Vec<String>) -> Statement {
        let selects = Kind::ALL.map(|kind| {
            let table = kind.table();
            let (page, is_error, browser) = match kind {
                Kind::Metric => ("toString(page)", "status >= 500 OR error_context != ''", "browser"),
                Kind::Event => (
                    "ifNull(toString(getSubcolumn(event_data, 'page')), '')",
                    "event_type = 'error_occurrence'",
                    "browser",
                ),
                Kind::Funnel => (
                    "ifNull(toString(getSubcolumn(metadata, 'page')), '')",
                    "false",
                    "browser",
                ),
                Kind::Alert => ("''", "false", "browser_family"),
            };
            let fits = match self.filters.of(table) {
                Some(filters) if KINDS.contains(&kind) => format!("true{}", filters.condition()),
                _ => "false".to_owned(),
            };
            format!(
                "SELECT session_id AS session, toUnixTimestamp64Milli(ts) AS ms, '{kind}' AS row_kind, {page} AS row_page,\n        \
                     toBool({is_error}) AS is_error, user_id AS row_user, toString({browser}) AS row_browser,\n        \
                     toString(os) AS row_os, toString(device) AS row_device, toString(country) AS row_country,\n        \
                     toBool({fits}) AS fits\n    \
                 FROM {{database:Identifier}}.{table}\n    \
                 WHERE project_id = {{project:String}} AND session_id IN {{sessions:Array(String)}} AND {period}",
                kind = kind.as_str(),
                table = table.name(),
                period = Period::CONDITION,
            )
        });
        let sql = format!(
            "SELECT session AS session_id, min(ms) AS start, max(ms) AS end, end - start AS duration_ms, count() AS rows,\n    \
                 countIf(row_kind = 'metric') AS metrics, countIf(row_kind = 'funnel') AS steps,\n    \
                 countIf(row_kind = 'event') AS events, countIf(row_kind = 'alert') AS alerts, countIf(is_error) AS errors,\n    \
                 uniqExactIf(row_page, row_page != '') AS pages, argMinIf(row_page, ms, row_page != '') AS entry_page,\n    \
                 argMaxIf(row_user, ms, row_user != '') AS user_id, argMaxIf(row_browser, ms, row_browser != '') AS browser,\n    \
                 argMaxIf(row_os, ms, row_os != '') AS os, argMaxIf(row_device, ms, row_device != '') AS device,\n    \
                 argMaxIf(row_country, ms, row_country != '') AS country, maxIf(ms, fits) AS last_fit\n\
             FROM (\n    {}\n)\n\
             GROUP BY session",
            selects.join("\n    UNION ALL\n    "),
        );
        self.filters
            .bind(around.bind(Statement::new(sql)))
            .with("sessions", Parameter::Texts(sessions))
    }
}

/// Asks the warehouse.
///
/// # Errors
/// Why the warehouse has no answer.
pub async fn sessions(
    warehouse: &Warehouse,
    project_id: &str,
    request: &SessionsRequest,
) -> Result<SessionsPage, SelectError> {
    sessions_of(warehouse, project_id, request, SLICE_ROWS_MAX).await
}

/// The same with slices of another size.
///
/// # Errors
/// Why the warehouse has no answer.
pub async fn sessions_of(
    warehouse: &Warehouse,
    project_id: &str,
    request: &SessionsRequest,
    slice_rows_max: u64,
) -> Result<SessionsPage, SelectError> {
    let question = warehouse.question();
    let database = question.database_name()?;
    let whose = |statement: Statement| {
        statement
            .with("database", Parameter::Text(database.clone()))
            .with("project", Parameter::Text(project_id.to_owned()))
    };
    let limit = usize::try_from(request.limit).unwrap_or_default();
    let rows = Estimate::rows(&question, &whose(request.estimate())).await?;
    let slices = i64::try_from(rows.div_ceil(slice_rows_max.max(1)).max(1)).unwrap_or(i64::MAX);
    let mut slice_s = (request.period.seconds() / slices).max(SLICE_S_MIN);
    let mut cursor = request.cursor.clone();
    let mut to = match &cursor {
        Some(cursor) => (cursor.ts_ms.div_euclid(1_000) + 1).min(request.period.to),
        None => request.period.to,
    };
    let mut items: Vec<Session> = Vec::new();
    for _ in 0..SLICES_MAX {
        let slice = Period {
            from: (to - slice_s).max(request.period.from),
            to,
            timezone: request.period.timezone.clone(),
        };
        let Some(statement) = request.candidates(&slice, cursor.as_ref()) else {
            break;
        };
        let found: Vec<Candidate> = question.select(&whose(statement)).await?;
        let has_more = found.len() > limit;
        if !found.is_empty() {
            let named: BTreeMap<String, i64> = found
                .iter()
                .take(limit)
                .map(|candidate| (candidate.session.clone(), candidate.last_ms))
                .collect();
            let around = Period {
                from: (slice.from - DAY_S).max(request.period.from),
                to: (slice.to + DAY_S).min(request.period.to),
                timezone: slice.timezone.clone(),
            };
            let names: Vec<String> = named.keys().cloned().collect();
            let spans: Vec<Span> = question
                .select(&whose(Span::statement(&around, names.clone())))
                .await?;
            let around = spans
                .first()
                .map_or_else(|| around.clone(), |span| span.within(&around));
            let mut told: Vec<Session> = question.select(&whose(request.details(&around, names))).await?;
            told.retain(|session| named.get(&session.session_id) == Some(&session.last_fit));
            told.sort_by(|a, b| (b.last_fit, &b.session_id).cmp(&(a.last_fit, &a.session_id)));
            items.append(&mut told);
        }
        if items.len() > limit {
            break;
        }
        if has_more {
            // More of this slice: behind the last one that was looked at.
            cursor = found.get(limit - 1).map(|last| Cursor {
                ts_ms: last.last_ms,
                id: last.session.clone(),
            });
        } else if slice.from <= request.period.from {
            return Ok(page(items, limit, None));
        } else {
            to = slice.from;
            slice_s *= 2;
            // No session has an empty id: behind everything that is not older than the slice.
            cursor = Some(Cursor {
                ts_ms: to * 1_000,
                id: String::new(),
            });
        }
        if items.len() >= limit {
            break;
        }
    }
    Ok(page(items, limit, cursor))
}

/// The page, which goes on behind its last session, or behind what was looked at.
fn page(mut items: Vec<Session>, limit: usize, looked_at: Option<Cursor>) -> SessionsPage {
    let is_cut = items.len() > limit;
    items.truncate(limit);
    let last = items.last().filter(|_| is_cut).map(|last| Cursor {
        ts_ms: last.last_fit,
        id: last.session_id.clone(),
    });
    SessionsPage {
        items,
        next_cursor: last.or(looked_at).map(|cursor| cursor.text()),
    }
}
