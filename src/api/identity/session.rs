//! Users who have logged in: the cookie that says so, and the check that a page of ours sends the request.
//!
//! The cookie is `__Host-fresnel_session`: for https only, for this host only, out of reach for scripts, and not sent
//! with requests that other sites make. A browser does not keep it over plain http, so for a server that is opened as
//! `http://localhost` or by a loopback address it is `fresnel_session`, without `Secure`.

use std::net::IpAddr;
use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::http::header::{COOKIE, HOST, ORIGIN};

use super::{ApiError, Identity};
use crate::control::{UserEntry, sha256};
use crate::domain::account::{Session, Sha256Sum};

const COOKIE_HTTPS: &str = "__Host-fresnel_session";
const COOKIE_LOOPBACK: &str = "fresnel_session";
/// A header that pages of other origins cannot send: the browser would ask first, and is not allowed.
const CSRF_HEADER: &str = "x-fresnel-csrf";
/// A session ends when it was not used for this long.
pub(in crate::api) const SESSION_IDLE_MS: i64 = 7 * 24 * 3_600_000;
/// A session ends after this time, used or not.
const SESSION_MAX_MS: i64 = 30 * 24 * 3_600_000;
/// How often a use is noted.
const TOUCH_EVERY_MS: i64 = 10 * 60_000;

/// A user with the session that it shows.
#[derive(Debug)]
pub(in crate::api) struct LoggedIn {
    pub(in crate::api) user: Arc<UserEntry>,
    pub(in crate::api) session: Session,
}

impl Identity {
    /// The session of this sum, if it lasts and its user is enabled.
    pub(super) async fn session(&self, sum: &Sha256Sum, now_ms: i64) -> Result<Option<LoggedIn>, ApiError> {
        let Some(session) = self.control.session(sum, now_ms).await? else {
            return Ok(None);
        };
        let user = self.control.directory().user(session.user_id).cloned();
        Ok(user.map(|user| LoggedIn { user, session }))
    }

    /// Lets a session be used for this request.
    ///
    /// # Errors
    /// The request may come from a page of somebody else.
    pub(super) async fn use_session(
        &self,
        request: &HttpRequest,
        mut logged_in: LoggedIn,
        now_ms: i64,
    ) -> Result<LoggedIn, ApiError> {
        let only_looks = matches!(*request.method(), Method::GET | Method::HEAD);
        if !only_looks && !is_from_our_page(request) {
            return Err(ApiError::Forbidden(
                "send the header X-Fresnel-CSRF, or an Origin that is this host",
            ));
        }
        let session = &mut logged_in.session;
        if now_ms - session.last_seen_ms >= TOUCH_EVERY_MS {
            let end_ms = (now_ms + SESSION_IDLE_MS).min(session.created_at_ms + SESSION_MAX_MS);
            // What cannot be noted now is noted with the next request.
            let touched = self.control.touch_session(&session.sha256, now_ms, end_ms);
            if touched.await.is_ok() {
                session.expires_at_ms = end_ms;
            }
        }
        Ok(logged_in)
    }
}

/// The sum of the secret in the session's cookie.
pub(in crate::api) fn cookie_sum(request: &HttpRequest) -> Option<Sha256Sum> {
    let name = cookie_name(request);
    let headers = request.headers().get_all(COOKIE);
    let texts = headers.filter_map(|header| header.to_str().ok());
    let mut pairs = texts
        .flat_map(|text| text.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    let secret = pairs.find_map(|(key, value)| (key == name).then_some(value))?;
    Some(sha256(secret))
}

/// `Set-Cookie` of a session that lasts this long; 0 takes the cookie away.
pub(in crate::api) fn set_cookie(request: &HttpRequest, secret: &str, max_age_s: i64) -> String {
    let name = cookie_name(request);
    let secure = if name == COOKIE_HTTPS { "; Secure" } else { "" };
    format!("{name}={secret}; Path=/; HttpOnly; SameSite=Lax; Max-Age={max_age_s}{secure}")
}

fn cookie_name(request: &HttpRequest) -> &'static str {
    let is_https = request
        .headers()
        .get("x-forwarded-proto")
        .is_some_and(|scheme| scheme.as_bytes().eq_ignore_ascii_case(b"https"));
    if is_loopback(host(request)) && !is_https {
        COOKIE_LOOPBACK
    } else {
        COOKIE_HTTPS
    }
}

fn host(request: &HttpRequest) -> &str {
    let host = request.headers().get(HOST);
    host.and_then(|host| host.to_str().ok()).unwrap_or_default()
}

fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_matches(['[', ']']).parse::<IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

/// True when a page of this host has sent the request, or a program, which no other site can lead.
pub(in crate::api) fn is_from_our_page(request: &HttpRequest) -> bool {
    if request.headers().contains_key(CSRF_HEADER) {
        return true;
    }
    let origin = request
        .headers()
        .get(ORIGIN)
        .and_then(|origin| origin.to_str().ok());
    let of_host = |origin: &str| {
        let rest = origin
            .strip_prefix("https://")
            .or_else(|| origin.strip_prefix("http://"));
        rest.is_some_and(|rest| rest.eq_ignore_ascii_case(host(request)))
    };
    origin.is_some_and(of_host)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn request(headers: &[(&'static str, &str)]) -> HttpRequest {
        let mut request = TestRequest::default();
        for (name, value) in headers {
            request = request.append_header((*name, *value));
        }
        request.to_http_request()
    }

    #[test]
    fn only_on_loopback_and_plain_http_the_cookie_lacks_its_prefix() {
        for host in [
            "localhost",
            "LOCALHOST:8080",
            "127.0.0.1:1",
            "127.9.9.9",
            "[::1]:80",
        ] {
            assert_eq!(
                cookie_name(&request(&[("host", host)])),
                COOKIE_LOOPBACK,
                "{host}"
            );
            let behind_tls = request(&[("host", host), ("x-forwarded-proto", "https")]);
            assert_eq!(cookie_name(&behind_tls), COOKIE_HTTPS);
        }
        for host in [
            "",
            "example.org",
            "localhost.example.org",
            "10.0.0.1",
            "127.0.0.1.nip.example:80",
        ] {
            assert_eq!(cookie_name(&request(&[("host", host)])), COOKIE_HTTPS, "{host}");
        }
        let cookie = set_cookie(&request(&[("host", "example.org")]), "x", 60);
        assert!(
            cookie.starts_with("__Host-") && cookie.ends_with("; Secure"),
            "{cookie}"
        );
    }

    #[test]
    fn a_page_of_ours_names_this_host_or_sends_the_header() {
        let host = ("host", "fresnel.example:8443");
        assert!(is_from_our_page(&request(&[
            host,
            ("origin", "https://fresnel.example:8443")
        ])));
        assert!(is_from_our_page(&request(&[host, ("x-fresnel-csrf", "1")])));
        for origin in [
            "https://fresnel.example",
            "https://evil.example",
            "null",
            "https://fresnel.example:8443.evil.example",
        ] {
            assert!(
                !is_from_our_page(&request(&[host, ("origin", origin)])),
                "{origin}"
            );
        }
        assert!(!is_from_our_page(&request(&[host])));
    }
}
