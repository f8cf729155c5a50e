//! The document that an issuer serves, and the keys of it that can be used.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

/// Most keys of a set; further ones are not looked at.
const KEYS_MAX: usize = 32;
/// Longest id of a key.
const ID_CHARS_MAX: usize = 200;
/// What RFC 7518 asks of an RSA key, and the most that is computed with.
const MODULUS_BITS: std::ops::RangeInclusive<usize> = 2_048..=4_096;
/// An exponent has at most 32 bits.
const EXPONENT_BYTES_MAX: usize = 4;

/// An issuer's keys for RS256.
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    keys: Vec<(RsaKey, DecodingKey)>,
    /// Keys of the document that cannot be used.
    unusable: usize,
}

/// A public key, as it stands in a document; both numbers in base64url.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RsaKey {
    #[serde(rename = "kid")]
    id: Option<String>,
    n: String,
    e: String,
}

/// A key of whatever kind.
#[derive(Deserialize)]
struct AnyKey {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    intended_use: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    n: Option<String>,
    e: Option<String>,
    /// Only a private key has it.
    d: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<serde_json::Value>,
}

impl PartialEq for KeySet {
    fn eq(&self, other: &Self) -> bool {
        self.bare().eq(other.bare())
    }
}

impl KeySet {
    /// Reads a document. Keys that are of no use here are left out, as RFC 7517 asks; a document of such keys only gives
    /// an empty set.
    pub(super) fn parse(document: &[u8]) -> Option<Self> {
        let document: Document = serde_json::from_slice(document).ok()?;
        let all = document.keys.len();
        let usable = document.keys.into_iter().filter_map(usable).take(KEYS_MAX);
        let set = Self::new(usable);
        let unusable = all - set.keys.len();
        Some(Self { unusable, ..set })
    }

    /// A set of these keys, but for those that cannot be used, and for a second one of the same id.
    pub(super) fn new(all: impl IntoIterator<Item = RsaKey>) -> Self {
        let mut keys: Vec<(RsaKey, DecodingKey)> = Vec::new();
        for key in all {
            let is_known = keys.iter().any(|(known, _)| known.id == key.id);
            if let (false, Some(decoding)) = (is_known, key.decoding()) {
                keys.push((key, decoding));
            }
        }
        Self { keys, unusable: 0 }
    }

    /// The key of this id. A token that names none is checked with the only key, if there is only one.
    #[must_use]
    pub fn key(&self, id: Option<&str>) -> Option<&DecodingKey> {
        match (id, self.keys.as_slice()) {
            (None, [(_, only)]) => Some(only),
            (None, _) => None,
            (Some(id), keys) => {
                let mut keys = keys.iter();
                keys.find(|(key, _)| key.id.as_deref() == Some(id))
                    .map(|(_, key)| key)
            }
        }
    }

    pub(super) fn ids(&self) -> Vec<Option<String>> {
        self.bare().map(|key| key.id.clone()).collect()
    }

    pub(super) fn bare(&self) -> impl Iterator<Item = &RsaKey> {
        self.keys.iter().map(|(key, _)| key)
    }

    /// What whoever runs the issuer should know of a set that was read.
    pub(super) fn complaint(&self) -> Option<String> {
        (self.keys.is_empty() && self.unusable > 0).then(|| {
            format!(
                "none of the {} keys can be used; RSA keys of 2048 to 4096 bits for RS256 can",
                self.unusable
            )
        })
    }
}

impl RsaKey {
    fn decoding(&self) -> Option<DecodingKey> {
        let modulus = URL_SAFE_NO_PAD.decode(self.n.trim_end_matches('=')).ok()?;
        let exponent = URL_SAFE_NO_PAD.decode(self.e.trim_end_matches('=')).ok()?;
        let (modulus, exponent) = (without_zeros(&modulus), without_zeros(&exponent));
        let bits = modulus.len() * 8 - modulus.first().map_or(0, |byte| byte.leading_zeros() as usize);
        let is_fit = MODULUS_BITS.contains(&bits)
            && modulus.last().is_some_and(|byte| byte % 2 == 1)
            && exponent.len() <= EXPONENT_BYTES_MAX
            && exponent.last().is_some_and(|byte| byte % 2 == 1)
            && exponent != [1];
        is_fit.then(|| DecodingKey::from_rsa_raw_components(modulus, exponent))
    }
}

fn without_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.get(zeros..).unwrap_or_default()
}

