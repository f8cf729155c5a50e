//! Whether a webhook is its vendor's. What each vendor signs, and where it puts that, is told at
//! [`SignatureScheme`]. Signatures are compared in constant time.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use ring::{digest, hmac, signature};
use serde::Deserialize;
use subtle::ConstantTimeEq as _;

use crate::domain::integration::{Digest, Encoding, SignatureScheme};

/// How far the time of a signature may be from ours: later, and it may have been sent before by somebody else.
const TOLERANCE_S: i64 = 300;
/// What a public key of P-256 in DER begins with, before its point (RFC 5480).
const P256_HEAD: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// A webhook as it came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signed<'a> {
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
    /// Addresses that the vendor may have called it by: what it says of the host is believed, the rest is ours.
    pub(super) urls: &'a [String],
    pub(super) now_s: i64,
}

/// Why a webhook is not believed. Words for whoever set it up; they repeat nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotVerified {
    /// There is none.
    #[error("the signature is missing")]
    Missing,
    /// It is not of the form that the vendor's have.
    #[error("the signature is not of the vendor's form")]
    Malformed,
    /// It is of another secret, or of something else.
    #[error("the signature is not that of this integration's signing secret")]
    Wrong,
    /// It is of another time.
    #[error("the signature is older than five minutes, or of the future")]
    OutOfTime,
    /// What it is to be compared with cannot be used.
    #[error("the integration's signing secret cannot be used: for SendGrid it must be the public key")]
    BadSecret,
}

/// Looks at a webhook's signature.
///
/// # Errors
/// Why it is not believed.
pub(super) fn verify(scheme: &SignatureScheme, secret: &str, signed: &Signed<'_>) -> Result<(), NotVerified> {
    match scheme {
        SignatureScheme::Stripe => stripe(secret, signed),
        SignatureScheme::Greenhouse => {
            let text = header(signed, "signature")?;
            let text = text.strip_prefix("sha256 ").ok_or(NotVerified::Malformed)?;
            check(hmac::HMAC_SHA256, secret, &[signed.body], &from_hex(text)?)
        }
        SignatureScheme::Lever => lever(secret, signed),
        SignatureScheme::Mailgun => mailgun(secret, signed),
        SignatureScheme::SendGrid => sendgrid(secret, signed),
        SignatureScheme::Twilio => twilio(secret, signed),
        SignatureScheme::Token { header: name, prefix } => {
            let text = header(signed, name)?;
            let text = text.strip_prefix(prefix.as_str()).ok_or(NotVerified::Malformed)?;
            match text.as_bytes().ct_eq(secret.as_bytes()).into() {
                true => Ok(()),
                false => Err(NotVerified::Wrong),
            }
        }
        SignatureScheme::Hmac {
            header: name,
            digest,
            encoding,
            prefix,
            timestamp_header,
        } => {
            let text = header(signed, name)?;
            let text = text.strip_prefix(prefix.as_str()).ok_or(NotVerified::Malformed)?;
            let given = match encoding {
                Encoding::Hex => from_hex(text)?,
                Encoding::Base64 => from_base64(text)?,
            };
            let algorithm = match digest {
                Digest::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
                Digest::Sha256 => hmac::HMAC_SHA256,
                Digest::Sha512 => hmac::HMAC_SHA512,
            };
            match timestamp_header {
                None => check(algorithm, secret, &[signed.body], &given),
                Some(name) => {
                    let time = header(signed, name)?;
                    check(algorithm, secret, &[time.as_bytes(), b".", signed.body], &given)?;
                    in_time(time, 1, signed.now_s)
                }
            }
        }
    }
}

