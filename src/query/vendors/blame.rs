//! Blame: whether a step of a funnel was taken less often while a vendor did badly.
//!
//! Sessions that came to one step are put into buckets by when they came, with whether they took the next one in time. Beside them stand
//! the vendors' contacts of the same buckets. [`judge`] says whether both go together more than chance would have it; it is never said
//! that one causes the other.
//!
//! A vendor is within the step when the product called it for sessions that came to it (`X-Fresnel-Session` of relayed calls). Where no
//! call names its session nobody knows, and all vendors are looked at.

mod judge;

use std::borrow::Cow;
use std::collections::HashMap;

use clickhouse::Row;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::super::iso::as_iso;
use super::super::parameters::Parameters;
use super::super::period::Period;
use super::super::stats::{float, share};
use super::statement::{By, Selection};
use super::totals::{Totals, TotalsRow};
use crate::clock::UnixMicros;
use crate::domain::account::Project;
use crate::domain::field_error::{FieldError, FieldFault};
use crate::warehouse::{Parameter, SelectError, Statement, Warehouse};
use judge::{Bucket, Drop, Fault, Verdict, correlation, judge};

const RANGE_DEFAULT: SignedDuration = SignedDuration::from_hours(24);
/// Longest range: 31 days.
const RANGE_MAX_S: i64 = 31 * 86_400;
/// About so many buckets: enough for a drop of half an hour in a day to be seen, and not so many that each is empty.
const BUCKETS: i64 = 288;
const WINDOW_DEFAULT_S: i64 = 1_800;
const STEP_CHARS_MAX: usize = 100;
/// Vendors of an answer, those with the most contacts.
const VENDORS_MAX: usize = 50;
/// From which share of the sessions on a vendor that was called for them is within the step.
const WITHIN_SHARE_MIN: f64 = 0.01;

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

/// A step beside the vendors.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Blame {
    /// When sessions came.
    #[serde(flatten)]
    pub period: Period,
    /// The step that sessions come to.
    pub from_step: String,
    /// The step that they should take next.
    pub to_step: String,
    /// Seconds within which they should.
    pub window_s: i64,
    /// Sessions that came.
    pub sessions: u64,
    /// Share of them that went on, 0 to 1.
    pub conversion: Option<f64>,
    /// What stands out, the largest drop first; each a vendor.
    pub findings: Vec<Finding>,
    /// The step over time.
    pub steps: Vec<StepBucket>,
    /// Each vendor over time, those that stand out first.
    pub vendors: Vec<VendorLine>,
    /// Length of a bucket.
    pub interval_ms: i64,
}

/// A bucket of the step.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = BlameStepBucket)]
pub struct StepBucket {
    /// Its start.
    #[serde(serialize_with = "as_iso")]
    #[schema(value_type = String, format = DateTime)]
    pub ts: i64,
    /// Sessions that came.
    pub sessions: u64,
    /// Share of them that went on.
    pub conversion: Option<f64>,
    /// Median seconds until they did.
    pub step_s: Option<f64>,
}

/// What stands out.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = BlameFinding)]
pub struct Finding {
    /// The integration's name in addresses.
    pub integration: String,
    /// `slow` or `failing`.
    pub fault: &'static str,
    /// In a sentence.
    pub text: String,
    /// Share of sessions that went on while the vendor did badly.
    pub conversion_then: f64,
    /// And at other times.
    pub conversion_otherwise: f64,
    /// By how much less they went on, as a part of the usual share: 0.12 for 12 % fewer.
    pub drop: f64,
    /// Sessions that came while the vendor did badly.
    pub sessions_then: u64,
    /// Minutes in which it did badly.
    pub minutes: i64,
    /// Its 95th percentile in milliseconds then, or its share of failures.
    pub vendor_then: f64,
    /// And usually.
    pub vendor_usually: f64,
    /// How often chance alone would give as large a drop, 0 to 1.
    pub p_value: f64,
}

/// A vendor beside the step.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = BlameVendor)]
pub struct VendorLine {
    /// The integration's name in addresses.
    pub integration: String,
    /// `found`, `nothing`, `never_bad`, `too_little_data`, or `not_within`: it is not called within this step.
    pub verdict: &'static str,
    /// Share of the sessions that came for which it was called; null when no call says for which session it is.
    pub called_for: Option<f64>,
    /// How conversion goes with its 95th percentile, −1 to 1; null of too little.
    pub latency_correlation: Option<f64>,
    /// And with its share of failures.
    pub error_correlation: Option<f64>,
    /// Its buckets that have contacts.
    pub series: Vec<VendorBucket>,
}

