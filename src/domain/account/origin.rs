//! Origins that browsers may post from.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::field_error::{FieldError, FieldFault};

const ORIGIN_CHARS_MAX: usize = 300;

/// An allowed origin: scheme, host and port, each of which must agree; `https://*.example.org` stands for all
/// hosts below `example.org`, at any depth, but not for itself; `*` stands for every origin.
///
/// Scheme and host are compared without case, the port after the scheme's default is filled in. Names beyond
/// ASCII are written as browsers send them, in punycode.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, example = "https://shop.example")]
pub struct Origin(Pattern);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Pattern {
    Any,
    One {
        scheme: String,
        /// Without the `*.`.
        host: String,
        port: Option<u16>,
        subdomains: bool,
    },
}

/// An origin's text, taken apart without a copy.
struct Parts<'a> {
    scheme: &'a str,
    host: &'a str,
    port: Option<u16>,
}

impl Origin {
    /// Reads an allowed origin; `field` is what a fault is told of.
    ///
    /// # Errors
    /// It has another form than `scheme://host[:port]`, `scheme://*.host[:port]` or `*`.
    pub fn parse(field: &'static str, text: &str) -> Result<Self, FieldError> {
        let text = text.trim();
        if text == "*" {
            return Ok(Self(Pattern::Any));
        }
        let bad = || {
            FieldError::new(
                field,
                FieldFault::BadFormat,
                "must be an origin like https://example.org, https://*.example.org or *",
            )
        };
        let (text, subdomains) = match text.split_once("://*.") {
            Some((scheme, host)) => (format!("{scheme}://{host}"), true),
            None => (text.to_owned(), false),
        };
        let parts = Parts::of(&text).ok_or_else(bad)?;
        if subdomains && parts.host.starts_with('[') {
            return Err(bad());
        }
        Ok(Self(Pattern::One {
            scheme: parts.scheme.to_ascii_lowercase(),
            host: parts.host.to_ascii_lowercase(),
            port: parts.port,
            subdomains,
        }))
    }

    /// True when a request's `Origin` header is allowed. `null` is allowed by `*` only.
    #[must_use]
    pub fn allows(&self, header: &str) -> bool {
        let (wanted_scheme, wanted_host, wanted_port, subdomains) = match &self.0 {
            Pattern::Any => return true,
            Pattern::One {
                scheme,
                host,
                port,
                subdomains,
            } => (scheme, host, port, *subdomains),
        };
        let Some(parts) = Parts::of(header) else {
            return false;
        };
        if !parts.scheme.eq_ignore_ascii_case(wanted_scheme) || parts.port != *wanted_port {
            return false;
        }
        if !subdomains {
            return parts.host.eq_ignore_ascii_case(wanted_host);
        }
        let Some(label_end) = parts.host.len().checked_sub(wanted_host.len()) else {
            return false;
        };
        match (parts.host.get(..label_end), parts.host.get(label_end..)) {
            (Some(label), Some(rest)) => {
                label.len() > 1 && label.ends_with('.') && rest.eq_ignore_ascii_case(wanted_host)
            }
            _ => false,
        }
    }

    /// Its host as URLs name it: lower case, with the port unless it is 80 or 443, `*.` before it when it stands for all
    /// hosts below; none for `*`.
    #[must_use]
    pub fn host(&self) -> Option<String> {
        let Pattern::One {
            host,
            port,
            subdomains,
            ..
        } = &self.0
        else {
            return None;
        };
        let below = if *subdomains { "*." } else { "" };
        let port = port.filter(|port| !matches!(port, 80 | 443));
        let port = port.map_or_else(String::new, |port| format!(":{port}"));
        Some(format!("{below}{host}{port}"))
    }

    /// True for `*`.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.0 == Pattern::Any
    }
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Option<Self> {
        if text.len() > ORIGIN_CHARS_MAX {
            return None;
        }
        let (scheme, rest) = text.split_once("://")?;
        let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
        if !is_scheme {
            return None;
        }
        let after_address = rest.find(']').map_or(0, |end| end + 1);
        let (host, port) = match rest.get(after_address..)?.rfind(':') {
            Some(colon) => {
                let colon = after_address + colon;
                (rest.get(..colon)?, Some(port_of(rest.get(colon + 1..)?)?))
            }
            None => (rest, None),
        };
        let is_host = match host.strip_prefix('[') {
            Some(address) => address.strip_suffix(']').is_some_and(|address| {
                address.contains(':')
                    && address
                        .chars()
                        .all(|c| c.is_ascii_hexdigit() || c == ':' || c == '.')
            }),
            None => {
                !host.is_empty()
                    && !host.starts_with('.')
                    && !host.contains("..")
                    && host
                        .chars()
                        .all(|c| c.is_ascii_alphanumeric() || "-._".contains(c))
            }
        };
        is_host.then_some(Self {
            scheme,
            host,
            port: port.or_else(|| default_port(scheme)),
        })
    }
}

