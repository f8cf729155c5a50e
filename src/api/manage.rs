//! What the addresses of management share: their state, how a call is read, and how it is answered.

use std::borrow::Cow;
use std::future::{Ready, ready};
use std::time::{Duration, Instant};

use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, SET_COOKIE};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{self, Bytes};
use actix_web::{FromRequest, HttpRequest, HttpResponse, Route};
use serde::Serialize;
use uuid::Uuid;

use super::alert_hub::AlertStreams;
use super::body::{header_text, read_body};
use super::error::{self, ApiError};
use super::identity::{Identity, Manager};
use super::login_limit::LoginLimit;
use super::password::Passwords;
use super::{envelope, paging, unread};
use crate::alerts::Alerts;
use crate::clock;
use crate::control::Control;
use crate::domain::account::{ProjectId, Role};
use crate::domain::field_error::{FieldError, FieldFault};
use crate::domain::page::PageRequest;
use crate::ingest::{MediaType, Rejection};
use crate::integrations::Integrations;
use crate::integrations::relay::Relay;
use crate::jwks::Jwks;
use crate::outbound::Outbound;
use crate::query::watch::ErrorBudgets;
use crate::warehouse::Warehouse;

/// Longest body of control data.
const BODY_BYTES_MAX: usize = 64 * 1_024;

/// What the handlers of management share.
pub struct ControlState {
    /// Who may.
    pub identity: Identity,
    /// What they change.
    pub control: Control,
    /// Who is told of alerts.
    pub alerts: Alerts,
    /// Who listens to what happens to them.
    pub alert_streams: AlertStreams,
    /// Third-party services.
    pub integrations: Integrations,
    /// The way to them.
    pub relay: Relay,
    /// What is known of them.
    pub warehouse: Warehouse,
    /// What they may fail in.
    pub budgets: ErrorBudgets,
    /// How long their webhooks may stay away before they are polled instead.
    pub webhook_silence_max: Duration,
    /// Longest body of a call to them.
    pub relay_body_max_bytes: u64,
    /// Where addresses that users supply may lead.
    pub outbound: Outbound,
    /// Keys that issuers serve.
    pub jwks: Jwks,
    /// Time in which a body must have arrived.
    pub body_timeout: Duration,
    /// Hashes and compares passwords.
    pub passwords: Passwords,
    /// How often somebody may try to log in.
    pub logins: LoginLimit,
}

/// A request of management.
pub(super) struct Call {
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<ControlState>,
    started: Instant,
    cookie: Option<HeaderValue>,
}

/// Which project is meant.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `Call::manager_of` reads")]
pub(super) struct OfProject {
    /// The project. Without it that of the key; for sessions and the admin token `default`.
    #[param(example = "default")]
    project: Option<String>,
}

/// The answer to something that leaves nothing to show.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Done {
    done: bool,
}

impl Done {
    pub(super) const DONE: Self = Self { done: true };
}

/// A method of an address: what `work` gives is the answer's data.
pub(super) fn on<W, T>(method: Method, status: StatusCode, work: W) -> Route
where
    W: AsyncFn(&mut Call) -> Result<T, ApiError> + Copy + 'static,
    T: Serialize + 'static,
{
    web::method(method).to(move |mut call: Call| async move {
        let outcome = work(&mut call).await;
        call.answer(status, outcome)
    })
}

/// `GET`.
pub(super) fn look<W, T>(work: W) -> Route
where
    W: AsyncFn(&mut Call) -> Result<T, ApiError> + Copy + 'static,
    T: Serialize + 'static,
{
    on(Method::GET, StatusCode::OK, work)
}

/// `POST` of something new.
pub(super) fn make<W, T>(work: W) -> Route
where
    W: AsyncFn(&mut Call) -> Result<T, ApiError> + Copy + 'static,
    T: Serialize + 'static,
{
    on(Method::POST, StatusCode::CREATED, work)
}

/// `PATCH`.
pub(super) fn change<W, T>(work: W) -> Route
where
    W: AsyncFn(&mut Call) -> Result<T, ApiError> + Copy + 'static,
    T: Serialize + 'static,
{
    on(Method::PATCH, StatusCode::OK, work)
}

/// `DELETE`.
pub(super) fn delete<W, T>(work: W) -> Route
where
    W: AsyncFn(&mut Call) -> Result<T, ApiError> + Copy + 'static,
    T: Serialize + 'static,
{
    on(Method::DELETE, StatusCode::OK, work)
}

impl FromRequest for Call {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let state = request.app_data::<web::Data<ControlState>>().cloned();
        let payload = web::Payload::from_request(request, payload).into_inner();
        let call = payload.and_then(|payload| {
            Ok(Self {
                request: request.clone(),
                payload,
                state: state.ok_or_else(|| actix_web::error::ErrorInternalServerError("no state"))?,
                started: Instant::now(),
                cookie: None,
            })
        });
        ready(call)
    }
}

impl Call {
    /// What the request itself says.
    pub(super) const fn request(&self) -> &HttpRequest {
        &self.request
    }

