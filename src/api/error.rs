//! The only place where a failure becomes a status, a code, and an answer.
//!
//! The client reads what helps it to send a better request; the log gets the cause, under the same `error_id`.

mod control;
mod limits;
mod log;
mod log_limit;
mod relay;

use std::borrow::Cow;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::rate_limit;
use crate::clock;
use crate::control::ControlError;
use crate::domain::field_error::FieldError;
use crate::ingest::Rejection;
use crate::integrations::hooks::HookError;
use crate::integrations::relay::RelayError;
use crate::telemetry::traces;
use crate::warehouse::SelectError;

pub(super) use limits::Limit;

/// Seconds after which a client may try again when the log is full.
const RETRY_AFTER_FULL_S: u32 = 5;
/// Seconds after which a client may try again what the warehouse was too slow for.
const RETRY_AFTER_SLOW_S: u32 = 5;
/// Seconds after which a client may try again when the server is busy or restarts.
const RETRY_AFTER_BUSY_S: u32 = 1;

/// Every way in which a request can fail.
#[derive(Debug)]
pub(super) enum ApiError {
    /// A beacon was refused.
    Rejected(Rejection),
    /// A question without a key, or with a wrong one.
    Unauthenticated,
    /// A login that is refused; nobody is told why.
    BadLogin,
    /// Somebody wants more than there is for him now.
    Limited(Limit),
    /// A key that may not do this; the text says what.
    Forbidden(&'static str),
    /// No such thing, or one of another project; the text says what.
    NoSuch(&'static str),
    /// No such address.
    NotFound,
    /// The address exists, and takes these methods only.
    MethodNotAllowed(&'static str),
    /// Parameters of a query are missing or wrong.
    BadParameters(Vec<FieldError>),
    /// A parameter or a body of management, or its store.
    Control(ControlError),
    /// The warehouse cannot be asked; the text is for the log.
    WarehouseUnavailable(String),
    /// The warehouse did not answer in time; the text is for the log.
    WarehouseTimeout(String),
    /// The warehouse has too much to do; the text is for the log.
    WarehouseOverloaded(String),
    /// The warehouse is left alone for so many seconds, and no answer is kept.
    WarehouseLeftAlone(u32),
    /// The warehouse refused a query that should have been right; the text is for the log.
    WarehouseFailed(String),
    /// A vendor gave no answer.
    Relay(RelayError),
    /// A webhook is not taken.
    Hook(HookError),
}

impl From<Rejection> for ApiError {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

impl From<Limit> for ApiError {
    fn from(limit: Limit) -> Self {
        Self::Limited(limit)
    }
}

impl From<ControlError> for ApiError {
    fn from(error: ControlError) -> Self {
        Self::Control(error)
    }
}

impl From<SelectError> for ApiError {
    fn from(error: SelectError) -> Self {
        let cause = error.to_string();
        match error {
            SelectError::Unavailable(_) | SelectError::NotMigrated { .. } => {
                Self::WarehouseUnavailable(cause)
            }
            SelectError::TimedOut(_) => Self::WarehouseTimeout(cause),
            SelectError::Overloaded { .. } => Self::WarehouseOverloaded(cause),
            SelectError::LeftAlone { retry_in_ms } => {
                let seconds = u32::try_from(retry_in_ms.div_ceil(1_000)).unwrap_or(u32::MAX);
                Self::WarehouseLeftAlone(seconds.max(RETRY_AFTER_BUSY_S))
            }
            SelectError::Failed { .. } => Self::WarehouseFailed(cause),
        }
    }
}

/// A failure, as clients read it.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Error)]
pub(super) struct ErrorEnvelope<'e> {
    /// Always false.
    success: bool,
    /// In words, for people.
    error: &'e str,
    /// Stable name, for programs.
    code: &'static str,
    /// What is wrong with which field.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<FieldError>>)]
    details: Option<&'e [FieldError]>,
    /// How often a vendor was tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_attempts: Option<u32>,
    /// The last good answer, when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    fallback_data: Option<&'e RawValue>,
    meta: ErrorMeta,
}

#[derive(Serialize, utoipa::ToSchema)]
struct ErrorMeta {
    /// Stands in the log, with the cause.
    error_id: Uuid,
    /// When, in ISO 8601.
    timestamp: String,
    /// Whether the same request may go well later.
    retry_suggested: bool,
}

/// What the client is told.
struct Told<'e> {
    status: StatusCode,
    code: &'static str,
    message: Cow<'e, str>,
    details: Option<Cow<'e, [FieldError]>>,
    retry_after_s: Option<u32>,
    tries: Option<u32>,
}

impl<'e> Told<'e> {
    const fn new(status: StatusCode, code: &'static str, message: &'e str) -> Self {
        Self::in_words(status, code, Cow::Borrowed(message))
    }

    const fn in_words(status: StatusCode, code: &'static str, message: Cow<'e, str>) -> Self {
        Self {
            status,
            code,
            message,
            details: None,
            retry_after_s: None,
            tries: None,
        }
    }

    fn with_details(self, details: impl Into<Cow<'e, [FieldError]>>) -> Self {
        Self {
            details: Some(details.into()),
            ..self
        }
    }

    fn retry_after(self, seconds: u32) -> Self {
        Self {
            retry_after_s: Some(seconds),
            ..self
        }
    }
}

impl ApiError {
    fn told(&self) -> Told<'_> {
        match self {
            Self::Rejected(rejection) => told_of_rejection(rejection),
            Self::Unauthenticated => Told::new(
                StatusCode::UNAUTHORIZED,
                "UNAUTHENTICATED",
                "the admin token or key is missing or wrong",
            ),
            Self::BadLogin => Told::new(
                StatusCode::UNAUTHORIZED,
                "BAD_LOGIN",
                "address or password are wrong, or the user is disabled",
            ),
            Self::Limited(limit) => limits::told(limit),
            Self::Forbidden(message) => Told::new(StatusCode::FORBIDDEN, "FORBIDDEN", message),
            Self::NoSuch(message) => Told::new(StatusCode::NOT_FOUND, "NOT_FOUND", message),
            Self::NotFound => Told::new(
                StatusCode::NOT_FOUND,
                "NOT_FOUND",
                "there is nothing at this address",
            ),
            Self::MethodNotAllowed(_) => Told::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "METHOD_NOT_ALLOWED",
                "this address does not take this method",
            ),
            Self::BadParameters(details) => Told::new(
                StatusCode::BAD_REQUEST,
                "BAD_PARAMETERS",
                "parameters are missing or wrong",
            )
            .with_details(details.as_slice()),
            Self::Control(error) => control::told(error),
            Self::WarehouseUnavailable(_) => Told::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "WAREHOUSE_UNAVAILABLE",
                "the warehouse cannot be reached; beacons are kept in the log meanwhile",
            )
            .retry_after(RETRY_AFTER_BUSY_S),
            Self::WarehouseTimeout(_) => Told::new(
                StatusCode::GATEWAY_TIMEOUT,
                "PERFORMANCE_TIMEOUT",
                "the warehouse did not answer in time; ask for a shorter range or fewer groups",
            )
            .retry_after(RETRY_AFTER_SLOW_S),
            Self::WarehouseLeftAlone(seconds) => Told::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "CACHE_MISS",
                "no answer is kept, and the warehouse has failed so often that it is left alone for a time",
            )
            .retry_after(*seconds),
            Self::WarehouseOverloaded(_) => Told::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "WAREHOUSE_OVERLOADED",
                "the warehouse has too much to do",
            )
            .retry_after(RETRY_AFTER_BUSY_S),
            Self::WarehouseFailed(_) => Told::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "INTERNAL",
                "the query failed; see the log",
            ),
            Self::Relay(error) => relay::told(error),
            Self::Hook(error) => relay::told_of_hook(error),
        }
    }

    /// What only the log is told.
    fn cause(&self) -> &str {
        match self {
            Self::WarehouseUnavailable(cause)
            | Self::WarehouseTimeout(cause)
            | Self::WarehouseOverloaded(cause)
            | Self::WarehouseFailed(cause) => cause,
            Self::Control(ControlError::Unavailable(cause) | ControlError::Corrupt(cause)) => cause,
            Self::Control(
                ControlError::NotFound(_)
                | ControlError::Conflict { .. }
                | ControlError::Invalid(_)
                | ControlError::TooMany { .. }
                | ControlError::Busy,
            )
            | Self::Rejected(_)
            | Self::Unauthenticated
            | Self::BadLogin
            | Self::Limited(_)
            | Self::Forbidden(_)
            | Self::NoSuch(_)
            | Self::NotFound
            | Self::MethodNotAllowed(_)
            | Self::BadParameters(_)
            | Self::WarehouseLeftAlone(_)
            | Self::Relay(_)
            | Self::Hook(_) => "",
        }
    }
}

