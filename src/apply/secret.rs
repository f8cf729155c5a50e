//! Keys and secret addresses, which stand in a file of their own rather than in the one that is read.

use std::path::Path;

use super::fault::Given;
use super::section::Section;

/// Longest file that holds a key.
const KEY_BYTES_MAX: u64 = 64 * 1_024;

/// A key: the first field holds it, the second names the file that does, without the line's end behind it.
pub(super) fn key(
    section: &mut Section<'_>,
    names: [&'static str; 2],
    folder: &Path,
) -> Option<Given<String>> {
    let notes = section.notes();
    let [inline, file] = names.map(|name| section.text(name));
    let Some(Given { value: path, at }) = file else {
        return inline;
    };
    if let Some(inline) = inline {
        notes.note(&inline.at, format!("stands already in {at}, as a file"));
        return None;
    }
    match read_key(&folder.join(path)) {
        Ok(value) => Some(Given { value, at }),
        Err(error) => {
            notes.note(&at, format!("the file cannot be read: {error}"));
            None
        }
    }
}

fn read_key(path: &Path) -> std::io::Result<String> {
    if std::fs::metadata(path)?.len() > KEY_BYTES_MAX {
        return Err(std::io::Error::other("it is too large for a key"));
    }
    let text = std::fs::read_to_string(path)?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}
