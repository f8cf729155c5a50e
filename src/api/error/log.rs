//! The log line of a failure: endpoint, method, user, session, User-Agent, `error_id`; no secrets, no addresses.

use std::borrow::Cow;
use std::sync::LazyLock;

use actix_web::HttpRequest;
use actix_web::http::{Method, header};
use uuid::Uuid;

use super::log_limit::{LogLimit, Verdict};
use super::{ApiError, Told};
use crate::api::asked::{self, Asked};

/// Refusals logged a second; a client's mistakes must not bury the server's.
const REFUSALS_LOGGED_PER_S: u64 = 50;
static REFUSALS: LazyLock<LogLimit> = LazyLock::new(|| LogLimit::new(REFUSALS_LOGGED_PER_S));

/// Logs a failure, once.
pub(super) fn log(request: &HttpRequest, error: &ApiError, told: &Told<'_>, error_id: Uuid) {
    let is_ours = told.status.is_server_error();
    let suppressed = match is_ours.then_some(0) {
        Some(none) => none,
        None => match REFUSALS.admit() {
            Verdict::Log { suppressed } => suppressed,
            Verdict::Suppress => return,
        },
    };
    let endpoint = asked::cut(&named(request.path()));
    let method: &Method = request.method();
    let user_agent = request
        .headers()
        .get(header::USER_AGENT)
        .and_then(|value| value.to_str().ok())
        .map(asked::cut);
    let Asked {
        user,
        session,
        network,
        decision: _,
    } = asked::of(request);
    let (status, code, cause) = (told.status.as_u16(), told.code, error.cause());
    if is_ours {
        tracing::error!(%error_id, %method, endpoint, user, session, user_agent, status, code, cause, "request failed");
    } else {
        let fields = told
            .details
            .as_deref()
            .unwrap_or_default()
            .iter()
            .map(|detail| detail.field.as_ref());
        let fields = fields.collect::<Vec<_>>().join(",");
        tracing::info!(%error_id, %method, endpoint, user, session, network, user_agent, status, code, fields, suppressed, "request refused");
    }
}
/// A path as the log may hold it: what stands behind the integration in the address of a hook is a secret.
fn named(path: &str) -> Cow<'_, str> {
    let hook = path.strip_prefix("/hooks/").and_then(|rest| rest.split_once('/'));
    match hook {
        Some((integration, _)) => format!("/hooks/{integration}/…").into(),
        None => path.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::named;

    #[test]
    fn the_token_of_a_hook_is_not_in_the_log() {
        for (path, expected) in [
            ("/hooks/stripe/fh_secret", "/hooks/stripe/…"),
            ("/hooks/stripe/fh_secret/more", "/hooks/stripe/…"),
            ("/hooks/stripe", "/hooks/stripe"),
            ("/api/keys", "/api/keys"),
        ] {
            assert_eq!(named(path), expected);
        }
    }
}