/// Nothing is wrong with the beacon: it may be sent again, with the same `event_id`.
fn not_now<'m>(code: &'static str, message: &'m str, retry_after_s: u32) -> Told<'m> {
    Told::new(StatusCode::SERVICE_UNAVAILABLE, code, message).retry_after(retry_after_s)
}

fn told_of_rejection(rejection: &Rejection) -> Told<'_> {
    match rejection {
        Rejection::Unauthenticated => Told::new(
            StatusCode::UNAUTHORIZED,
            "UNAUTHENTICATED",
            "the ingest key is missing or wrong",
        ),
        Rejection::BadToken => Told::new(
            StatusCode::UNAUTHORIZED,
            "BAD_TOKEN",
            "the user's token is wrong, over, or of nobody whom the project believes",
        ),
        Rejection::ForeignOrigin => Told::new(
            StatusCode::FORBIDDEN,
            "FOREIGN_ORIGIN",
            "pages of this origin may not post to the project; see its allowed origins",
        ),
        Rejection::TooLarge => Told::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "TOO_LARGE",
            "the body is larger than allowed",
        ),
        Rejection::UnsupportedMedia(message) => Told::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "UNSUPPORTED_MEDIA_TYPE",
            message,
        ),
        Rejection::BadEncoding => Told::new(
            StatusCode::BAD_REQUEST,
            "BAD_ENCODING",
            "the body cannot be inflated: it is cut off, or not in the form that Content-Encoding names",
        ),
        Rejection::BodyTimeout => Told::new(
            StatusCode::REQUEST_TIMEOUT,
            "BODY_TIMEOUT",
            "the body did not arrive in time",
        ),
        Rejection::BodyIncomplete => Told::new(
            StatusCode::BAD_REQUEST,
            "BODY_INCOMPLETE",
            "the connection broke within the body",
        ),
        Rejection::BadJson(detail) => Told::new(
            StatusCode::BAD_REQUEST,
            "BAD_JSON",
            "the body cannot be read as JSON",
        )
        .with_details(std::slice::from_ref(detail)),
        Rejection::Invalid(details) => {
            Told::new(StatusCode::BAD_REQUEST, "INVALID", "fields are missing or wrong")
                .with_details(details.as_slice())
        }
        Rejection::OverQuota { decision, .. } => Told::new(
            StatusCode::TOO_MANY_REQUESTS,
            "OVER_QUOTA",
            "the quota of this sender is spent; come again after Retry-After",
        )
        .retry_after(decision.retry_after_s.unwrap_or(RETRY_AFTER_BUSY_S)),
        Rejection::UnderWay => not_now(
            "UNDER_WAY",
            "a beacon with this event_id is being stored; send it again to know that it is",
            RETRY_AFTER_BUSY_S,
        ),
        Rejection::LogFull => not_now(
            "LOG_FULL",
            "there is no room to make the beacon durable; send it again later with the same event_id",
            RETRY_AFTER_FULL_S,
        ),
        Rejection::Overloaded => not_now(
            "OVERLOADED",
            "too many beacons wait to be made durable; send it again with the same event_id",
            RETRY_AFTER_BUSY_S,
        ),
        Rejection::Unavailable => not_now(
            "UNAVAILABLE",
            "not acknowledged, possibly stored: send it again with the same event_id",
            RETRY_AFTER_BUSY_S,
        ),
    }
}

