//! What is asked of the impact of latency.

use std::borrow::Cow;

use jiff::SignedDuration;
use serde::Serialize;

use super::super::parameters::Parameters;
use super::super::period::Period;
use super::super::raw_filters::RawFilters;
use crate::clock::UnixMicros;
use crate::domain::account::Project;
use crate::domain::beacon::{ID_CHARS_MAX, METRIC_TYPES, VITALS};
use crate::domain::field_error::{FieldError, FieldFault};
use crate::domain::table::Table;

/// Range without `from`.
const RANGE_DEFAULT: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Bands of about as many sessions each, when the question gives no bounds.
const BANDS_DEFAULT: i64 = 4;
/// Most bands.
const BANDS_MAX: usize = 12;

/// What beside period and filters is asked for; [`ImpactRequest::parse`] reads it.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `parse` reads")]
pub struct ImpactParameters {
    /// Type of the measurements; otherwise `api_response_time` with `api_endpoint`, and `page_load_time` without it.
    #[param(
        rename = "type",
        pattern = "^(page_load_time|api_response_time|effect_processing_time|core_web_vitals)$"
    )]
    metric_type: Option<String>,
    /// Which web vital: required with `core_web_vitals`.
    #[param(pattern = "^(LCP|INP|CLS|FCP|TTFB)$")]
    name: Option<String>,
    /// A session's latency: `median` or `worst` of its measurements.
    #[param(default = "median", pattern = "^(median|worst)$")]
    statistic: Option<String>,
    /// Where one band ends and the next begins: up to 11 rising numbers, separated by commas.
    #[param(example = "200,500,1000")]
    bounds: Option<String>,
    /// Instead of `bounds`: how many bands of about as many sessions each.
    #[param(minimum = 2, maximum = 12, default = 4)]
    bands: Option<i64>,
    /// The step that counts as conversion; without it no conversion is told.
    #[param(example = "processing_completed")]
    step: Option<String>,
}

/// A question about the impact of latency.
#[derive(Clone, Debug, Serialize)]
pub struct ImpactRequest {
    /// When.
    pub period: Period,
    pub(super) metric_type: &'static str,
    pub(super) name: Option<&'static str>,
    pub(super) statistic: &'static str,
    /// Rising; empty when they come from the sessions.
    pub(super) bounds: Vec<f64>,
    pub(super) bands: i64,
    pub(super) step: Option<String>,
    pub(super) filters: RawFilters,
}

impl ImpactRequest {
    /// Reads the parameters of a query string, already decoded: those of [`ImpactParameters`], `page` or `api_endpoint`,
    /// the period (the last 7 days unless given) and filters.
    ///
    /// # Errors
    /// Every parameter that is unknown or cannot be used.
    pub fn parse<'a>(
        parameters: impl IntoIterator<Item = (Cow<'a, str>, Cow<'a, str>)>,
        project: &Project,
        now: UnixMicros,
    ) -> Result<Self, Vec<FieldError>> {
        let mut reader = Parameters::new(parameters);
        let metric_type = reader.word("type", METRIC_TYPES);
        let name = reader.word("name", VITALS);
        let statistic = reader.word("statistic", ["median", "worst"]).unwrap_or("median");
        let bands = reader.one("bounds").map(|text| reader.bounds(&text));
        let bounds = bands.unwrap_or_default();
        let bands_max = i64::try_from(BANDS_MAX).unwrap_or(i64::MAX);
        let bands = reader.number("bands", BANDS_DEFAULT, 2..=bands_max);
        let step = reader.one("step");
        if step
            .as_ref()
            .is_some_and(|step| step.chars().count() > ID_CHARS_MAX)
        {
            let message = format!("must not be longer than {ID_CHARS_MAX} characters");
            reader.fault("step", FieldFault::TooLong, message);
        }
        let (period, _) = reader.period(project.time_zone.as_str(), RANGE_DEFAULT, now);
        let filters = reader.raw_filters(Table::PerformanceMetrics, &["type", "name"]);
        reader.nothing_else();
        let of_endpoint = filters.has("api_endpoint");
        if !of_endpoint && !filters.has("page") {
            let message = "name a page, or an api_endpoint";
            reader.fault("page", FieldFault::Missing, message);
        }
        let otherwise = if of_endpoint {
            METRIC_TYPES[1]
        } else {
            METRIC_TYPES[0]
        };
        let metric_type = metric_type.unwrap_or(otherwise);
        if (metric_type == METRIC_TYPES[3]) != name.is_some() {
            let message = "must be given with core_web_vitals, and with no other type";
            reader.fault("name", FieldFault::Conflict, message);
        }
        reader.no_faults()?;
        Ok(Self {
            period,
            metric_type,
            name,
            statistic,
            bounds,
            bands,
            step,
            filters,
        })
    }
}

/// What only this question has.
trait ImpactReader {
    fn bounds(&mut self, text: &str) -> Vec<f64>;
}

impl ImpactReader for Parameters {
    fn bounds(&mut self, text: &str) -> Vec<f64> {
        let numbers: Option<Vec<f64>> = text
            .split(',')
            .map(|number| number.trim().parse().ok())
            .map(|number: Option<f64>| number.filter(|number| number.is_finite() && *number > 0.0))
            .collect();
        let rising = numbers
            .filter(|numbers| numbers.len() < BANDS_MAX && numbers.windows(2).all(|pair| pair[0] < pair[1]));
        rising.unwrap_or_else(|| {
            let message = format!("must be at most {} rising numbers above 0", BANDS_MAX - 1);
            self.fault("bounds", FieldFault::BadFormat, message);
            Vec::new()
        })
    }
}
