//! Headers that a relay passes on, and those that it must not (RFC 9110, 7.6.1).

use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, FORWARDED, HOST, ORIGIN, PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION, REFERER, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName};

/// Of one connection, and not of the message.
const OF_CONNECTION: [HeaderName; 7] = [
    CONNECTION,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];
const OF_CONNECTION_BY_NAME: [&str; 2] = ["keep-alive", "proxy-connection"];
/// What a product says to Fresnel, and not to a vendor.
const OF_PRODUCT: [HeaderName; 8] = [
    AUTHORIZATION,
    COOKIE,
    CONTENT_LENGTH,
    EXPECT,
    FORWARDED,
    HOST,
    ORIGIN,
    REFERER,
];
const OF_PRODUCT_BY_BEGINNING: [&str; 4] = ["x-api-key", "x-forwarded-", "x-real-ip", "x-fresnel-"];

/// What goes to the vendor of what the product has sent.
pub(super) fn to_vendor(headers: &HeaderMap) -> HeaderMap {
    let mut kept = without_connection(headers);
    for name in OF_PRODUCT {
        kept.remove(name);
    }
    let ours: Vec<HeaderName> = kept
        .keys()
        .filter(|name| {
            OF_PRODUCT_BY_BEGINNING
                .iter()
                .any(|ours| name.as_str().starts_with(ours))
        })
        .cloned()
        .collect();
    for name in ours {
        kept.remove(name);
    }
    kept
}

/// What goes to the product of what the vendor has answered.
pub(super) fn to_product(headers: &HeaderMap) -> HeaderMap {
    let mut kept = without_connection(headers);
    // The server writes its own.
    kept.remove(CONTENT_LENGTH);
    kept
}

fn without_connection(headers: &HeaderMap) -> HeaderMap {
    let named = headers.get_all(CONNECTION).into_iter();
    let named: Vec<String> = named
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    let mut kept = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let is_of_connection = OF_CONNECTION.contains(name)
            || OF_CONNECTION_BY_NAME.contains(&name.as_str())
            || named.iter().any(|one| one == name.as_str());
        if !is_of_connection {
            kept.append(name.clone(), value.clone());
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn neither_credentials_nor_the_connections_own_headers_reach_the_vendor() {
        let sent = headers(&[
            ("authorization", "Bearer key-of-fresnel"),
            ("x-api-key", "key"),
            ("cookie", "a=b"),
            ("host", "fresnel"),
            ("connection", "close, X-Hop"),
            ("x-hop", "1"),
            ("keep-alive", "5"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("x-forwarded-for", "10.0.0.1"),
            ("x-fresnel-page", "/"),
            ("content-length", "5"),
            ("content-type", "text/plain"),
            ("accept", "a/b"),
            ("idempotency-key", "k"),
        ]);
        let kept = to_vendor(&sent);
        let mut names: Vec<_> = kept.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["accept", "content-type", "idempotency-key"]);
    }

    #[test]
    fn answers_keep_all_that_is_theirs_each_as_often_as_it_stands() {
        let mut answered = headers(&[
            ("connection", "keep-alive"),
            ("content-length", "3"),
            ("etag", "x"),
        ]);
        answered.append("link", "a".parse().unwrap());
        answered.append("link", "b".parse().unwrap());
        let kept = to_product(&answered);
        assert_eq!(kept.len(), 3);
        assert_eq!(kept.get_all("link").iter().count(), 2);
    }
}