/// Builds the answer to a failure, and logs it once.
pub(super) fn answer(request: &HttpRequest, error: &ApiError) -> HttpResponse {
    answer_with(request, error, None)
}

/// The same with an older answer, as JSON, for those who may make do with it.
pub(super) fn answer_with(
    request: &HttpRequest,
    error: &ApiError,
    fallback_data: Option<&[u8]>,
) -> HttpResponse {
    let told = error.told();
    let error_id = Uuid::now_v7();
    log::log(request, error, &told, error_id);
    traces::note_error_id(error_id);
    let timestamp = clock::now().rfc3339();
    let mut response = HttpResponse::build(told.status);
    if let Some(seconds) = told.retry_after_s {
        response.insert_header((header::RETRY_AFTER, seconds));
    }
    if let ApiError::MethodNotAllowed(allow) = error {
        response.insert_header((header::ALLOW, *allow));
    }
    if told.status == StatusCode::UNAUTHORIZED {
        response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
    }
    let retry_suggested = told.retry_after_s.is_some() || told.tries.is_some();
    let mut response = response.json(ErrorEnvelope {
        success: false,
        error: &told.message,
        code: told.code,
        details: told.details.as_deref(),
        retry_attempts: told.tries,
        fallback_data: fallback_data.and_then(|json| serde_json::from_slice(json).ok()),
        meta: ErrorMeta {
            error_id,
            timestamp,
            retry_suggested,
        },
    });
    if let ApiError::Rejected(Rejection::OverQuota { class, decision }) = error {
        rate_limit::insert(response.headers_mut(), *class, decision);
    }
    response
}
