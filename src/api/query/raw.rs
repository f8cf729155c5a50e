//! Questions that are answered from the raw tables.

use super::question::{Asking, Question};
use crate::api::error::ApiError;
use crate::api::identity::Parameters;
use crate::cache::Kind;
use crate::clock::UnixMicros;
use crate::domain::field_error::FieldError;
use crate::query::errors::{
    ErrorGroups, ErrorsParameters, ErrorsRequest, OccurrencesParameters, OccurrencesRequest, errors,
    occurrences,
};
use crate::query::events::{
    EventsParameters, EventsRequest, EventsSummary, Properties, PropertiesParameters, PropertiesRequest,
    SummaryParameters, SummaryRequest, events, properties, summary,
};
use crate::query::funnel::{Funnel, FunnelQuestionParameters, FunnelRequest, funnel};
use crate::query::heatmap::{Heatmap, HeatmapParameters, HeatmapRequest, heatmap};
use crate::query::impact::{Impact, ImpactParameters, ImpactRequest, impact};
use crate::query::sessions::{
    SessionsPage, SessionsParameters, SessionsRequest, TimelineParameters, TimelineRequest, sessions,
    timeline,
};
use crate::query::{Both, CursorParameters, ListParameters, PeriodParameters, RawFilterParameters, RowsPage};

/// What these questions take: a period, filters, and what is their own.
type Filtered<Own> = Both<Own, Both<PeriodParameters, RawFilterParameters>>;

/// Sessions on their way through a funnel.
pub(super) struct FunnelQuestion;

impl Question for FunnelQuestion {
    const NAME: &'static str = "funnel";
    const SUMMARY: &'static str = "How many sessions reach each step of a funnel, and how fast.";
    const LISTS: &'static [&'static str] = &["groups", "total.steps"];
    type Parameters = Filtered<FunnelQuestionParameters>;
    type Request = FunnelRequest;
    type Answer = Funnel;

    fn parse(asking: &Asking, parameters: Parameters<'_>) -> Result<FunnelRequest, Vec<FieldError>> {
        FunnelRequest::parse(parameters, &asking.project.project, asking.now)
    }

    fn kind(request: &FunnelRequest, now: UnixMicros) -> Kind {
        Kind::Dashboard.until(request.period.to, now)
    }

    async fn ask(asking: &Asking, request: &FunnelRequest) -> Result<Funnel, ApiError> {
        let Asking { state, now, .. } = asking;
        Ok(funnel(
            &state.warehouse,
            &state.retention,
            asking.project_id(),
            request,
            *now,
        )
        .await?)
    }
}

/// How many events.
pub(super) struct SummaryQuestion;

impl Question for SummaryQuestion {
    const NAME: &'static str = "event-summary";
    const SUMMARY: &'static str = "How many events there are, of which types, and of how many sessions.";
    const LISTS: &'static [&'static str] = &["types"];
    type Parameters = Filtered<SummaryParameters>;
    type Request = SummaryRequest;
    type Answer = EventsSummary;

    fn parse(asking: &Asking, parameters: Parameters<'_>) -> Result<SummaryRequest, Vec<FieldError>> {
        SummaryRequest::parse(parameters, &asking.project.project, asking.now)
    }

    fn kind(request: &SummaryRequest, now: UnixMicros) -> Kind {
        Kind::Dashboard.until(request.period.to, now)
    }

    async fn ask(asking: &Asking, request: &SummaryRequest) -> Result<EventsSummary, ApiError> {
        let Asking { state, now, .. } = asking;
        Ok(summary(
            &state.warehouse,
            &state.retention,
            asking.project_id(),
            request,
            *now,
        )
        .await?)
    }
}

/// What events carried.
pub(super) struct PropertiesQuestion;

