//! Questions of the first page.

use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterIn};

use super::{Asking, Question};
use crate::api::error::ApiError;
use crate::api::identity::Parameters;
use crate::cache::Kind;
use crate::clock::UnixMicros;
use crate::domain::field_error::{FieldError, FieldFault};
use crate::query::overview::{Overview, OverviewRequest, overview};
use crate::query::pulse::{Pulse, PulseRequest, pulse};
use crate::query::trends::{Trends, TrendsParameters, TrendsRequest, trends};

/// Nothing is asked for beside the project.
pub(super) struct NoParameters;

impl IntoParams for NoParameters {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        Vec::new()
    }
}

/// The first page.
pub(super) struct OverviewQuestion;

impl Question for OverviewQuestion {
    const NAME: &'static str = "overview";
    const SUMMARY: &'static str = "The figures of the last 30 days, against the 30 before.";
    const TELLS_CACHE: bool = true;
    type Parameters = NoParameters;
    type Request = OverviewRequest;
    type Answer = Overview;

    fn parse(asking: &Asking, parameters: Parameters<'_>) -> Result<OverviewRequest, Vec<FieldError>> {
        no_parameters(&parameters)?;
        Ok(OverviewRequest::new(asking.time_zone(), asking.now))
    }

    fn kind(_: &OverviewRequest, _: UnixMicros) -> Kind {
        Kind::Dashboard
    }

    async fn ask(asking: &Asking, request: &OverviewRequest) -> Result<Overview, ApiError> {
        let Asking { state, now, .. } = asking;
        let id = asking.project_id();
        Ok(overview(&state.warehouse, &state.retention, id, request, *now).await?)
    }
}

/// The last days.
pub(super) struct TrendsQuestion;

impl Question for TrendsQuestion {
    const NAME: &'static str = "trends";
    const LISTS: &'static [&'static str] = &["trends"];
    const SUMMARY: &'static str = "The last days, one by one, and what their events were.";
    type Parameters = TrendsParameters;
    type Request = TrendsRequest;
    type Answer = Trends;

    fn parse(asking: &Asking, parameters: Parameters<'_>) -> Result<TrendsRequest, Vec<FieldError>> {
        TrendsRequest::parse(parameters, asking.time_zone(), asking.now)
    }

    fn kind(_: &TrendsRequest, _: UnixMicros) -> Kind {
        Kind::Dashboard
    }

    async fn ask(asking: &Asking, request: &TrendsRequest) -> Result<Trends, ApiError> {
        let Asking { state, now, .. } = asking;
        let id = asking.project_id();
        Ok(trends(&state.warehouse, &state.retention, id, request, *now).await?)
    }
}

/// The status bar.
pub(super) struct PulseQuestion;

impl Question for PulseQuestion {
    const NAME: &'static str = "stats";
    const SUMMARY: &'static str = "A few figures for a status bar.";
    type Parameters = NoParameters;
    type Request = PulseRequest;
    type Answer = Pulse;

    fn parse(asking: &Asking, parameters: Parameters<'_>) -> Result<PulseRequest, Vec<FieldError>> {
        no_parameters(&parameters)?;
        Ok(PulseRequest::new(asking.now))
    }

    fn kind(_: &PulseRequest, _: UnixMicros) -> Kind {
        Kind::Live
    }

    async fn ask(asking: &Asking, request: &PulseRequest) -> Result<Pulse, ApiError> {
        let Asking { state, now, project } = asking;
        let id = asking.project_id();
        let thresholds = &project.project.settings.thresholds;
        Ok(pulse(&state.warehouse, &state.retention, id, thresholds, request, *now).await?)
    }
}

/// Refuses whatever is asked for beside the project.
fn no_parameters(parameters: &Parameters<'_>) -> Result<(), Vec<FieldError>> {
    let faults: Vec<FieldError> = parameters
        .iter()
        .map(|(name, _)| {
            let shown: String = name.chars().take(64).collect();
            FieldError::new(
                shown,
                FieldFault::UnknownField,
                "is no parameter of this question",
            )
        })
        .collect();
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}
