//! Which files are meant, and their texts.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::fault::{At, Notes};
use super::read::{Format, read_text};
use super::wanted::Wanted;

/// Longest file that is read.
const FILE_BYTES_MAX: u64 = 8 << 20;
/// Most files of a folder.
const FILES_MAX: usize = 10_000;

/// Reads files, and the files of folders, in the order of their names.
pub(super) fn read_paths(wanted: &mut Wanted, notes: &Notes, paths: &[PathBuf]) {
    for path in paths {
        if !path.is_dir() {
            read_file(wanted, notes, path, format_of(path));
            continue;
        }
        match files_of(path) {
            Ok(files) if files.is_empty() => notes.note(&at(path), "holds no .toml and no .json file"),
            Ok(files) => files
                .iter()
                .for_each(|(file, format)| read_file(wanted, notes, file, Some(*format))),
            Err(error) => notes.note(&at(path), format!("cannot be listed: {error}")),
        }
    }
}

fn at(path: &Path) -> At {
    At {
        file: path.display().to_string().into(),
        line: 0,
        field: String::new(),
    }
}

fn format_of(path: &Path) -> Option<Format> {
    let extension = path.extension()?.to_str()?;
    if extension.eq_ignore_ascii_case("toml") {
        Some(Format::Toml)
    } else if extension.eq_ignore_ascii_case("json") {
        Some(Format::Json)
    } else {
        None
    }
}

/// The files in a folder that have a format; not those of folders below, nor hidden ones.
fn files_of(folder: &Path) -> std::io::Result<Vec<(PathBuf, Format)>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let is_hidden = path
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if let Some(format) = format_of(&path).filter(|_| !is_hidden && path.is_file()) {
            files.push((path, format));
        }
        if files.len() > FILES_MAX {
            return Err(std::io::Error::other("it holds too many files"));
        }
    }
    files.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    Ok(files)
}

fn read_file(wanted: &mut Wanted, notes: &Notes, path: &Path, format: Option<Format>) {
    let Some(format) = format else {
        return notes.note(&at(path), "must end in .toml or .json");
    };
    match text_of(path) {
        Ok(text) => {
            let file: Arc<str> = path.display().to_string().into();
            let folder = path.parent().unwrap_or(Path::new("."));
            read_text(wanted, notes, &file, folder, format, &text);
        }
        Err(error) => notes.note(&at(path), format!("cannot be read: {error}")),
    }
}

fn text_of(path: &Path) -> std::io::Result<String> {
    if std::fs::metadata(path)?.len() > FILE_BYTES_MAX {
        return Err(std::io::Error::other("it is larger than 8 MiB"));
    }
    std::fs::read_to_string(path)
}