impl Question for PropertiesQuestion {
    const NAME: &'static str = "event-properties";
    const SUMMARY: &'static str = "What events carry: the keys, or the values of a property.";
    const LISTS: &'static [&'static str] = &["values", "properties"];
    type Parameters = Filtered<PropertiesParameters>;
    type Request = PropertiesRequest;
    type Answer = Properties;

    fn parse(asking: &Asking, parameters: Parameters<'_>) -> Result<PropertiesRequest, Vec<FieldError>> {
        PropertiesRequest::parse(parameters, &asking.project.project, asking.now)
    }

    fn kind(request: &PropertiesRequest, now: UnixMicros) -> Kind {
        Kind::Dashboard.until(request.period.to, now)
    }

    async fn ask(asking: &Asking, request: &PropertiesRequest) -> Result<Properties, ApiError> {
        let Asking { state, now, .. } = asking;
        Ok(properties(
            &state.warehouse,
            &state.retention,
            asking.project_id(),
            request,
            *now,
        )
        .await?)
    }
}

/// Stored beacons.
pub(super) struct EventsQuestion;

impl Question for EventsQuestion {
    const NAME: &'static str = "events";
    const SUMMARY: &'static str = "Stored beacons one by one, the newest first.";
    const LISTS: &'static [&'static str] = &["items"];
    const PAGE_MAX: Option<u32> = Some(1000);
    type Parameters = Both<Filtered<EventsParameters>, CursorParameters>;
    type Request = EventsRequest;
    type Answer = RowsPage;

    fn parse(asking: &Asking, parameters: Parameters<'_>) -> Result<EventsRequest, Vec<FieldError>> {
        EventsRequest::parse(parameters, &asking.project.project, asking.now)
    }

    fn kind(request: &EventsRequest, now: UnixMicros) -> Kind {
        Kind::Recent.until(request.period.to, now)
    }

    async fn ask(asking: &Asking, request: &EventsRequest) -> Result<RowsPage, ApiError> {
        let state = &asking.state;
        Ok(events(&state.warehouse, asking.project_id(), request).await?)
    }
}

/// The latest sessions.
pub(super) struct SessionsQuestion;

impl Question for SessionsQuestion {
    const NAME: &'static str = "sessions";
    const SUMMARY: &'static str = "The latest sessions.";
    const LISTS: &'static [&'static str] = &["items"];
    const PAGE_MAX: Option<u32> = Some(200);
    type Parameters = Filtered<SessionsParameters>;
    type Request = SessionsRequest;
    type Answer = SessionsPage;

    fn parse(asking: &Asking, parameters: Parameters<'_>) -> Result<SessionsRequest, Vec<FieldError>> {
        SessionsRequest::parse(parameters, &asking.project.project, asking.now)
    }

    fn kind(request: &SessionsRequest, now: UnixMicros) -> Kind {
        Kind::Recent.until(request.period.to, now)
    }

    async fn ask(asking: &Asking, request: &SessionsRequest) -> Result<SessionsPage, ApiError> {
        let state = &asking.state;
        Ok(sessions(&state.warehouse, asking.project_id(), request).await?)
    }
}

/// Everything of one session.
pub(super) struct TimelineQuestion;

impl Question for TimelineQuestion {
    const NAME: &'static str = "timeline";
    const SUMMARY: &'static str = "Everything that a session sent, in order.";
    const LISTS: &'static [&'static str] = &["items"];
    const PAGE_MAX: Option<u32> = Some(1000);
    type Parameters = Both<Both<TimelineParameters, PeriodParameters>, CursorParameters>;
    type Request = TimelineRequest;
    type Answer = RowsPage;

    fn parse(asking: &Asking, parameters: Parameters<'_>) -> Result<TimelineRequest, Vec<FieldError>> {
        TimelineRequest::parse(parameters, &asking.project.project, asking.now)
    }

    fn kind(_request: &TimelineRequest, _now: UnixMicros) -> Kind {
        Kind::Session
    }

    async fn ask(asking: &Asking, request: &TimelineRequest) -> Result<RowsPage, ApiError> {
        let state = &asking.state;
        Ok(timeline(&state.warehouse, asking.project_id(), request).await?)
    }
}

/// The rows of one group of errors.
pub(super) struct OccurrencesQuestion;