fn stripe(secret: &str, signed: &Signed<'_>) -> Result<(), NotVerified> {
    let text = header(signed, "stripe-signature")?;
    let parts = || text.split(',').filter_map(|part| part.trim().split_once('='));
    let time = parts().find_map(|(name, value)| (name == "t").then_some(value));
    let time = time.ok_or(NotVerified::Malformed)?;
    // While a secret is changed there is a signature of each.
    let mut outcome = Err(NotVerified::Malformed);
    for (_, value) in parts().filter(|(name, _)| *name == "v1") {
        outcome = check(
            hmac::HMAC_SHA256,
            secret,
            &[time.as_bytes(), b".", signed.body],
            &from_hex(value)?,
        );
        if outcome.is_ok() {
            break;
        }
    }
    outcome?;
    in_time(time, 1, signed.now_s)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LeverBody {
    token: String,
    triggered_at: i64,
    signature: String,
}

fn lever(secret: &str, signed: &Signed<'_>) -> Result<(), NotVerified> {
    let body: LeverBody = serde_json::from_slice(signed.body).map_err(|_| NotVerified::Missing)?;
    let time = body.triggered_at.to_string();
    let given = from_hex(&body.signature)?;
    check(
        hmac::HMAC_SHA256,
        secret,
        &[body.token.as_bytes(), time.as_bytes()],
        &given,
    )?;
    in_time(&time, 1_000, signed.now_s)
}

#[derive(Deserialize)]
struct MailgunBody {
    signature: MailgunSignature,
}

#[derive(Deserialize)]
struct MailgunSignature {
    timestamp: String,
    token: String,
    signature: String,
}

fn mailgun(secret: &str, signed: &Signed<'_>) -> Result<(), NotVerified> {
    let body: MailgunBody = serde_json::from_slice(signed.body).map_err(|_| NotVerified::Missing)?;
    let MailgunSignature {
        timestamp,
        token,
        signature,
    } = &body.signature;
    let parts = [timestamp.as_bytes(), token.as_bytes()];
    check(hmac::HMAC_SHA256, secret, &parts, &from_hex(signature)?)?;
    in_time(timestamp, 1, signed.now_s)
}

fn sendgrid(secret: &str, signed: &Signed<'_>) -> Result<(), NotVerified> {
    let given = from_base64(header(signed, "x-twilio-email-event-webhook-signature")?)?;
    let time = header(signed, "x-twilio-email-event-webhook-timestamp")?;
    let key = STANDARD
        .decode(secret.trim())
        .map_err(|_| NotVerified::BadSecret)?;
    let point = key.strip_prefix(&P256_HEAD).ok_or(NotVerified::BadSecret)?;
    let key = signature::UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_ASN1, point);
    let message = [time.as_bytes(), signed.body].concat();
    key.verify(&message, &given).map_err(|_| NotVerified::Wrong)?;
    in_time(time, 1, signed.now_s)
}

fn twilio(secret: &str, signed: &Signed<'_>) -> Result<(), NotVerified> {
    let given = from_base64(header(signed, "x-twilio-signature")?)?;
    let is_form = header(signed, "content-type")
        .is_ok_and(|text| text.starts_with("application/x-www-form-urlencoded"));
    let mut fields = String::new();
    if is_form {
        // Sorted by their names; of one that comes several times each value once.
        let mut sorted: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(signed.body) {
            sorted.entry(name).or_default().insert(value);
        }
        for (name, values) in sorted {
            for value in values {
                fields.push_str(&name);
                fields.push_str(&value);
            }
        }
    }
    let is_signed = |url: &&String| {
        let parts = [url.as_bytes(), fields.as_bytes()];
        check(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret, &parts, &given).is_ok()
    };
    let url = signed.urls.iter().find(is_signed).ok_or(NotVerified::Wrong)?;
    if is_form {
        return Ok(());
    }
    // Of other bodies the address has the sum.
    let (_, query) = url.split_once('?').unwrap_or_default();
    let sum = form_urlencoded::parse(query.as_bytes())
        .find_map(|(name, value)| (name == "bodySHA256").then_some(value));
    match sum {
        Some(sum) if from_hex(&sum)? == digest::digest(&digest::SHA256, signed.body).as_ref() => Ok(()),
        Some(_) => Err(NotVerified::Wrong),
        None if signed.body.is_empty() => Ok(()),
        None => Err(NotVerified::Malformed),
    }
}

fn check(algorithm: hmac::Algorithm, secret: &str, parts: &[&[u8]], given: &[u8]) -> Result<(), NotVerified> {
    let key = hmac::Key::new(algorithm, secret.as_bytes());
    hmac::verify(&key, &parts.concat(), given).map_err(|_| NotVerified::Wrong)
}

fn header<'a>(signed: &Signed<'a>, name: &str) -> Result<&'a str, NotVerified> {
    let value = signed.headers.get(name).ok_or(NotVerified::Missing)?;
    value.to_str().map_err(|_| NotVerified::Malformed)
}

fn in_time(text: &str, per_second: i64, now_s: i64) -> Result<(), NotVerified> {
    let time: i64 = text.parse().map_err(|_| NotVerified::Malformed)?;
    match now_s.saturating_sub(time / per_second).unsigned_abs() <= TOLERANCE_S.unsigned_abs() {
        true => Ok(()),
        false => Err(NotVerified::OutOfTime),
    }
}

fn from_base64(text: &str) -> Result<Vec<u8>, NotVerified> {
    STANDARD.decode(text.trim()).map_err(|_| NotVerified::Malformed)
}