/// A port in decimal, without the signs that `parse` would take.
fn port_of(text: &str) -> Option<u16> {
    let is_number = text.chars().all(|c| c.is_ascii_digit());
    text.parse().ok().filter(|&port| is_number && port > 0)
}

fn default_port(scheme: &str) -> Option<u16> {
    if scheme.eq_ignore_ascii_case("https") {
        Some(443)
    } else if scheme.eq_ignore_ascii_case("http") {
        Some(80)
    } else {
        None
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Pattern::Any => f.write_str("*"),
            Pattern::One {
                scheme,
                host,
                port,
                subdomains,
            } => {
                let below = if *subdomains { "*." } else { "" };
                write!(f, "{scheme}://{below}{host}")?;
                match port {
                    Some(port) if default_port(scheme) != Some(*port) => write!(f, ":{port}"),
                    _ => Ok(()),
                }
            }
        }
    }
}

impl TryFrom<String> for Origin {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Self::parse("allowed_origins", &text).map_err(|fault| fault.message.into_owned())
    }
}

impl From<Origin> for String {
    fn from(origin: Origin) -> Self {
        origin.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn allows(pattern: &str, header: &str) -> bool {
        Origin::parse("o", pattern).unwrap().allows(header)
    }

    #[test]
    fn scheme_host_and_port_must_all_agree() {
        for header in [
            "https://example.org",
            "https://EXAMPLE.org:443",
            "HTTPS://example.org",
        ] {
            assert!(allows("https://example.org", header), "{header}");
        }
        for header in [
            "http://example.org",
            "https://example.org:8443",
            "https://example.org.evil.net",
            "https://evilexample.org",
            "https://www.example.org",
            "https://example.org@evil.net",
            "https://example.org/path",
            "null",
            "",
            "example.org",
        ] {
            assert!(!allows("https://example.org", header), "{header}");
        }
    }

    #[test]
    fn a_star_before_the_host_stands_for_subdomains_only() {
        for header in ["https://a.example.org", "https://b.a.Example.org"] {
            assert!(allows("https://*.example.org", header), "{header}");
        }
        for header in [
            "https://example.org",
            "https://.example.org",
            "https://evilexample.org",
            "http://a.example.org",
            "https://a.example.org:444",
            "https://ü.example.org",
        ] {
            assert!(!allows("https://*.example.org", header), "{header}");
        }
    }

    #[test]
    fn a_star_stands_for_every_origin_and_only_it_for_null() {
        for header in ["https://a.b", "null", "capacitor://localhost"] {
            assert!(allows("*", header));
        }
        assert!(!allows("https://null", "null"));
    }

    #[test]
    fn a_host_is_told_as_urls_name_it() {
        for (text, host) in [
            ("https://Example.org", Some("example.org")),
            ("https://example.org:443", Some("example.org")),
            ("http://example.org:443", Some("example.org")),
            ("https://example.org:8443", Some("example.org:8443")),
            ("https://*.example.org", Some("*.example.org")),
            ("http://[::1]:3000", Some("[::1]:3000")),
            ("*", None),
        ] {
            assert_eq!(
                Origin::parse("o", text).unwrap().host().as_deref(),
                host,
                "{text}"
            );
        }
    }

    #[test]
    fn addresses_ports_and_the_schemes_of_apps_are_origins() {
        assert!(allows("http://localhost:3000", "http://localhost:3000"));
        assert!(!allows("http://localhost:3000", "http://localhost:3001"));
        assert!(allows("http://[::1]:3000", "http://[::1]:3000"));
        assert!(allows("http://127.0.0.1", "http://127.0.0.1:80"));
        assert!(allows("capacitor://localhost", "capacitor://localhost"));
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        for text in [
            "",
            "example.org",
            "https://",
            "https://*",
            "https://*.",
            "https://a.*.org",
            "https://example.org/",
            "https://example.org:0",
            "https://example.org:+80",
            "https://example.org:70000",
            "https://exämple.org",
            "https://*.[::1]",
            "://example.org",
            "1http://example.org",
            "https://a b",
            "**",
            "null",
        ] {
            assert!(Origin::parse("o", text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_origin_reads_back_as_it_is_written(
            scheme in "https?|app",
            star in any::<bool>(),
            host in "[a-z][a-z0-9-]{0,8}(\\.[a-z]{1,5}){0,3}",
            port in proptest::option::of(1_u16..),
        ) {
            let port = port.map_or_else(String::new, |port| format!(":{port}"));
            let below = if star { "*." } else { "" };
            let origin = Origin::parse("o", &format!("{scheme}://{below}{host}{port}")).unwrap();
            prop_assert_eq!(&Origin::parse("o", &origin.to_string()).unwrap(), &origin);
            let header = format!("{scheme}://x.{host}{port}");
            prop_assert_eq!(origin.allows(&header), star);
        }

        #[test]
        fn no_header_makes_it_panic(header in ".{0,40}") {
            let _ = allows("https://*.example.org", &header);
            let _ = Origin::parse("o", &header);
        }
    }
}