impl Question for OccurrencesQuestion {
    const NAME: &'static str = "occurrences";
    const SUMMARY: &'static str = "The rows of one group of errors, the newest first.";
    const LISTS: &'static [&'static str] = &["items"];
    const PAGE_MAX: Option<u32> = Some(1000);
    type Parameters = Both<Both<OccurrencesParameters, PeriodParameters>, CursorParameters>;
    type Request = OccurrencesRequest;
    type Answer = RowsPage;

    fn parse(asking: &Asking, parameters: Parameters<'_>) -> Result<OccurrencesRequest, Vec<FieldError>> {
        OccurrencesRequest::parse(parameters, &asking.project.project, asking.now)
    }

    fn kind(request: &OccurrencesRequest, now: UnixMicros) -> Kind {
        Kind::Recent.until(request.period.to, now)
    }

    async fn ask(asking: &Asking, request: &OccurrencesRequest) -> Result<RowsPage, ApiError> {
        let state = &asking.state;
        Ok(occurrences(&state.warehouse, asking.project_id(), request).await?)
    }
}

/// How often which values were measured, over time.
pub(super) struct HeatmapQuestion;

impl Question for HeatmapQuestion {
    const NAME: &'static str = "heatmap";
    const SUMMARY: &'static str = "How often which values were measured, over time.";
    const LISTS: &'static [&'static str] = &["buckets"];
    type Parameters = Filtered<HeatmapParameters>;
    type Request = HeatmapRequest;
    type Answer = Heatmap;

    fn parse(asking: &Asking, parameters: Parameters<'_>) -> Result<HeatmapRequest, Vec<FieldError>> {
        HeatmapRequest::parse(parameters, &asking.project.project, asking.now)
    }

    fn kind(request: &HeatmapRequest, now: UnixMicros) -> Kind {
        Kind::Dashboard.until(request.period.to, now)
    }

    async fn ask(asking: &Asking, request: &HeatmapRequest) -> Result<Heatmap, ApiError> {
        let Asking { state, now, .. } = asking;
        Ok(heatmap(
            &state.warehouse,
            &state.retention,
            asking.project_id(),
            request,
            *now,
        )
        .await?)
    }
}

/// What slow pages and endpoints cost.
pub(super) struct ImpactQuestion;

impl Question for ImpactQuestion {
    const NAME: &'static str = "impact";
    const SUMMARY: &'static str =
        "Conversion, errors and length of sessions by the latency of a page or endpoint.";
    const LISTS: &'static [&'static str] = &["bands"];
    type Parameters = Filtered<ImpactParameters>;
    type Request = ImpactRequest;
    type Answer = Impact;

    fn parse(asking: &Asking, parameters: Parameters<'_>) -> Result<ImpactRequest, Vec<FieldError>> {
        ImpactRequest::parse(parameters, &asking.project.project, asking.now)
    }

    fn kind(request: &ImpactRequest, now: UnixMicros) -> Kind {
        Kind::Dashboard.until(request.period.to, now)
    }

    async fn ask(asking: &Asking, request: &ImpactRequest) -> Result<Impact, ApiError> {
        let Asking { state, now, .. } = asking;
        Ok(impact(
            &state.warehouse,
            &state.retention,
            asking.project_id(),
            request,
            *now,
        )
        .await?)
    }
}

/// Errors in groups.
pub(super) struct ErrorsQuestion;

impl Question for ErrorsQuestion {
    const NAME: &'static str = "errors";
    const SUMMARY: &'static str = "Errors, grouped by what their messages have in common.";
    const LISTS: &'static [&'static str] = &["items"];
    type Parameters = Both<Filtered<ErrorsParameters>, ListParameters>;
    type Request = ErrorsRequest;
    type Answer = ErrorGroups;

    fn parse(asking: &Asking, parameters: Parameters<'_>) -> Result<ErrorsRequest, Vec<FieldError>> {
        ErrorsRequest::parse(parameters, &asking.project.project, asking.now)
    }

    // What is decided about an error changes the answer also when the time is over.
    fn kind(_request: &ErrorsRequest, _now: UnixMicros) -> Kind {
        Kind::Live
    }

    async fn ask(asking: &Asking, request: &ErrorsRequest) -> Result<ErrorGroups, ApiError> {
        let Asking { state, now, .. } = asking;
        let project = &asking.project.project.id;
        let records = state.identity.control().all_error_states(project).await?;
        let groups = errors(
            &state.warehouse,
            &state.retention,
            &records,
            project.as_str(),
            request,
            *now,
        );
        Ok(groups.await?)
    }
}
