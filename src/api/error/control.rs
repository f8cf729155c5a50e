//! What the client is told when control data cannot be read or changed.

use actix_web::http::StatusCode;

use super::{RETRY_AFTER_BUSY_S, Told};
use crate::control::ControlError;
use crate::domain::field_error::{FieldError, FieldFault};

/// Seconds after which a client may try again when the control store is away.
const RETRY_AFTER_AWAY_S: u32 = 5;

pub(super) fn told(error: &ControlError) -> Told<'_> {
    match error {
        ControlError::NotFound(what) => Told::in_words(
            StatusCode::NOT_FOUND,
            "NOT_FOUND",
            format!("there is no such {what}").into(),
        ),
        ControlError::Conflict { field } => Told::new(
            StatusCode::CONFLICT,
            "CONFLICT",
            "the change is in conflict with what is there",
        )
        .with_details(vec![FieldError::new(*field, FieldFault::Conflict, conflict(field))]),
        ControlError::Invalid(details) => Told::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "REFUSED_VALUE",
            "fields are missing or wrong",
        )
        .with_details(details.as_slice()),
        ControlError::TooMany { what, max } => Told::in_words(
            StatusCode::CONFLICT,
            "TOO_MANY",
            format!("there are {max} {what} already, which is the most").into(),
        ),
        ControlError::Busy => Told::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "CONTROL_BUSY",
            "other changes are under way; nothing was changed",
        )
        .retry_after(RETRY_AFTER_BUSY_S),
        ControlError::Unavailable(_) => Told::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "CONTROL_UNAVAILABLE",
            "the control store does not answer; a change may have been made or not: look before it is repeated",
        )
        .retry_after(RETRY_AFTER_AWAY_S),
        ControlError::Corrupt(_) => Told::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "INTERNAL",
            "control data cannot be read; see the log",
        ),
    }
}

/// What a conflict in this field means.
fn conflict(field: &str) -> &'static str {
    match field {
        "is_disabled" => "the user is disabled",
        "password" => "it was changed meanwhile",
        "channel_id" => "the channel is deleted",
        "resolved_at_ms" => "the alert is over",
        "target" => "cannot be decrypted with the keys of the settings: set it anew",
        "target.kind" => "only webhooks have a secret that Fresnel makes",
        "revision" => "someone else has changed it meanwhile: read it again",
        "is_instance_owner" => "there must be an instance owner who is not disabled",
        _ => "is in use, or may not be changed so",
    }
}
