//! Files that are part of the binary, and the form in which a browser takes them.

use std::borrow::Cow;

use actix_web::http::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap, IF_NONE_MATCH, VARY,
};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use rust_embed::{Embed, EmbeddedFile};

#[derive(Embed)]
#[folder = "web/dist"]
#[allow_missing = true]
struct Dashboard;

#[derive(Embed)]
#[folder = "sdk/dist"]
#[allow_missing = true]
struct Sdk;

/// Which files.
#[derive(Clone, Copy)]
pub(super) enum Folder {
    /// Of the dashboard.
    Dashboard,
    /// Of the browser SDK.
    Sdk,
}

/// Packed forms, best first: what `Accept-Encoding` calls them, and how the names of the files end.
const PACKED: [(&str, &str); 2] = [("br", "br"), ("gzip", "gz")];

impl Folder {
    /// A file by its path in the folder.
    pub(super) fn file(self, path: &str) -> Option<EmbeddedFile> {
        match self {
            Self::Dashboard => Dashboard::get(path),
            Self::Sdk => Sdk::get(path),
        }
    }

    /// Whether nothing was built when the binary was.
    pub(super) fn is_empty(self) -> bool {
        match self {
            Self::Dashboard => Dashboard::iter().next().is_none(),
            Self::Sdk => Sdk::iter().next().is_none(),
        }
    }
}

/// The file, packed if the browser takes that; 304 if it has it.
pub(super) fn answer(request: &HttpRequest, folder: Folder, path: &str, plain: EmbeddedFile) -> HttpResponse {
    let headers = request.headers();
    let packed = PACKED.into_iter().find_map(|(coding, end)| {
        takes(headers, coding).then_some(())?;
        Some((coding, folder.file(&format!("{path}.{end}"))?))
    });
    let (coding, file) = match packed {
        Some((coding, file)) => (Some(coding), file),
        None => (None, plain),
    };
    let tag = tag(&file);
    let is_known = headers
        .get(IF_NONE_MATCH)
        .and_then(|tags| tags.to_str().ok())
        .is_some_and(|tags| tags.split(',').any(|known| known.trim() == tag));
    let mut response = if is_known {
        HttpResponse::NotModified()
    } else {
        HttpResponse::Ok()
    };
    response
        .insert_header((ETAG, tag))
        .insert_header((VARY, "Accept-Encoding"));
    if is_known {
        return response.finish();
    }
    response.insert_header((CONTENT_TYPE, media_type(path)));
    if let Some(coding) = coding {
        response.insert_header((CONTENT_ENCODING, coding));
    }
    response.body(match file.data {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => Bytes::from(bytes),
    })
}

/// Whether the browser takes a coding: it names it, and not with a quality of nought.
fn takes(headers: &HeaderMap, coding: &str) -> bool {
    let accepted = headers.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    accepted.unwrap_or_default().split(',').any(|part| {
        let mut words = part.split(';').map(str::trim);
        let is_named = words.next().is_some_and(|name| name.eq_ignore_ascii_case(coding));
        let is_refused = words.any(|word| {
            word.strip_prefix("q=")
                .is_some_and(|quality| quality.parse() == Ok(0.0_f32))
        });
        is_named && !is_refused
    })
}

/// A strong tag: the first half of the content's SHA-256. A packed form has another than the plain one.
fn tag(file: &EmbeddedFile) -> String {
    let hash = file.metadata.sha256_hash();
    let hex: String = hash[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}\"")
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("woff2") => "font/woff2",
        Some("json" | "map") => "application/json",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn accepting(value: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(value));
        headers
    }

    #[test]
    fn a_coding_is_used_only_by_those_who_name_it_and_do_not_refuse_it() {
        assert!(takes(&accepting("gzip, deflate, br, zstd"), "br"));
        assert!(takes(&accepting("GZIP;q=0.5"), "gzip"));
        assert!(!takes(&accepting("gzip, br;q=0"), "br"));
        assert!(!takes(&accepting("brotli"), "br"));
        assert!(!takes(&HeaderMap::new(), "gzip"));
    }
}
