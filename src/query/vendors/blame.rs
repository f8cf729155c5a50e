//! Blame: whether a step of a funnel was taken less often while a vendor did badly.
//!
//! Sessions that came to one step are put into buckets by when they came, with whether they took the next one in time. Beside them stand
//! the vendors' contacts of the same buckets. [`judge`] says whether both go together more than chance would have it; it is never said
//! that one causes the other.
//!
//! A vendor is within the step when the product called it for sessions that came to it (`X-Fresnel-Session` of relayed calls). Where no
//! call names its session nobody knows, and all vendors are looked at.

mod answer;
mod judge;

use std::borrow::Cow;
use std::collections::HashMap;

use clickhouse::Row;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::super::parameters::Parameters;
use super::super::period::Period;
use super::statement::{By, Selection};
use super::totals::TotalsRow;
use crate::clock::UnixMicros;
use crate::domain::account::Project;
use crate::domain::field_error::{FieldError, FieldFault};
use crate::warehouse::{Parameter, SelectError, Statement, Warehouse};

pub use answer::Blame;

const RANGE_DEFAULT: SignedDuration = SignedDuration::from_hours(24);
/// Longest range: 31 days.
const RANGE_MAX_S: i64 = 31 * 86_400;
/// About so many buckets: enough for a drop of half an hour in a day to be seen, and not so many that each is empty.
const BUCKETS: i64 = 288;
const WINDOW_DEFAULT_S: i64 = 1_800;
const STEP_CHARS_MAX: usize = 100;

/// What beside the period is asked for; [`BlameRequest::parse`] reads it.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `parse` reads")]
pub struct BlameParameters {
    /// The step that sessions come to.
    #[param(max_length = 100, example = "processing_started")]
    from_step: String,
    /// The step that they should take next.
    #[param(max_length = 100, example = "processing_completed")]
    to_step: String,
    /// Seconds within which they should.
    #[param(minimum = 1, maximum = 86_400, default = 1_800)]
    window_s: Option<u32>,
    /// One integration, by its name in addresses; all unless given.
    integration: Option<String>,
}

/// A question for blame.
#[derive(Clone, Debug, Serialize)]
pub struct BlameRequest {
    /// When sessions came.
    pub period: Period,
    from_step: String,
    to_step: String,
    window_s: i64,
    integration: Option<String>,
    bucket_s: i64,
}

