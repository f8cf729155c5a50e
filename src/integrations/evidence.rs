//! Evidence: what a vendor kept to and what not, signed so that nobody can change it unseen.
//!
//! What is signed (Ed25519, RFC 8032) are the bytes of `document` just as they stand in the answer. The key comes from the vault's: all
//! nodes of an installation have the same, and it changes when the vault's key does. The public key stands in the evidence, and at
//! `GET /api-integrations/evidence/key`: who trusts the installation compares both.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::vault::Vault;

/// What the key is for: others from the same vault differ.
const PURPOSE: &str = "fresnel sla evidence";
const ALGORITHM: &str = "Ed25519";

/// A document, and the signature of its bytes.
#[derive(Debug, Deserialize, Serialize, utoipa::ToSchema)]
pub struct Evidence {
    /// What is signed, byte for byte.
    #[schema(value_type = Object)]
    pub document: Box<RawValue>,
    /// By whom.
    pub signature: EvidenceSignature,
}

/// A signature of a document.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
pub struct EvidenceSignature {
    /// `Ed25519`.
    pub algorithm: String,
    /// The key that the signature can be checked with, 32 bytes in base64.
    pub public_key: String,
    /// The signature, 64 bytes in base64.
    pub value: String,
}

/// Why evidence proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceError {
    /// It has another form.
    #[error("this is no evidence: it must be JSON with a document and its signature, as it was downloaded")]
    Malformed,
    /// It was signed with another key than the one that is trusted.
    #[error("it was signed with another key than the one that was given")]
    OtherKey,
    /// The document or the signature was changed.
    #[error("the signature is not that of the document: one of both was changed")]
    Changed,
}

/// Signs evidence.
#[derive(Debug)]
pub struct Signer(Ed25519KeyPair);

impl Signer {
    /// With the key that belongs to a vault.
    ///
    /// # Panics
    /// Never: a seed of 32 bytes is a key.
    #[must_use]
    pub fn of_vault(vault: &Vault) -> Self {
        let seed = vault.derive(PURPOSE);
        Self(Ed25519KeyPair::from_seed_unchecked(&seed).expect("32 bytes are a seed"))
    }

    /// The key that signatures can be checked with, in base64.
    #[must_use]
    pub fn public_key(&self) -> String {
        STANDARD.encode(self.0.public_key())
    }

    /// Signs a document.
    ///
    /// # Errors
    /// It cannot be written as JSON.
    pub fn sign(&self, document: &impl Serialize) -> Result<Evidence, serde_json::Error> {
        let document = serde_json::value::to_raw_value(document)?;
        let value = self.0.sign(document.get().as_bytes());
        Ok(Evidence {
            signature: EvidenceSignature {
                algorithm: ALGORITHM.to_owned(),
                public_key: self.public_key(),
                value: STANDARD.encode(value),
            },
            document,
        })
    }
}

/// Checks evidence, alone or within an answer of the API, and gives what it says. `trusted_key` is the installation's, in base64.
///
/// # Errors
/// It proves nothing.
pub fn verify(text: &str, trusted_key: Option<&str>) -> Result<Evidence, EvidenceError> {
    #[derive(Deserialize)]
    struct Answer {
        data: Evidence,
    }
    let evidence = serde_json::from_str::<Answer>(text)
        .map(|answer| answer.data)
        .or_else(|_| serde_json::from_str::<Evidence>(text))
        .map_err(|_| EvidenceError::Malformed)?;
    let signature = &evidence.signature;
    let bytes = |text: &str| STANDARD.decode(text).map_err(|_| EvidenceError::Malformed);
    let key = bytes(&signature.public_key)?;
    if signature.algorithm != ALGORITHM {
        return Err(EvidenceError::Malformed);
    }
    if let Some(trusted) = trusted_key
        && bytes(trusted.trim())? != key
    {
        return Err(EvidenceError::OtherKey);
    }
    let value = bytes(&signature.value)?;
    let known = UnparsedPublicKey::new(&ED25519, key);
    known
        .verify(evidence.document.get().as_bytes(), &value)
        .map_err(|_| EvidenceError::Changed)?;
    Ok(evidence)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::VaultConfig;

    fn signer() -> (Signer, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::open(&VaultConfig::default(), folder.path()).unwrap();
        (Signer::of_vault(&vault), folder)
    }

    #[test]
    fn what_was_signed_is_believed_and_what_was_changed_is_not() {
        let (signer, folder) = signer();
        let evidence = signer
            .sign(&json!({ "month": "2026-10", "share": 0.1 + 0.2 }))
            .unwrap();
        let text = serde_json::to_string(&evidence).unwrap();
        let key = signer.public_key();
        assert!(verify(&text, None).is_ok());
        assert!(verify(&text, Some(&key)).is_ok());
        let answer = format!(r#"{{"success":true,"data":{text},"meta":{{}}}}"#);
        assert!(verify(&answer, Some(&key)).is_ok());
        let changed = text.replace("2026-10", "2026-11");
        assert_eq!(verify(&changed, None).unwrap_err(), EvidenceError::Changed);
        assert_eq!(verify("{}", None).unwrap_err(), EvidenceError::Malformed);
        // The same vault signs with the same key, another one does not.
        let again = Signer::of_vault(&Vault::open(&VaultConfig::default(), folder.path()).unwrap());
        assert_eq!(again.public_key(), key);
        let (other, _folder) = self::signer();
        assert_eq!(
            verify(&text, Some(&other.public_key())).unwrap_err(),
            EvidenceError::OtherKey
        );
        let forged = serde_json::to_string(&other.sign(&json!({ "month": "2026-10" })).unwrap()).unwrap();
        assert!(
            verify(&forged, None).is_ok(),
            "whoever trusts no key trusts everyone's"
        );
        assert_eq!(verify(&forged, Some(&key)).unwrap_err(), EvidenceError::OtherKey);
    }
}