/// The key, if it is a public RSA key that may check RS256 signatures.
fn usable(key: serde_json::Value) -> Option<RsaKey> {
    let key: AnyKey = serde_json::from_value(key).ok()?;
    let is_for_signatures = key.intended_use.is_none_or(|text| text == "sig")
        && key
            .key_ops
            .is_none_or(|all| all.iter().any(|text| text == "verify"))
        && key.alg.is_none_or(|text| text == "RS256");
    let has_short_id = key
        .kid
        .as_ref()
        .is_none_or(|id| id.chars().count() <= ID_CHARS_MAX);
    if key.kty != "RSA" || !is_for_signatures || !has_short_id || key.d.is_some() {
        return None;
    }
    Some(RsaKey {
        id: key.kid,
        n: key.n?,
        e: key.e?,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// An odd number of this many bits.
    fn modulus(bits: usize) -> String {
        let mut bytes = vec![0xff; bits.div_ceil(8)];
        bytes[0] = 0xff >> ((8 - bits % 8) % 8);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn key(id: &str) -> Value {
        json!({"kty": "RSA", "kid": id, "use": "sig", "alg": "RS256", "n": modulus(2_048), "e": "AQAB"})
    }

    fn with(changes: &Value) -> Value {
        let mut key = key("a");
        for (name, value) in changes.as_object().unwrap() {
            key[name] = value.clone();
        }
        key
    }

    fn parse(keys: &[Value]) -> KeySet {
        KeySet::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
    }

    #[test]
    fn public_rsa_keys_for_signatures_are_taken() {
        for changes in [
            json!({}),
            json!({"use": null, "alg": null, "key_ops": ["verify"], "x5c": ["MII"]}),
            json!({"n": modulus(4_096)}),
            json!({"n": modulus(3_000), "e": "Aw"}),
            // A zero in front, and padding, which some write.
            json!({"n": URL_SAFE_NO_PAD.encode([&[0][..], &[0xff; 256]].concat()), "e": "AAEAAQ=="}),
        ] {
            assert_eq!(
                parse(&[with(&changes)]).ids(),
                [Some("a".to_owned())],
                "{changes}"
            );
        }
    }

    #[test]
    fn keys_that_could_not_or_should_not_check_rs256_are_left_out() {
        let good = key("good");
        for changes in [
            json!({"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}),
            json!({"kty": "oct", "k": "c2VjcmV0"}),
            json!({"use": "enc"}),
            json!({"key_ops": ["encrypt"]}),
            json!({"alg": "RS512"}),
            json!({"alg": "HS256"}),
            json!({"d": "AQAB"}),
            json!({"n": modulus(2_047)}),
            json!({"n": modulus(4_097)}),
            json!({"n": modulus(512)}),
            json!({"n": "!"}),
            json!({"n": ""}),
            json!({"n": null}),
            json!({"n": URL_SAFE_NO_PAD.encode([0xfe; 256])}),
            json!({"e": "AQ"}),
            json!({"e": "AA"}),
            json!({"e": "AAAAAA"}),
            json!({"e": "AQAAAAAB"}),
            json!({"kid": 7}),
            json!({"kid": "x".repeat(201)}),
        ] {
            let set = parse(&[with(&changes), good.clone()]);
            assert_eq!(set.ids(), [Some("good".to_owned())], "{changes}");
        }
        let set = parse(&[json!("a text"), good]);
        assert_eq!(set.ids(), [Some("good".to_owned())]);
    }

    #[test]
    fn a_set_without_a_usable_key_says_so_and_an_empty_one_is_as_it_should_be() {
        assert!(parse(&[with(&json!({"alg": "ES256"}))]).complaint().is_some());
        assert_eq!(parse(&[]).complaint(), None);
    }

    #[test]
    fn what_is_no_set_is_none() {
        for text in [
            "",
            "[]",
            "{}",
            "null",
            r#"{"keys":{}}"#,
            r#"{"keys":"x"}"#,
            "\u{feff}{\"keys\":[]}",
        ] {
            assert!(KeySet::parse(text.as_bytes()).is_none(), "{text:?}");
        }
        let deep = format!("{{\"keys\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
        assert!(KeySet::parse(deep.as_bytes()).is_none());
    }

    #[test]
    fn a_key_is_found_by_its_id_and_without_one_only_when_it_is_alone() {
        let one = parse(&[key("a")]);
        assert!(one.key(Some("a")).is_some() && one.key(None).is_some());
        assert!(one.key(Some("b")).is_none() && one.key(Some("")).is_none());
        let two = parse(&[key("a"), key("b")]);
        assert!(two.key(Some("b")).is_some() && two.key(None).is_none());
        assert!(KeySet::default().key(None).is_none());
    }

    #[test]
    fn a_set_is_bounded_and_the_first_of_two_equal_ids_counts() {
        let many: Vec<Value> = (0..1_000).map(|number| key(&number.to_string())).collect();
        assert_eq!(parse(&many).ids().len(), KEYS_MAX);
        let twice = parse(&[with(&json!({"e": "Aw"})), key("a")]);
        assert_eq!(twice.bare().map(|key| key.e.as_str()).collect::<Vec<_>>(), ["Aw"]);
    }
}
