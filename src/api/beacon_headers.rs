//! What a beacon's headers say, found in one pass: each look-up by name would hash it, for every beacon.

use actix_web::HttpRequest;
use actix_web::http::header::HeaderValue;

/// The headers that the way of a beacon looks at, the first of each name.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct BeaconHeaders<'r> {
    /// The page's origin.
    pub(super) origin: Option<&'r HeaderValue>,
    /// `Authorization`
    pub(super) authorization: Option<&'r HeaderValue>,
    /// `X-API-Key`
    pub(super) api_key: Option<&'r HeaderValue>,
    user_agent: Option<&'r HeaderValue>,
    global_privacy: Option<&'r HeaderValue>,
    content_type: Option<&'r HeaderValue>,
    content_encoding: Option<&'r HeaderValue>,
    content_length: Option<&'r HeaderValue>,
}

impl<'r> BeaconHeaders<'r> {
    /// Reads those of a request.
    pub(super) fn of(request: &'r HttpRequest) -> Self {
        let mut found = Self::default();
        for (name, value) in request.headers() {
            let place = match name.as_str() {
                "origin" => &mut found.origin,
                "authorization" => &mut found.authorization,
                "x-api-key" => &mut found.api_key,
                "user-agent" => &mut found.user_agent,
                "sec-gpc" => &mut found.global_privacy,
                "content-type" => &mut found.content_type,
                "content-encoding" => &mut found.content_encoding,
                "content-length" => &mut found.content_length,
                _ => continue,
            };
            place.get_or_insert(value);
        }
        found
    }

    /// The User-Agent; empty when there is none.
    pub(super) fn user_agent(&self) -> &'r [u8] {
        self.user_agent.map(HeaderValue::as_bytes).unwrap_or_default()
    }

    /// True with `Sec-GPC: 1`.
    pub(super) fn asks_privacy(&self) -> bool {
        self.global_privacy
            .is_some_and(|value| value.as_bytes().trim_ascii() == b"1")
    }

    /// `Content-Type`; empty when there is none, and something that no list knows when it is no text.
    pub(super) fn content_type(&self) -> &'r str {
        text(self.content_type)
    }

    /// `Content-Encoding`, as above.
    pub(super) fn content_encoding(&self) -> &'r str {
        text(self.content_encoding)
    }

    /// `Content-Length`, if it is a number.
    pub(super) fn content_length(&self) -> Option<u64> {
        text(self.content_length).parse().ok()
    }
}

fn text(value: Option<&HeaderValue>) -> &str {
    value.map_or("", |value| value.to_str().unwrap_or("?"))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::BeaconHeaders;

    #[test]
    fn each_header_is_found_in_any_case_and_the_first_of_two_counts() {
        let request = TestRequest::default()
            .append_header(("Origin", "https://a.example"))
            .append_header(("AUTHORIZATION", "Bearer x"))
            .append_header(("X-Api-Key", "one"))
            .append_header(("x-api-key", "two"))
            .append_header(("User-Agent", "Firefox"))
            .append_header(("Sec-GPC", " 1 "))
            .append_header(("Content-Type", "text/plain"))
            .append_header(("Content-Encoding", "gzip"))
            .append_header(("Content-Length", "12"))
            .append_header(("X-Other", "x"))
            .to_http_request();
        let headers = BeaconHeaders::of(&request);
        assert_eq!(headers.origin.unwrap(), "https://a.example");
        assert_eq!(headers.authorization.unwrap(), "Bearer x");
        assert_eq!(headers.api_key.unwrap(), "one");
        assert_eq!(headers.user_agent(), b"Firefox");
        assert!(headers.asks_privacy());
        assert_eq!(headers.content_type(), "text/plain");
        assert_eq!(headers.content_encoding(), "gzip");
        assert_eq!(headers.content_length(), Some(12));
    }

    #[test]
    fn headers_that_are_not_there_are_empty() {
        let request = TestRequest::default().to_http_request();
        let headers = BeaconHeaders::of(&request);
        assert!(headers.origin.is_none() && headers.user_agent().is_empty() && !headers.asks_privacy());
        assert_eq!((headers.content_type(), headers.content_encoding()), ("", ""));
        assert_eq!(headers.content_length(), None);
    }
}
