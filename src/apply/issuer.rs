//! Reads an issuer. Its secret stands in a file of its own, or in the file that is read, or stays as it is.

use std::path::Path;

use uuid::Uuid;

use super::fault::Given;
use super::secret::key;
use super::section::Section;
use super::wanted::WantedIssuer;
use crate::api::is_rsa_public_key;
use crate::config::Secret;
use crate::domain::account::{JwtIssuer, JwtKeys, Name, ProjectId};
use crate::domain::field_error::{FieldError, FieldFault};

pub(super) fn read_issuer(mut section: Section<'_>, folder: &Path) -> Option<WantedIssuer> {
    let (at, notes) = (section.at().clone(), section.notes());
    let name = section.required("name", Name::parse);
    let text = |given: Option<Given<String>>| given.map(|given| given.value).unwrap_or_default();
    let (issuer, audience) = (text(section.text("issuer")), text(section.text("audience")));
    let algorithm = section.required("algorithm", |field, text| match text {
        "hs256" | "rs256" | "jwks" => Ok(text.to_owned()),
        _ => Err(FieldError::new(
            field,
            FieldFault::UnknownValue,
            "must be hs256, rs256 or jwks",
        )),
    });
    let is_there = |section: &Section<'_>, names: [&str; 2]| names.iter().any(|name| section.has(name));
    let keys = match algorithm.as_ref().map(|algorithm| algorithm.value.as_str()) {
        Some("hs256") => {
            let was_there = is_there(&section, ["secret", "secret_file"]);
            let secret = key(&mut section, ["secret", "secret_file"], folder).map(|key| key.value);
            if was_there && secret.is_none() {
                None
            } else {
                Some(secret.map(|secret| JwtKeys::Hs256 {
                    secret: Secret::new(secret),
                }))
            }
        }
        Some("rs256") => {
            let names = ["public_key_pem", "public_key_file"];
            let was_there = is_there(&section, names);
            let pem = key(&mut section, names, folder).map(|key| key.value);
            section
                .require("public_key_pem", was_there, pem)
                .map(|public_key_pem| Some(JwtKeys::Rs256 { public_key_pem }))
        }
        Some(_) => {
            let was_there = section.has("url");
            let url = section.text("url").map(|url| url.value);
            section
                .require("url", was_there, url)
                .map(|url| Some(JwtKeys::Jwks { url }))
        }
        None => return None,
    };
    section.finish();
    let wanted = WantedIssuer {
        at,
        name: name?.value,
        issuer,
        audience,
        keys: keys?,
    };
    for fault in faults(&wanted) {
        notes.note(&wanted.at.under(&fault.field), fault.message);
    }
    Some(wanted)
}

fn faults(wanted: &WantedIssuer) -> Vec<FieldError> {
    // A secret that stays is not known here, and was checked when it was set.
    let any_secret = || JwtKeys::Hs256 {
        secret: Secret::new("0".repeat(32)),
    };
    let issuer = JwtIssuer {
        id: Uuid::nil(),
        project_id: ProjectId::default_project(),
        name: wanted.name.clone(),
        issuer: wanted.issuer.clone(),
        audience: wanted.audience.clone(),
        keys: wanted.keys.clone().unwrap_or_else(any_secret),
        created_at_ms: 0,
    };
    let mut faults = issuer.faults();
    if let (JwtKeys::Rs256 { public_key_pem }, true) = (&issuer.keys, faults.is_empty())
        && !is_rsa_public_key(public_key_pem)
    {
        let message = "must be an RSA public key in PEM";
        faults.push(FieldError::new("public_key_pem", FieldFault::BadFormat, message));
    }
    faults
}
