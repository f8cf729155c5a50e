//! What clients are told when there is no answer of a vendor's, and vendors whose webhooks are not taken.

use actix_web::http::StatusCode;

use super::Told;
use crate::integrations::hooks::HookError;
use crate::integrations::relay::RelayError;

pub(super) fn told(error: &RelayError) -> Told<'static> {
    let (status, code) = match error {
        RelayError::Off => (StatusCode::SERVICE_UNAVAILABLE, "INTEGRATION_OFF"),
        RelayError::Unreadable => (StatusCode::CONFLICT, "CREDENTIAL_UNREADABLE"),
        RelayError::NoToken => (StatusCode::BAD_GATEWAY, "VENDOR_TOKEN_UNAVAILABLE"),
        RelayError::Incomplete(_) => (StatusCode::CONFLICT, "INTEGRATION_INCOMPLETE"),
        RelayError::BadPath => (StatusCode::BAD_REQUEST, "BAD_PATH"),
        RelayError::BadKey => (StatusCode::BAD_REQUEST, "BAD_IDEMPOTENCY_KEY"),
        RelayError::KeyReused => (StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED"),
        RelayError::KeyedTooLong => (StatusCode::PAYLOAD_TOO_LARGE, "IDEMPOTENT_BODY_TOO_LARGE"),
        RelayError::BrokenOff => (StatusCode::BAD_REQUEST, "BODY_INCOMPLETE"),
        RelayError::NotTakenApart => (StatusCode::BAD_GATEWAY, "BATCH_UNREADABLE"),
        RelayError::NoTurn { .. } => (StatusCode::TOO_MANY_REQUESTS, "VENDOR_RATE_LIMIT"),
        RelayError::LeftAlone { .. } => (StatusCode::SERVICE_UNAVAILABLE, "VENDOR_LEFT_ALONE"),
        RelayError::Exhausted { .. } => (StatusCode::BAD_GATEWAY, "EXTERNAL_API_RETRY_FAILED"),
    };
    let told = Told::in_words(status, code, error.to_string().into());
    match *error {
        RelayError::NoTurn { retry_after_s } | RelayError::LeftAlone { retry_after_s } => {
            told.retry_after(retry_after_s)
        }
        RelayError::Exhausted { tries, .. } => Told {
            tries: Some(tries),
            ..told
        },
        RelayError::Off
        | RelayError::Unreadable
        | RelayError::NoToken
        | RelayError::Incomplete(_)
        | RelayError::BadPath
        | RelayError::BadKey
        | RelayError::KeyReused
        | RelayError::KeyedTooLong
        | RelayError::BrokenOff
        | RelayError::NotTakenApart => told,
    }
}

pub(super) fn told_of_hook(error: &HookError) -> Told<'static> {
    let (status, code) = match error {
        HookError::Off => (StatusCode::SERVICE_UNAVAILABLE, "INTEGRATION_OFF"),
        HookError::Incomplete => (StatusCode::CONFLICT, "INTEGRATION_INCOMPLETE"),
        HookError::Unreadable => (StatusCode::CONFLICT, "CREDENTIAL_UNREADABLE"),
        HookError::NotVerified(_) => (StatusCode::UNAUTHORIZED, "NOT_VERIFIED"),
    };
    Told::in_words(status, code, error.to_string().into())
}