/// A bucket of a vendor.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = BlameVendorBucket)]
pub struct VendorBucket {
    /// Its start.
    #[serde(serialize_with = "as_iso")]
    #[schema(value_type = String, format = DateTime)]
    pub ts: i64,
    /// Calls and checks.
    pub seen: u64,
    /// Share of them that failed.
    pub error_rate: Option<f64>,
    /// Their 95th percentile.
    pub p95_ms: Option<f64>,
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

impl BlameRequest {
    fn answer(
        &self,
        sessions: &[SessionsRow],
        callers: &HashMap<String, u64>,
        contacts: Vec<TotalsRow>,
    ) -> Blame {
        let step = usize::try_from(self.bucket_s).unwrap_or(1);
        let starts: Vec<i64> = (self.period.from..self.period.to).step_by(step).collect();
        let by_start: HashMap<i64, &SessionsRow> =
            sessions.iter().map(|row| (row.bucket_start, row)).collect();
        let (came, went_on) = sessions.iter().fold((0, 0), |(came, went_on), row| {
            (came + row.sessions, went_on + row.went_on)
        });
        let mut by_vendor: HashMap<String, HashMap<i64, Totals>> = HashMap::new();
        for row in contacts {
            let of_one = by_vendor.entry(row.name.clone()).or_default();
            of_one.insert(row.bucket_start, row.into());
        }
        let mut vendors: Vec<(String, HashMap<i64, Totals>)> = by_vendor.into_iter().collect();
        vendors.sort_by_key(|(name, of_one)| {
            let seen: u64 = of_one.values().map(|totals| totals.seen).sum();
            (std::cmp::Reverse(seen), name.clone())
        });
        vendors.truncate(VENDORS_MAX);
        let is_known = !callers.is_empty();
        let called_for = |name: &str| {
            let sessions = callers.get(name).copied().unwrap_or_default();
            is_known.then(|| share(sessions, came).unwrap_or_default())
        };
        let is_within = |name: &str| called_for(name).is_none_or(|share| share >= WITHIN_SHARE_MIN);
        let questions = vendors.iter().filter(|(name, _)| is_within(name)).count();
        let mut findings = Vec::new();
        let mut lines: Vec<VendorLine> = Vec::new();
        for (name, of_one) in vendors {
            let buckets: Vec<Bucket> = starts
                .iter()
                .map(|ts| {
                    let (sessions, vendor) = (by_start.get(ts), of_one.get(ts));
                    Bucket {
                        sessions: sessions.map_or(0, |row| row.sessions),
                        went_on: sessions.map_or(0, |row| row.went_on),
                        seen: vendor.map_or(0, |totals| totals.seen),
                        failed: vendor.map_or(0, |totals| totals.failed),
                        p95_ms: vendor.and_then(|totals| totals.p95_ms),
                    }
                })
                .collect();
            let verdict = if is_within(&name) {
                match judge(&buckets, questions) {
                    Verdict::TooLittle => "too_little_data",
                    Verdict::NeverBad => "never_bad",
                    Verdict::NoDrop => "nothing",
                    Verdict::Drop(drop) => {
                        findings.push(self.finding(&name, &drop));
                        "found"
                    }
                }
            } else {
                "not_within"
            };
            let series = starts.iter().filter_map(|ts| {
                let totals = of_one.get(ts).filter(|totals| totals.seen > 0)?;
                Some(VendorBucket {
                    ts: *ts,
                    seen: totals.seen,
                    error_rate: totals.error_rate,
                    p95_ms: totals.p95_ms,
                })
            });
            lines.push(VendorLine {
                verdict,
                called_for: called_for(&name),
                latency_correlation: correlation(&buckets, Fault::Slow),
                error_correlation: correlation(&buckets, Fault::Failing),
                series: series.collect(),
                integration: name,
            });
        }
        findings.sort_by(|a, b| b.drop.total_cmp(&a.drop));
        lines.sort_by_key(|line| line.verdict != "found");
        let steps = starts.iter().map(|ts| {
            let row = by_start.get(ts);
            StepBucket {
                ts: *ts,
                sessions: row.map_or(0, |row| row.sessions),
                conversion: row.and_then(|row| share(row.went_on, row.sessions)),
                step_s: row.filter(|row| row.went_on > 0).map(|row| row.step_s),
            }
        });
        Blame {
            steps: steps.collect(),
            period: self.period.clone(),
            from_step: self.from_step.clone(),
            to_step: self.to_step.clone(),
            window_s: self.window_s,
            sessions: came,
            conversion: share(went_on, came),
            findings,
            vendors: lines,
            interval_ms: self.bucket_s * 1_000,
        }
    }

    fn finding(&self, name: &str, drop: &Drop) -> Finding {
        let part = (drop.good_rate - drop.bad_rate) / drop.good_rate;
        let percent = (part * 100.0).round();
        let what = match drop.fault {
            Fault::Slow => format!("p95 × {:.1}", drop.bad_value / drop.usual_value.max(1.0)),
            Fault::Failing => format!("failures at {:.0} %", drop.bad_value * 100.0),
        };
        let minutes =
            float(drop.bad_buckets as u64) * float(u64::try_from(self.bucket_s).unwrap_or_default()) / 60.0;
        #[expect(clippy::cast_possible_truncation, reason = "minutes of a month at most")]
        let minutes = minutes as i64;
        Finding {
            text: format!(
                "{} −{percent:.0} % while {name} {what} ({minutes} min)",
                self.to_step
            ),
            integration: name.to_owned(),
            fault: match drop.fault {
                Fault::Slow => "slow",
                Fault::Failing => "failing",
            },
            conversion_then: drop.bad_rate,
            conversion_otherwise: drop.good_rate,
            drop: part,
            sessions_then: drop.bad_sessions,
            minutes,
            vendor_then: drop.bad_value,
            vendor_usually: drop.usual_value,
            p_value: drop.p_value,
        }
    }
}
