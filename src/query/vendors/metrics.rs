//! How one vendor does.

use std::borrow::Cow;

use serde::Serialize;

use super::super::iso::as_iso;
use super::super::parameters::Parameters;
use super::statement::{By, Selection};
use super::totals::{Totals, TotalsRow};
use crate::clock::UnixMicros;
use crate::domain::field_error::{FieldError, FieldFault};
use crate::domain::integration::Slug;
use crate::warehouse::{SelectError, Warehouse};

/// Longest time that is asked about: 90 days.
const HOURS_MAX: i64 = 90 * 24;
const HOURS_DEFAULT: i64 = 24;
/// Operations that are told, those with the most calls.
const OPERATIONS_MAX: usize = 50;
/// A change of the 95th percentile by less than this part is none.
const STEADY: f64 = 0.1;
/// What was seen less often says nothing of a trend.
const TREND_SEEN_MIN: u64 = 20;

/// Of which integration; [`ServiceMetricsRequest::parse`] reads it.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "describes what `parse` reads")]
pub struct OfService {
    /// The integration's name in addresses.
    #[param(example = "stripe")]
    name: String,
}

/// What is asked; [`ServiceMetricsRequest::parse`] reads it.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `parse` reads")]
pub struct ServiceMetricsParameters {
    /// How many hours up to now, 1 to 2,160.
    #[param(minimum = 1, maximum = 2160, default = 24)]
    hours: Option<u32>,
}

/// A question about how a vendor does.
#[derive(Clone, Debug, Serialize)]
pub struct ServiceMetricsRequest {
    integration: String,
    from_s: i64,
    to_s: i64,
    bucket_s: i64,
}

impl ServiceMetricsRequest {
    /// Reads the integration's name, of the path, and the parameters.
    ///
    /// # Errors
    /// Every parameter that is unknown or cannot be used.
    pub fn parse<'a>(
        parameters: impl IntoIterator<Item = (Cow<'a, str>, Cow<'a, str>)>,
        now: UnixMicros,
    ) -> Result<Self, Vec<FieldError>> {
        let mut reader = Parameters::new(parameters);
        let integration = reader.one("name").unwrap_or_default();
        if Slug::parse("name", &integration).is_err() {
            reader.fault(
                "name",
                FieldFault::BadFormat,
                "must be the name of an integration in addresses",
            );
        }
        let hours = reader.number("hours", HOURS_DEFAULT, 1..=HOURS_MAX);
        reader.nothing_else();
        reader.no_faults()?;
        let bucket_s = match hours {
            ..=3 => 60,
            4..=24 => 600,
            25..=168 => 3_600,
            _ => 6 * 3_600,
        };
        // Whole minutes, so that all who ask within one ask the same.
        let to_s = (now.as_millis().div_euclid(60_000) + 1) * 60;
        Ok(Self {
            integration,
            from_s: to_s - hours * 3_600,
            to_s,
            bucket_s,
        })
    }
}

/// Where things go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = VendorTrend)]
pub enum Trend {
    /// There is too little to say.
    Unknown,
    /// As it was.
    Steady,
    /// Fewer failures, or a 95th percentile that is a tenth lower.
    Improving,
    /// More failures, or a 95th percentile that is a tenth higher.
    Worsening,
}

/// How one vendor does.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ServiceMetrics {
    /// The integration's name in addresses.
    pub integration: String,
    /// Begin.
    #[serde(serialize_with = "as_iso")]
    #[schema(value_type = String, format = DateTime)]
    pub from: i64,
    /// End.
    #[serde(serialize_with = "as_iso")]
    #[schema(value_type = String, format = DateTime)]
    pub to: i64,
    /// Calls a minute.
    pub throughput_per_minute: f64,
    /// What all contacts of the time add up to.
    #[serde(flatten)]
    pub totals: Totals,
    /// The same of the time before, which is as long.
    pub before: Totals,
    /// How both compare.
    pub trend: Trend,
    /// By what was done, those with the most contacts first.
    pub operations: Vec<Operation>,
    /// Length of a bucket.
    pub interval_ms: i64,
    /// Every bucket of the time.
    pub series: Vec<Bucket>,
}

