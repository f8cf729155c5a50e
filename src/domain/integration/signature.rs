//! How webhooks are signed: what each vendor signs, and where it puts that. Checking it is `integrations/hooks`' work.

use serde::{Deserialize, Serialize};

/// A vendor's way to sign its webhooks.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum SignatureScheme {
    /// `Stripe-Signature: t=…,v1=…`: HMAC-SHA256 in hex of time, a dot, body (<https://docs.stripe.com/webhooks/signature>).
    Stripe,
    /// `Signature: sha256 …`: HMAC-SHA256 in hex of the body
    /// (<https://developers.greenhouse.io/webhooks.html#authentication>).
    Greenhouse,
    /// In the body: HMAC-SHA256 in hex of `token` and `triggeredAt` (<https://hire.lever.co/developer/documentation#securing-webhooks>).
    Lever,
    /// In the body's `signature`: HMAC-SHA256 in hex of `timestamp` and `token`
    /// (<https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks>).
    Mailgun,
    /// `X-Twilio-Email-Event-Webhook-Signature`: ECDSA on P-256 over SHA-256 of time and body; the secret is the public key
    /// (<https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features>).
    #[serde(rename = "sendgrid")]
    SendGrid,
    /// `X-Twilio-Signature`: HMAC-SHA1 in base64 of the address and of the form's sorted fields, or of the address with the
    /// sum of a JSON body (<https://www.twilio.com/docs/usage/webhooks/webhooks-security>).
    Twilio,
    /// A secret that comes with each call, in a header.
    Token {
        /// Name of the header.
        header: String,
        /// What stands before the secret, like `Bearer `.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        prefix: String,
    },
    /// An HMAC of the body, or of a time, a dot and the body.
    Hmac {
        /// Header of the signature.
        header: String,
        /// Of which digest.
        #[serde(default)]
        digest: Digest,
        /// How it is written.
        #[serde(default)]
        encoding: Encoding,
        /// What stands before it, like `sha256=`.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        prefix: String,
        /// Header of the time in seconds since 1970, which is signed too.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timestamp_header: Option<String>,
    },
}

/// The digest of an HMAC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SignatureDigest)]
pub enum Digest {
    /// SHA-1, which HMAC may still use.
    Sha1,
    /// SHA-256.
    #[default]
    Sha256,
    /// SHA-512.
    Sha512,
}

/// How bytes are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SignatureEncoding)]
pub enum Encoding {
    /// Hexadecimal, of either case.
    #[default]
    Hex,
    /// Base64.
    Base64,
}
