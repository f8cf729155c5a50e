//! A call to a vendor: where it goes, and what it carries beside what the product says.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::domain::integration::{Authorization, Credential, Effective};

/// Why there can be no call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoCall {
    /// The service has no address of its own, and the project gives none.
    #[error("the integration has no base_url: the service has another one for each of its customers")]
    NoAddress,
    /// The service wants a credential and there is none.
    #[error("the integration has no credential")]
    NoCredential,
    /// The credential holds what cannot stand in a header.
    #[error("the credential cannot be sent: it holds control characters or letters that are not ASCII")]
    BadCredential,
}

/// Where a call goes, and what it carries by itself.
#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    /// The whole address.
    pub(super) url: String,
    /// The integration's headers, and its credential.
    pub(super) headers: HeaderMap,
}

/// A call to a path below an integration's address. `path` begins with a slash; `query` is as the product gave it.
///
/// # Errors
/// There can be none.
pub(super) fn outgoing(
    effective: &Effective,
    credential: Option<&Credential>,
    path: &str,
    query: &str,
) -> Result<Outgoing, NoCall> {
    let base = effective.base_url.as_deref().ok_or(NoCall::NoAddress)?;
    let mut url = format!("{base}{path}");
    let mut parameters = query.to_owned();
    let mut headers = HeaderMap::new();
    for (name, value) in &effective.headers {
        // Looked at when they were saved.
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    }
    let secret = || {
        credential
            .map(|known| known.secret.reveal())
            .ok_or(NoCall::NoCredential)
    };
    let (name, value) = match &effective.authorization {
        Authorization::None => (None, String::new()),
        Authorization::Bearer => (Some(AUTHORIZATION), format!("Bearer {}", secret()?)),
        Authorization::Basic => {
            // A key alone stands in the user's place, as most vendors have it.
            let pair = match credential.and_then(|known| known.username.as_deref()) {
                Some(user) => format!("{user}:{}", secret()?),
                None => format!("{}:", secret()?),
            };
            (Some(AUTHORIZATION), format!("Basic {}", STANDARD.encode(pair)))
        }
        Authorization::Header { name } => {
            let name = name.parse().map_err(|_| NoCall::BadCredential)?;
            (Some(name), secret()?.to_owned())
        }
        Authorization::Query { name } => {
            let pair = form_urlencoded::Serializer::new(String::new())
                .append_pair(name, secret()?)
                .finish();
            parameters = if parameters.is_empty() {
                pair
            } else {
                format!("{parameters}&{pair}")
            };
            (None, String::new())
        }
    };
    if let Some(name) = name {
        let mut value = HeaderValue::from_str(&value).map_err(|_| NoCall::BadCredential)?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    if !parameters.is_empty() {
        url.push('?');
        url.push_str(&parameters);
    }
    Ok(Outgoing { url, headers })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::account::Name;
    use crate::domain::alert::SecretText;
    use crate::domain::integration::IntegrationDefinition;

    fn effective(authorization: Authorization) -> Effective {
        let mut definition = IntegrationDefinition::named(Name::parse("", "x").unwrap());
        definition.base_url = Some("https://api.vendor.example/v1/".into());
        definition.authorization = Some(authorization);
        definition.headers.insert("X-Version".into(), "2".into());
        Effective::of(None, &definition)
    }

    fn credential(username: Option<&str>, secret: &str) -> Credential {
        Credential {
            username: username.map(str::to_owned),
            secret: SecretText::new(secret),
            expires_at_ms: None,
        }
    }

    #[test]
    fn the_credential_goes_where_the_service_wants_it_and_is_never_shown() {
        for (authorization, known, header, url) in [
            (Authorization::None, None, None, "/a?b=c"),
            (
                Authorization::Bearer,
                Some(credential(None, "hidden")),
                Some(("authorization", "Bearer hidden")),
                "/a?b=c",
            ),
            (
                Authorization::Basic,
                Some(credential(None, "key")),
                Some(("authorization", "Basic a2V5Og==")),
                "/a?b=c",
            ),
            (
                Authorization::Basic,
                Some(credential(Some("u"), "p")),
                Some(("authorization", "Basic dTpw")),
                "/a?b=c",
            ),
            (
                Authorization::Header {
                    name: "api-key".into(),
                },
                Some(credential(None, "hidden")),
                Some(("api-key", "hidden")),
                "/a?b=c",
            ),
            (
                Authorization::Query { name: "key".into() },
                Some(credential(None, "s&=")),
                None,
                "/a?b=c&key=s%26%3D",
            ),
        ] {
            let effective = effective(authorization);
            let out = outgoing(&effective, known.as_ref(), "/a", "b=c").unwrap();
            assert_eq!(out.url, format!("https://api.vendor.example/v1{url}"));
            assert_eq!(out.headers["x-version"], "2");
            match header {
                Some((name, value)) => {
                    assert_eq!(out.headers[name], value);
                    assert!(out.headers[name].is_sensitive());
                    assert!(!format!("{:?}", out.headers).contains(value));
                }
                None => assert_eq!(out.headers.len(), 1),
            }
        }
    }

    #[test]
    fn without_an_address_or_a_credential_nothing_is_called() {
        let bearer = effective(Authorization::Bearer);
        assert_eq!(
            outgoing(&bearer, None, "/", "").unwrap_err(),
            NoCall::NoCredential
        );
        let bad = credential(None, "a\nb");
        assert_eq!(
            outgoing(&bearer, Some(&bad), "/", "").unwrap_err(),
            NoCall::BadCredential
        );
        let nowhere = Effective {
            base_url: None,
            ..bearer
        };
        assert_eq!(outgoing(&nowhere, None, "/", "").unwrap_err(), NoCall::NoAddress);
    }
}
