//! Webhooks, signed by Standard Webhooks: <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderName, HeaderValue};
use serde_json::json;
use sha2::Sha256;

use super::{Message, Prepared, words};
use crate::domain::alert::{Notice, SecretText, WebhookSecrets};
use crate::domain::field_error::{FieldError, FieldFault};

const PREFIX: &str = "whsec_";
/// Bytes of a secret that may be given, by the specification.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// A new secret: `whsec_` and 32 random bytes in base64.
#[must_use]
pub fn new_webhook_secret() -> String {
    let bytes: [u8; 32] = rand::random();
    format!("{PREFIX}{}", STANDARD.encode(bytes))
}

/// Looks at a secret that was given.
///
/// # Errors
/// It has not the form of the specification.
pub fn check_webhook_secret(text: &str) -> Result<(), FieldError> {
    let message = "must be whsec_ and 24 to 64 bytes in base64";
    let fault = || FieldError::new("target.secret", FieldFault::BadFormat, message);
    let bytes = bytes_of(text).ok_or_else(fault)?;
    SECRET_BYTES
        .contains(&bytes.len())
        .then_some(())
        .ok_or_else(fault)
}

fn bytes_of(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text.strip_prefix(PREFIX)?).ok()
}

pub(super) fn request(
    url: &SecretText,
    secrets: &WebhookSecrets,
    message: &Message<'_>,
) -> Result<Prepared, String> {
    let body = body(message.notices).into_bytes();
    let id = message.id.to_string();
    let seconds = message.at_ms.div_euclid(1_000).to_string();
    let previous = secrets.previous.as_ref();
    let still_signs = secrets
        .previous_until_ms
        .is_none_or(|until_ms| message.at_ms < until_ms);
    let signing = std::iter::once(&secrets.current).chain(previous.filter(|_| still_signs));
    let signatures: Option<Vec<String>> = signing
        .map(|secret| signature(secret, &id, &seconds, &body))
        .collect();
    let signatures = signatures
        .ok_or("the channel's secret has not the form whsec_…")?
        .join(" ");
    let header = |name: &'static str, value: &str| {
        let value = HeaderValue::from_str(value).map_err(|error| error.to_string())?;
        Ok::<_, String>((HeaderName::from_static(name), value))
    };
    Ok(Prepared {
        url: url.reveal().to_owned(),
        headers: vec![
            header("webhook-id", &id)?,
            header("webhook-timestamp", &seconds)?,
            header("webhook-signature", &signatures)?,
        ],
        hidden: vec![HeaderName::from_static("webhook-signature")],
        body,
        shown: None,
    })
}

/// `v1,` and the HMAC-SHA256 of id, time and body, in base64.
fn signature(secret: &SecretText, id: &str, seconds: &str, body: &[u8]) -> Option<String> {
    let key = bytes_of(secret.reveal())?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
    mac.update(format!("{id}.{seconds}.").as_bytes());
    mac.update(body);
    Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

/// The same on each try: its time is that of the latest notice, the one of the try stands in a header.
fn body(notices: &[Notice]) -> String {
    let at_ms = notices.iter().map(|notice| notice.at_ms).max();
    let kind = match notices {
        [one] => one.event.as_str(),
        _ => "group",
    };
    let message = json!({
        "type": format!("alert.{kind}"),
        "timestamp": words::time(at_ms.unwrap_or_default()),
        "data": { "notices": notices },
    });
    message.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_the_specifications_example() {
        let secret = SecretText::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let body = br#"{"test": 2432232314}"#;
        let found = signature(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", body);
        assert_eq!(found.unwrap(), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn secrets_have_the_form_of_the_specification() {
        assert!(check_webhook_secret(&new_webhook_secret()).is_ok());
        assert!(check_webhook_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").is_ok());
        for text in [
            "",
            "whsec_",
            "whsec_AAAA",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_!!!!",
        ] {
            assert!(check_webhook_secret(text).is_err(), "{text}");
        }
    }
}
