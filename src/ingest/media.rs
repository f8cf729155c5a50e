//! Which JSON text a body holds, by its media type and by its own first byte.
//!
//! `sendBeacon` sends `text/plain`, `curl -d` says form and sends JSON, and some clients say nothing: outside
//! of `application/json` the body decides.

use std::borrow::Cow;

/// What a `Content-Type` header says, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaType {
    /// `application/json`, or a `+json` type.
    Json,
    /// `text/plain`, `application/x-www-form-urlencoded`, or nothing: the body decides.
    BodyDecides,
}

/// Form field that holds the JSON text.
const FORM_FIELD: &str = "data";
const UTF8_BOM: &[u8] = b"\xef\xbb\xbf";

impl MediaType {
    /// Reads a `Content-Type` header; `None` for a type or a charset that is not taken.
    #[must_use]
    pub fn from_header(value: &str) -> Option<Self> {
        // What nearly all send.
        match value {
            "application/json" => return Some(Self::Json),
            "text/plain;charset=UTF-8" | "" => return Some(Self::BodyDecides),
            _ => {}
        }
        let mut parts = value.split(';').map(str::trim);
        let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
        let charset_is_utf8 = parts.all(|parameter| {
            let Some((name, value)) = parameter.split_once('=') else {
                return true;
            };
            let value = value.trim().trim_matches('"');
            !name.trim().eq_ignore_ascii_case("charset")
                || ["utf-8", "utf8", "us-ascii"]
                    .iter()
                    .any(|known| value.eq_ignore_ascii_case(known))
        });
        if !charset_is_utf8 {
            return None;
        }
        match essence.as_str() {
            "application/json" => Some(Self::Json),
            "" | "text/plain" | "application/x-www-form-urlencoded" => Some(Self::BodyDecides),
            other if other.ends_with("+json") => Some(Self::Json),
            _ => None,
        }
    }
}

/// The JSON text in a body; a byte order mark is left out.
#[must_use]
pub fn json_text(body: Cow<'_, [u8]>, media_type: MediaType) -> Cow<'_, [u8]> {
    if media_type == MediaType::BodyDecides && !starts_as_json(&body) {
        let data = form_urlencoded::parse(&body)
            .find_map(|(name, value)| (name == FORM_FIELD).then(|| value.into_owned()));
        if let Some(data) = data {
            return Cow::Owned(data.into_bytes());
        }
    }
    match body {
        Cow::Borrowed(bytes) => Cow::Borrowed(bytes.strip_prefix(UTF8_BOM).unwrap_or(bytes)),
        Cow::Owned(mut bytes) => {
            if bytes.starts_with(UTF8_BOM) {
                bytes.drain(..UTF8_BOM.len());
            }
            Cow::Owned(bytes)
        }
    }
}

fn starts_as_json(body: &[u8]) -> bool {
    let body = body.strip_prefix(UTF8_BOM).unwrap_or(body);
    body.iter()
        .find(|byte| !byte.is_ascii_whitespace())
        .is_some_and(|byte| matches!(byte, b'{' | b'['))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_that_a_browser_or_curl_sends_are_taken_and_others_are_not() {
        for (header, media_type) in [
            ("application/json", Some(MediaType::Json)),
            ("Application/JSON; charset=\"UTF-8\"", Some(MediaType::Json)),
            ("application/json; charset=latin1", None),
            ("application/vnd.fresnel+json", Some(MediaType::Json)),
            ("text/plain;charset=UTF-8", Some(MediaType::BodyDecides)),
            ("", Some(MediaType::BodyDecides)),
            ("multipart/form-data; boundary=x", None),
            ("text/html", None),
        ] {
            assert_eq!(MediaType::from_header(header), media_type, "{header}");
        }
    }

    #[test]
    fn a_form_field_is_unwrapped_and_json_under_a_form_type_is_left_alone() {
        let text = |body: &'static [u8]| json_text(Cow::Borrowed(body), MediaType::BodyDecides).into_owned();
        assert_eq!(text(b"v=1&data=%7B%22a%22%3A+1%7D"), b"{\"a\": 1}");
        assert_eq!(text(b" {\"data=\": 1}"), b" {\"data=\": 1}");
        assert_eq!(text(b"\xef\xbb\xbf{}"), b"{}");
        assert_eq!(text(b"nothing"), b"nothing");
    }
}
