//! Reads rules and channels. They are judged as the API judges them, by the same code.

use std::path::Path;

use super::fault::{At, Notes};
use super::secret::key;
use super::section::Section;
use super::tree::Node;
use super::wanted::{WantedChannel, WantedRule};
use crate::api::{declared_channel, declared_rule};
use crate::domain::field_error::FieldError;

/// Fields of a target that may stand in a file of their own, with the fields that name it.
const SECRETS: [[&str; 2]; 4] = [
    ["url", "url_file"],
    ["secret", "secret_file"],
    ["routing_key", "routing_key_file"],
    ["authorization", "authorization_file"],
];

pub(super) fn read_rule(section: Section<'_>) -> Option<WantedRule> {
    let notes = section.notes();
    let (node, at) = section.rest();
    let definition = declared(notes, &at, &node, declared_rule)?;
    Some(WantedRule { at, definition })
}

pub(super) fn read_channel(mut section: Section<'_>, folder: &Path) -> Option<WantedChannel> {
    let notes = section.notes();
    if let Some(mut target) = section.section("target") {
        for names in SECRETS {
            if let Some(given) = key(&mut target, names, folder) {
                target.put_text(names[0], given);
            }
        }
        section.put_back("target", target);
    }
    let (node, at) = section.rest();
    let channel = declared(notes, &at, &node, declared_channel)?;
    Some(WantedChannel { at, channel })
}

fn declared<T>(
    notes: &Notes,
    at: &At,
    node: &Node,
    read: impl FnOnce(&[u8]) -> Result<T, Vec<FieldError>>,
) -> Option<T> {
    let json = node.to_json().to_string();
    match read(json.as_bytes()) {
        Ok(declared) => Some(declared),
        Err(faults) => {
            for fault in faults {
                let at = At {
                    line: node.line_of(&fault.field),
                    ..at.under(&fault.field)
                };
                notes.note(&at, fault.message);
            }
            None
        }
    }
}
