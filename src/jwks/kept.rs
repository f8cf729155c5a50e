//! The last good sets on disk, so that a start does not depend on the issuers' being there.

use std::collections::HashMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::document::{KeySet, RsaKey};
use super::source::Source;
use crate::private_file;

const MAGIC: [u8; 4] = *b"FrJ1";

/// A set with where it came from.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    issuer_id: Uuid,
    url: String,
    fetched_at_ms: i64,
    keys: Vec<RsaKey>,
}

/// Sets that were known at the last stop.
#[derive(Debug, Default)]
pub(super) struct Kept(HashMap<Uuid, Entry>);

impl Kept {
    /// Reads the file. One that is not there, or is damaged, costs a fetch, not the start.
    pub(super) fn read(path: &Path) -> Self {
        let entries = match private_file::read(path) {
            Ok(None) => return Self::default(),
            Ok(Some(bytes)) => private_file::unseal(MAGIC, &bytes)
                .and_then(|content| serde_json::from_slice::<Vec<Entry>>(content).ok())
                .ok_or_else(|| "it is damaged".to_owned()),
            Err(error) => Err(error.to_string()),
        };
        match entries {
            Ok(entries) => Self(
                entries
                    .into_iter()
                    .map(|entry| (entry.issuer_id, entry))
                    .collect(),
            ),
            Err(reason) => {
                let file = path.display();
                tracing::warn!(%file, reason, "the kept sets of keys cannot be read; they are fetched again");
                Self::default()
            }
        }
    }

    /// The set that was fetched for this issuer from this address, and when.
    pub(super) fn take(&mut self, id: Uuid, url: &str) -> Option<(KeySet, i64)> {
        let entry = self.0.remove(&id).filter(|entry| entry.url == url)?;
        Some((KeySet::new(entry.keys), entry.fetched_at_ms))
    }
}

/// The content of the file with what is known of these sources.
pub(super) fn bytes<'s>(sources: impl Iterator<Item = &'s Source>) -> Vec<u8> {
    let entries = sources.filter_map(|source| {
        Some(Entry {
            issuer_id: source.id(),
            url: source.url().to_owned(),
            fetched_at_ms: source.fetched_at_ms()?,
            keys: source.keys().bare().cloned().collect(),
        })
    });
    let content = serde_json::to_vec(&entries.collect::<Vec<_>>()).unwrap_or_default();
    private_file::seal(MAGIC, &content)
}

/// Writes it in place of the one that is there.
pub(super) fn write(path: &Path, bytes: &[u8]) {
    if let Err(error) = private_file::write(path, bytes) {
        let file = path.display();
        tracing::warn!(%file, %error, "sets of keys cannot be kept; a start will have to fetch them");
    }
}