    /// What handlers share.
    pub(super) fn state(&self) -> &ControlState {
        &self.state
    }

    /// Sends this `Set-Cookie` with an answer that went well.
    pub(super) fn set_cookie(&mut self, cookie: &str) {
        self.cookie = HeaderValue::from_str(cookie).ok();
    }

    /// The control data.
    pub(super) fn control(&self) -> Control {
        self.state.control.clone()
    }

    /// Who calls.
    pub(super) async fn manager(&self) -> Result<Manager, ApiError> {
        let now_ms = clock::now().as_millis();
        self.state.identity.manager(&self.request, now_ms).await
    }

    /// Who calls, and the project of `?project=`, or the own one, in which they must have this role.
    pub(super) async fn manager_of(&self, needed: Role) -> Result<(Manager, ProjectId), ApiError> {
        let manager = self.manager().await?;
        let project_id = parameter(&self.request, "project");
        let project_id = manager.project(project_id.as_deref(), needed)?.clone();
        Ok((manager, project_id))
    }

    /// True when the query string names a project.
    pub(super) fn names_a_project(&self) -> bool {
        parameter(&self.request, "project").is_some()
    }

    /// Who calls, and the project that the path names, in which they must have this role.
    pub(super) async fn manager_of_path(&self, needed: Role) -> Result<(Manager, ProjectId), ApiError> {
        let manager = self.manager().await?;
        let project_id = manager.project(Some(self.segment("id")), needed)?.clone();
        Ok((manager, project_id))
    }

    /// A part of the path.
    pub(super) fn segment(&self, name: &str) -> &str {
        self.request.match_info().get(name).unwrap_or_default()
    }

    /// An id in the path. What has another form is nobody's id.
    pub(super) fn id(&self, name: &str) -> Result<Uuid, ApiError> {
        Uuid::try_parse(self.segment(name)).map_err(|_| ApiError::NoSuch("there is nothing of this id"))
    }

    /// What stands in the query string but `project`.
    pub(super) fn parameters(&self) -> paging::Others<'_> {
        let parameters = form_urlencoded::parse(self.request.query_string().as_bytes());
        parameters.filter(|(name, _)| name != "project").collect()
    }

    /// The page that is asked for, and what else stands in the query string but `project`.
    pub(super) fn page(&self) -> Result<(PageRequest, paging::Others<'_>), ApiError> {
        paging::parse(self.parameters()).map_err(ApiError::BadParameters)
    }

    /// The page that is asked for; nothing else is taken but `project`.
    pub(super) fn page_only(&self) -> Result<PageRequest, ApiError> {
        let (page, others) = self.page()?;
        paging::no_others(&others).map_err(ApiError::BadParameters)?;
        Ok(page)
    }

    /// The body, for [`Fields`](super::body::Fields).
    pub(super) async fn body(&mut self) -> Result<Bytes, ApiError> {
        let header = |name| header_text(&self.request, name);
        if MediaType::from_header(header(&CONTENT_TYPE)) != Some(MediaType::Json) {
            let message = "send application/json, in UTF-8";
            return Err(Rejection::UnsupportedMedia(message).into());
        }
        if !matches!(header(&CONTENT_ENCODING), "" | "identity") {
            return Err(Rejection::UnsupportedMedia("send the body without Content-Encoding").into());
        }
        let timeout = self.state.body_timeout;
        let body = read_body(&mut self.payload, BODY_BYTES_MAX, timeout).await?;
        Ok(body)
    }

    /// Answers with something else than the usual form, but for failures.
    pub(super) fn answer_as_it_is(self, outcome: Result<HttpResponse, ApiError>) -> HttpResponse {
        match outcome {
            Ok(answer) => answer,
            Err(error) => unread::holding(error::answer(&self.request, &error), self.payload),
        }
    }

    fn answer<T: Serialize>(self, status: StatusCode, outcome: Result<T, ApiError>) -> HttpResponse {
        match outcome {
            Ok(data) => {
                let mut answer = envelope::with_status(status, &data, self.started);
                envelope::not_for_caches(&mut answer);
                if let Some(cookie) = self.cookie {
                    answer.headers_mut().insert(SET_COOKIE, cookie);
                }
                answer
            }
            Err(error) => unread::holding(error::answer(&self.request, &error), self.payload),
        }
    }
}

/// The first value of a parameter in the query string.
fn parameter<'r>(request: &'r HttpRequest, wanted: &str) -> Option<Cow<'r, str>> {
    form_urlencoded::parse(request.query_string().as_bytes())
        .find_map(|(name, value)| (name == wanted).then_some(value))
}

/// A time in a query string, as ISO 8601 with an offset, in milliseconds.
pub(super) fn time_ms(field: &'static str, text: &str) -> Result<i64, FieldError> {
    text.parse().map(jiff::Timestamp::as_millisecond).map_err(|_| {
        FieldError::new(
            field,
            FieldFault::BadFormat,
            "must be a time like 2026-11-22T09:00:00Z",
        )
    })
}
