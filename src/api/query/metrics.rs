//! Questions about measurements.

use super::{Asking, Question};
use crate::api::error::ApiError;
use crate::api::identity::Parameters;
use crate::cache::Kind;
use crate::clock::UnixMicros;
use crate::domain::field_error::FieldError;
use crate::query::performance::{
    PerformanceDashboard, PerformanceParameters, PerformanceRequest, performance,
};
use crate::query::range::Ranges;
use crate::query::timeseries::{Timeseries, TimeseriesParameters, TimeseriesRequest, timeseries};
use crate::query::vitals::{VitalsParameters, VitalsRequest, WebVitals, vitals};
use crate::query::{Both, DimensionParameters, ListParameters, RangeParameters};

/// What all these questions take: a range, and which events count.
type Common<Own> = Both<Own, Both<RangeParameters, DimensionParameters>>;
/// The same of a list.
type Listed<Own> = Both<Common<Own>, ListParameters>;

/// Longest range of totals that counts as what happens now.
const LIVE_MAX_S: i64 = 6 * 3_600;

/// Performance metrics over time.
pub(super) struct TimeseriesQuestion;

impl Question for TimeseriesQuestion {
    const NAME: &'static str = "timeseries";
    const SUMMARY: &'static str = "Statistics of measurements over time, with every bucket present.";
    type Parameters = Common<TimeseriesParameters>;
    type Request = TimeseriesRequest;
    type Answer = Timeseries;

    fn parse(asking: &Asking, parameters: Parameters<'_>) -> Result<TimeseriesRequest, Vec<FieldError>> {
        TimeseriesRequest::parse(parameters, asking.time_zone(), asking.now)
    }

    fn kind(request: &TimeseriesRequest, now: UnixMicros) -> Kind {
        Kind::of_series(request.interval().seconds()).until(request.end_s(), now)
    }

    async fn ask(asking: &Asking, request: &TimeseriesRequest) -> Result<Timeseries, ApiError> {
        let Asking { state, now, .. } = asking;
        let project_id = &asking.project.project.id;
        let (from_ms, to_ms) = (request.start_s() * 1_000, request.end_s() * 1_000);
        let posted = state
            .identity
            .control()
            .deploys(project_id, from_ms, to_ms)
            .await?;
        let id = project_id.as_str();
        Ok(timeseries(&state.warehouse, &state.retention, id, request, posted, *now).await?)
    }
}

/// The performance dashboard.
pub(super) struct PerformanceQuestion;

impl Question for PerformanceQuestion {
    const NAME: &'static str = "performance";
    const LISTS: &'static [&'static str] = &["groups.items", "metrics"];
    const SUMMARY: &'static str =
        "Statistics of each metric, how it stands to its thresholds, and the same by group.";
    type Parameters = Listed<PerformanceParameters>;
    type Request = PerformanceRequest;
    type Answer = PerformanceDashboard;

    fn parse(asking: &Asking, parameters: Parameters<'_>) -> Result<PerformanceRequest, Vec<FieldError>> {
        PerformanceRequest::parse(parameters, asking.time_zone(), asking.now)
    }

    fn kind(request: &PerformanceRequest, now: UnixMicros) -> Kind {
        kind_of_totals(request.range(), now)
    }

    async fn ask(asking: &Asking, request: &PerformanceRequest) -> Result<PerformanceDashboard, ApiError> {
        let Asking { state, now, project } = asking;
        let id = asking.project_id();
        let thresholds = &project.project.settings.thresholds;
        let dashboard = performance(&state.warehouse, &state.retention, id, thresholds, request, *now);
        Ok(dashboard.await?)
    }
}

/// Web vitals.
pub(super) struct VitalsQuestion;

impl Question for VitalsQuestion {
    const NAME: &'static str = "web-vitals";
    const LISTS: &'static [&'static str] = &["groups.items", "vitals"];
    const SUMMARY: &'static str = "Web vitals with their ratings, in all and by group.";
    type Parameters = Listed<VitalsParameters>;
    type Request = VitalsRequest;
    type Answer = WebVitals;

    fn parse(asking: &Asking, parameters: Parameters<'_>) -> Result<VitalsRequest, Vec<FieldError>> {
        VitalsRequest::parse(parameters, asking.time_zone(), asking.now)
    }

    fn kind(request: &VitalsRequest, now: UnixMicros) -> Kind {
        kind_of_totals(request.range(), now)
    }

    async fn ask(asking: &Asking, request: &VitalsRequest) -> Result<WebVitals, ApiError> {
        let Asking { state, now, .. } = asking;
        let id = asking.project_id();
        Ok(vitals(&state.warehouse, &state.retention, id, request, *now).await?)
    }
}

/// The kind of totals: what is about less than some hours is looked at live.
const fn kind_of_totals(range: Ranges, now: UnixMicros) -> Kind {
    let kind = if range.seconds() <= LIVE_MAX_S {
        Kind::Live
    } else {
        Kind::Dashboard
    };
    kind.until(range.end_s(), now)
}
