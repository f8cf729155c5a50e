//! Questions about vendors that are kept like those of dashboards.

use super::question::{Asking, Question};
use crate::api::error::ApiError;
use crate::api::identity::Parameters;
use crate::cache::Kind;
use crate::clock::UnixMicros;
use crate::domain::field_error::FieldError;
use crate::query::vendors::{
    Blame, BlameParameters, BlameRequest, OfService, ServiceMetrics, ServiceMetricsParameters,
    ServiceMetricsRequest, blame, service_metrics,
};
use crate::query::{Both, PeriodParameters};

/// How one vendor does.
pub(super) struct ServiceMetricsQuestion;

impl Question for ServiceMetricsQuestion {
    const NAME: &'static str = "service-metrics";
    const SUMMARY: &'static str =
        "How a third-party service does: calls, failures, times, and where they go.";
    const LISTS: &'static [&'static str] = &["series"];
    type Parameters = Both<OfService, ServiceMetricsParameters>;
    type Request = ServiceMetricsRequest;
    type Answer = ServiceMetrics;

    fn parse(asking: &Asking, parameters: Parameters<'_>) -> Result<ServiceMetricsRequest, Vec<FieldError>> {
        ServiceMetricsRequest::parse(parameters, asking.now)
    }

    fn kind(_: &ServiceMetricsRequest, _: UnixMicros) -> Kind {
        Kind::Live
    }

    async fn ask(asking: &Asking, request: &ServiceMetricsRequest) -> Result<ServiceMetrics, ApiError> {
        Ok(service_metrics(&asking.state.warehouse, asking.project_id(), request).await?)
    }
}

/// A step of a funnel beside the vendors.
pub(super) struct BlameQuestion;

impl Question for BlameQuestion {
    const NAME: &'static str = "blame";
    const SUMMARY: &'static str =
        "Whether a step of a funnel was taken less often while a third-party service did badly.";
    const LISTS: &'static [&'static str] = &["findings", "steps"];
    type Parameters = Both<BlameParameters, PeriodParameters>;
    type Request = BlameRequest;
    type Answer = Blame;

    fn parse(asking: &Asking, parameters: Parameters<'_>) -> Result<BlameRequest, Vec<FieldError>> {
        BlameRequest::parse(parameters, &asking.project.project, asking.now)
    }

    fn kind(request: &BlameRequest, now: UnixMicros) -> Kind {
        Kind::Dashboard.until(request.period.to, now)
    }

    async fn ask(asking: &Asking, request: &BlameRequest) -> Result<Blame, ApiError> {
        Ok(blame(&asking.state.warehouse, asking.project_id(), request).await?)
    }
}