fn from_hex(text: &str) -> Result<Vec<u8>, NotVerified> {
    let digits = text.trim().as_bytes();
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let bytes = digits.chunks(2).map(|pair| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    });
    bytes.collect::<Option<Vec<u8>>>().ok_or(NotVerified::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Webhook {
        headers: HeaderMap,
        body: Vec<u8>,
        urls: Vec<String>,
        now_s: i64,
    }

    impl Webhook {
        fn new(headers: &[(&'static str, &str)], body: &str) -> Self {
            let headers = headers.iter();
            Self {
                headers: headers
                    .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()))
                    .collect(),
                body: body.into(),
                urls: Vec::new(),
                now_s: 0,
            }
        }

        fn at(self, now_s: i64) -> Self {
            Self { now_s, ..self }
        }

        fn verify(&self, scheme: &SignatureScheme, secret: &str) -> Result<(), NotVerified> {
            let Self {
                headers,
                body,
                urls,
                now_s,
            } = self;
            verify(
                scheme,
                secret,
                &Signed {
                    headers,
                    body,
                    urls,
                    now_s: *now_s,
                },
            )
        }

        /// That it is believed, and no longer when anything about it is another.
        fn holds(mut self, scheme: &SignatureScheme, secret: &str, has_time: bool) {
            assert_eq!(self.verify(scheme, secret), Ok(()), "{scheme:?}");
            assert!(
                self.verify(scheme, &format!("{secret}x")).is_err(),
                "another secret"
            );
            let now_s = self.now_s;
            for (later_s, expected) in [
                (300, Ok(())),
                (301, Err(NotVerified::OutOfTime)),
                (-301, Err(NotVerified::OutOfTime)),
            ] {
                self.now_s = now_s + later_s;
                let expected = if has_time { expected } else { Ok(()) };
                assert_eq!(self.verify(scheme, secret), expected, "{later_s} s later");
            }
            self.now_s = now_s;
            self.headers.clear();
            let is_in_body = matches!(scheme, SignatureScheme::Lever | SignatureScheme::Mailgun);
            if !is_in_body {
                assert_eq!(self.verify(scheme, secret), Err(NotVerified::Missing));
            }
        }
    }

    fn hex_of(algorithm: hmac::Algorithm, secret: &str, message: &str) -> String {
        let sum = hmac::sign(&hmac::Key::new(algorithm, secret.as_bytes()), message.as_bytes());
        sum.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn twilios_published_example_is_believed() {
        let form = "Digits=1234&To=%2B18005551212&From=%2B14158675309&Caller=%2B14158675309&CallSid=CA1234567890ABCDE";
        let headers = [
            ("content-type", "application/x-www-form-urlencoded; charset=UTF-8"),
            ("x-twilio-signature", "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        ];
        let mut webhook = Webhook::new(&headers, form);
        webhook.urls = vec![
            "http://mycompany.com/".into(),
            "https://mycompany.com/myapp.php?foo=1&bar=2".into(),
        ];
        assert_eq!(webhook.verify(&SignatureScheme::Twilio, "12345"), Ok(()));
        let mut changed = Webhook::new(&headers, &form.replace("1234&", "1235&"));
        changed.urls.clone_from(&webhook.urls);
        assert_eq!(
            changed.verify(&SignatureScheme::Twilio, "12345"),
            Err(NotVerified::Wrong)
        );
        webhook.holds(&SignatureScheme::Twilio, "12345", false);
    }

    #[test]
    fn of_a_json_body_of_twilios_the_address_has_the_sum() {
        let body = r#"{"property": "value", "boolean": true}"#;
        let sum = "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620";
        let url = format!("https://mycompany.com/x?bodySHA256={sum}");
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"12345");
        let given = STANDARD.encode(hmac::sign(&key, url.as_bytes()));
        let mut webhook = Webhook::new(
            &[
                ("x-twilio-signature", &given),
                ("content-type", "application/json"),
            ],
            body,
        );
        webhook.urls = vec![url];
        assert_eq!(webhook.verify(&SignatureScheme::Twilio, "12345"), Ok(()));
        webhook.body.push(b' ');
        assert_eq!(
            webhook.verify(&SignatureScheme::Twilio, "12345"),
            Err(NotVerified::Wrong)
        );
    }

    #[test]
    fn sendgrids_published_example_is_believed() {
        let key = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g==";
        let body = concat!(
            r#"[{"email":"hello@world.com","event":"dropped","reason":"Bounced Address","#,
            r#""sg_event_id":"ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA","#,
            r#""sg_message_id":"LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0","#,
            r#""smtp-id":"<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>","timestamp":1600112492}]"#,
            "\r\n"
        );
        let headers = [
            (
                "x-twilio-email-event-webhook-signature",
                "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM=",
            ),
            ("x-twilio-email-event-webhook-timestamp", "1600112502"),
        ];
        let webhook = Webhook::new(&headers, body).at(1_600_112_502);
        let changed = Webhook::new(&headers, &body.replace("dropped", "opened")).at(1_600_112_502);
        assert_eq!(
            changed.verify(&SignatureScheme::SendGrid, key),
            Err(NotVerified::Wrong)
        );
        assert_eq!(
            changed.verify(&SignatureScheme::SendGrid, "no key"),
            Err(NotVerified::BadSecret)
        );
        webhook.holds(&SignatureScheme::SendGrid, key, true);
    }

    #[test]
    fn stripes_signatures_are_believed_also_while_the_secret_is_changed() {
        let body = r#"{"id":"evt_1","type":"charge.succeeded"}"#;
        let good = hex_of(hmac::HMAC_SHA256, "whsec_x", &format!("1700000000.{body}"));
        let other = hex_of(hmac::HMAC_SHA256, "old", &format!("1700000000.{body}"));
        let text = format!("t=1700000000,v1={other},v1={good},v0=ignored");
        let webhook = Webhook::new(&[("stripe-signature", &text)], body).at(1_700_000_000);
        webhook.holds(&SignatureScheme::Stripe, "whsec_x", true);
        for text in ["", "t=1", "v1=00", "t=1700000000,v1=zz", "t=1700000000,v1=abc"] {
            let webhook = Webhook::new(&[("stripe-signature", text)], body).at(1_700_000_000);
            assert_eq!(
                webhook.verify(&SignatureScheme::Stripe, "whsec_x"),
                Err(NotVerified::Malformed),
                "{text}"
            );
        }
    }

    #[test]
    fn signatures_in_headers_and_bodies_are_believed_as_each_vendor_makes_them() {
        let body = r#"{"action":"hire"}"#;
        let sum = hex_of(hmac::HMAC_SHA256, "s", body);
        let greenhouse = Webhook::new(&[("signature", &format!("sha256 {sum}"))], body);
        greenhouse.holds(&SignatureScheme::Greenhouse, "s", false);

        let sum = hex_of(hmac::HMAC_SHA256, "s", "tok1700000000123");
        let body =
            format!(r#"{{"token":"tok","triggeredAt":1700000000123,"signature":"{sum}","event":"x"}}"#);
        Webhook::new(&[], &body)
            .at(1_700_000_000)
            .holds(&SignatureScheme::Lever, "s", true);

        let sum = hex_of(hmac::HMAC_SHA256, "s", "1700000000tok");
        let body =
            format!(r#"{{"signature":{{"timestamp":"1700000000","token":"tok","signature":"{sum}"}}}}"#);
        Webhook::new(&[], &body)
            .at(1_700_000_000)
            .holds(&SignatureScheme::Mailgun, "s", true);

        let token = SignatureScheme::Token {
            header: "Authorization".into(),
            prefix: "Bearer ".into(),
        };
        Webhook::new(&[("authorization", "Bearer s")], "").holds(&token, "s", false);

        for (digest, algorithm) in [
            (Digest::Sha1, hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY),
            (Digest::Sha256, hmac::HMAC_SHA256),
            (Digest::Sha512, hmac::HMAC_SHA512),
        ] {
            let plain = SignatureScheme::Hmac {
                header: "X-Sum".into(),
                digest,
                encoding: Encoding::Hex,
                prefix: "v=".into(),
                timestamp_header: None,
            };
            let sum = format!("v={}", hex_of(algorithm, "s", "body").to_uppercase());
            Webhook::new(&[("x-sum", &sum)], "body").holds(&plain, "s", false);
            let timed = SignatureScheme::Hmac {
                header: "X-Sum".into(),
                digest,
                encoding: Encoding::Base64,
                prefix: String::new(),
                timestamp_header: Some("X-Time".into()),
            };
            let sum = STANDARD.encode(hmac::sign(&hmac::Key::new(algorithm, b"s"), b"1700000000.body"));
            let webhook =
                Webhook::new(&[("x-sum", &sum), ("x-time", "1700000000")], "body").at(1_700_000_000);
            webhook.holds(&timed, "s", true);
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_that_comes_makes_it_fall(text in ".{0,80}", body in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..80)) {
            let mut webhook = Webhook::new(&[], "");
            webhook.body = body;
            webhook.urls = vec![text.clone()];
            if let Ok(value) = http::HeaderValue::from_str(&text) {
                for name in ["signature", "stripe-signature", "x-twilio-signature", "x-twilio-email-event-webhook-signature"] {
                    webhook.headers.insert(name, value.clone());
                }
            }
            for scheme in [
                SignatureScheme::Stripe, SignatureScheme::Greenhouse, SignatureScheme::Lever, SignatureScheme::Mailgun,
                SignatureScheme::SendGrid, SignatureScheme::Twilio,
            ] {
                proptest::prop_assert!(webhook.verify(&scheme, "secret").is_err());
            }
        }
    }
}