impl BlameRequest {
    /// Reads the parameters of a query string, already decoded: those of [`BlameParameters`] and the period, the last 24 hours unless
    /// given.
    ///
    /// # Errors
    /// Every parameter that is unknown or cannot be used.
    pub fn parse<'a>(
        parameters: impl IntoIterator<Item = (Cow<'a, str>, Cow<'a, str>)>,
        project: &Project,
        now: UnixMicros,
    ) -> Result<Self, Vec<FieldError>> {
        let mut reader = Parameters::new(parameters);
        let mut step = |name: &'static str| match reader.one(name) {
            Some(step) if step.chars().count() <= STEP_CHARS_MAX => step,
            Some(_) => {
                reader.fault(name, FieldFault::TooLong, "must have 1 to 100 characters");
                String::new()
            }
            None => {
                reader.fault(name, FieldFault::Missing, "is required");
                String::new()
            }
        };
        let (from_step, to_step) = (step("from_step"), step("to_step"));
        if from_step == to_step && !from_step.is_empty() {
            reader.fault(
                "to_step",
                FieldFault::Conflict,
                "must be another step than from_step",
            );
        }
        let window_s = reader.number("window_s", WINDOW_DEFAULT_S, 1..=86_400);
        let integration = reader.one("integration");
        let (period, _) = reader.period(project.time_zone.as_str(), RANGE_DEFAULT, now);
        reader.nothing_else();
        if period.seconds() > RANGE_MAX_S {
            reader.fault(
                "from",
                FieldFault::OutOfRange,
                "must be at most 31 days before `to`",
            );
        }
        reader.no_faults()?;
        // Whole minutes.
        let bucket_s = (period.seconds() / BUCKETS / 60).max(1) * 60;
        Ok(Self {
            period,
            from_step,
            to_step,
            window_s,
            integration,
            bucket_s,
        })
    }

    fn bind(&self, statement: Statement, database: &str, project_id: &str) -> Statement {
        let statement = statement
            .with("database", Parameter::Text(database.to_owned()))
            .with("project", Parameter::Text(project_id.to_owned()))
            .with("from_step", Parameter::Text(self.from_step.clone()));
        self.period.bind(statement)
    }

    /// Sessions by when they came, and whether and how soon they went on.
    fn sessions(&self, database: &str, project_id: &str) -> Statement {
        let statement = Statement::new(
            "SELECT toInt64({range_from:Int64} + intDiv(begun - {range_from:Int64}, {bucket:Int64}) * {bucket:Int64}) AS bucket_start,\n    \
                 count() AS sessions, countIf(went_on_s >= 0) AS went_on,\n    \
                 quantileExactIf(0.5)(went_on_s, went_on_s >= 0) AS step_s\n\
             FROM (\n    \
                 SELECT toInt64(toUnixTimestamp(minIf(ts, step = {from_step:String}))) AS begun,\n        \
                     countIf(step = {from_step:String} AND ts < toDateTime64({range_to:Int64}, 3, 'UTC')) AS came,\n        \
                     arraySort(groupArrayIf(toUnixTimestamp64Milli(ts) / 1000, step = {to_step:String})) AS taken,\n        \
                     toUnixTimestamp64Milli(minIf(ts, step = {from_step:String})) / 1000 AS came_s,\n        \
                     arrayFirstOrNull(at -> at >= came_s AND at <= came_s + {window:Int64}, taken) AS next_s,\n        \
                     if(isNull(next_s), -1., assumeNotNull(next_s) - came_s) AS went_on_s\n    \
                 FROM {database:Identifier}.funnel_steps\n    \
                 WHERE project_id = {project:String} AND step IN ({from_step:String}, {to_step:String})\n        \
                     AND ts >= toDateTime64({range_from:Int64}, 3, 'UTC') AND ts < toDateTime64({range_to:Int64} + {window:Int64}, 3, 'UTC')\n    \
                 GROUP BY session_id HAVING came > 0\n\
             )\n\
             GROUP BY bucket_start ORDER BY bucket_start",
        );
        self.bind(statement, database, project_id)
            .with("to_step", Parameter::Text(self.to_step.clone()))
            .with("window", Parameter::Integer(self.window_s))
            .with("bucket", Parameter::Integer(self.bucket_s))
    }

    /// For how many sessions that came each vendor was called.
    fn callers(&self, database: &str, project_id: &str) -> Statement {
        let statement = Statement::new(format!(
            "SELECT toString(integration) AS name, uniqExact(session_id) AS sessions\n\
             FROM {{database:Identifier}}.vendor_calls\n\
             WHERE project_id = {{project:String}} AND side = 'relay' AND session_id != '' AND {period}\n    \
                 AND session_id IN (\n        \
                     SELECT session_id FROM {{database:Identifier}}.funnel_steps\n        \
                     WHERE project_id = {{project:String}} AND step = {{from_step:String}} AND {period}\n    \
                 )\n\
             GROUP BY name",
            period = Period::CONDITION
        ));
        self.bind(statement, database, project_id)
    }
}

#[derive(Clone, Debug, Row, Deserialize)]
struct SessionsRow {
    bucket_start: i64,
    sessions: u64,
    went_on: u64,
    step_s: f64,
}

#[derive(Clone, Debug, Row, Deserialize)]
struct CallersRow {
    name: String,
    sessions: u64,
}

/// Asks the warehouse.
///
/// # Errors
/// Why the warehouse has no answer.
pub async fn blame(
    warehouse: &Warehouse,
    project_id: &str,
    request: &BlameRequest,
) -> Result<Blame, SelectError> {
    let question = warehouse.question();
    let database = question.database_name()?;
    let (from_s, to_s) = (request.period.from, request.period.to);
    let contacts = Selection {
        project_id,
        integration: request.integration.as_deref(),
        from_s,
        to_s,
        bucket_s: Some(request.bucket_s),
        by: By::Integration,
        excluded: &[],
    };
    let statements = (
        request.sessions(&database, project_id),
        request.callers(&database, project_id),
        contacts.statement(&database),
    );
    let (sessions, callers, contacts): (Vec<SessionsRow>, Vec<CallersRow>, Vec<TotalsRow>) = tokio::try_join!(
        question.select(&statements.0),
        question.select(&statements.1),
        question.select(&statements.2),
    )?;
    let callers: HashMap<String, u64> = callers.into_iter().map(|row| (row.name, row.sessions)).collect();
    Ok(request.answer(&sessions, &callers, contacts))
}