/// What was done of one kind.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = VendorOperation)]
pub struct Operation {
    /// Method and path, ids taken out; of webhooks what has happened.
    pub operation: String,
    /// What they add up to.
    #[serde(flatten)]
    pub totals: Totals,
}

/// A bucket of the series.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = VendorBucket)]
pub struct Bucket {
    /// Its start.
    #[serde(serialize_with = "as_iso")]
    #[schema(value_type = String, format = DateTime)]
    pub ts: i64,
    /// What its contacts add up to.
    #[serde(flatten)]
    pub totals: Totals,
}

/// Asks the warehouse.
///
/// # Errors
/// Why the warehouse has no answer.
pub async fn service_metrics(
    warehouse: &Warehouse,
    project_id: &str,
    request: &ServiceMetricsRequest,
) -> Result<ServiceMetrics, SelectError> {
    let question = warehouse.question();
    let database = question.database_name()?;
    let length_s = request.to_s - request.from_s;
    let selection = |from_s, bucket_s, by| Selection {
        project_id,
        integration: Some(&request.integration),
        from_s,
        to_s: request.to_s,
        bucket_s,
        by,
        excluded: &[],
    };
    // Both times at once: buckets as long as each of them.
    let both = selection(request.from_s - length_s, Some(length_s), By::Integration).statement(&database);
    let series = selection(request.from_s, Some(request.bucket_s), By::Integration).statement(&database);
    let operations = selection(request.from_s, None, By::Operation).statement(&database);
    let (both, series, operations): (Vec<TotalsRow>, Vec<TotalsRow>, Vec<TotalsRow>) = tokio::try_join!(
        question.select(&both),
        question.select(&series),
        question.select(&operations),
    )?;
    let (mut totals, mut before) = (Totals::default(), Totals::default());
    for row in both {
        if row.bucket_start == request.from_s {
            totals = row.into();
        } else {
            before = row.into();
        }
    }
    let mut rows = series.into_iter().peekable();
    let starts = (request.from_s..request.to_s).step_by(usize::try_from(request.bucket_s).unwrap_or(1));
    let series = starts.map(|ts| Bucket {
        ts,
        totals: rows
            .next_if(|row| row.bucket_start == ts)
            .map(Totals::from)
            .unwrap_or_default(),
    });
    let series = series.collect();
    let mut operations: Vec<Operation> = operations
        .into_iter()
        .map(|row| Operation {
            operation: row.name.clone(),
            totals: row.into(),
        })
        .collect();
    operations
        .sort_by_key(|one| std::cmp::Reverse(one.totals.calls + one.totals.checks + one.totals.webhooks));
    operations.truncate(OPERATIONS_MAX);
    #[expect(clippy::cast_precision_loss, reason = "calls of a time, and its minutes")]
    let throughput_per_minute = totals.calls as f64 / (length_s as f64 / 60.0);
    Ok(ServiceMetrics {
        integration: request.integration.clone(),
        from: request.from_s,
        to: request.to_s,
        throughput_per_minute,
        trend: trend(&before, &totals),
        totals,
        before,
        operations,
        interval_ms: request.bucket_s * 1_000,
        series,
    })
}

fn trend(before: &Totals, now: &Totals) -> Trend {
    let (Some(p95_before), Some(p95_now)) = (before.p95_ms, now.p95_ms) else {
        return Trend::Unknown;
    };
    if before.seen.min(now.seen) < TREND_SEEN_MIN {
        return Trend::Unknown;
    }
    let errors = |totals: &Totals| totals.error_rate.unwrap_or_default();
    // Half a percent more or less of failures is chance.
    let fails_more = errors(now) - errors(before);
    if fails_more > 0.005 || p95_now > p95_before * (1.0 + STEADY) {
        Trend::Worsening
    } else if fails_more < -0.005 || p95_now < p95_before * (1.0 - STEADY) {
        Trend::Improving
    } else {
        Trend::Steady
    }
}
