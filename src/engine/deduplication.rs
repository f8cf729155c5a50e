//! Mends ClickHouse's memory of insert tokens before ClickHouse reads it.
//!
//! A `MergeTree` table notes the token of an insert in `deduplication_logs/` and then renames the part into its
//! place. A process that dies between the two leaves a token without rows: the same insert, sent again, is
//! taken for a repetition, answered well, and stored nowhere. So before each start the newest notes are compared
//! with the parts on disk, and those of parts that never came to be are taken out; the log sends the rows
//! again, and they land.
//!
//! A note is a line `operation \t part \t block id`, operation 1 for a part that was added, 2 for one that was
//! dropped. A part is named `partition_min_max_level`, with a fifth number after a mutation; it covers those of its
//! partition whose blocks it spans, because merges take the place of their sources.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Newest notes of a table that are looked at: far more than inserts can be under way at once.
const NOTES_MAX: usize = 256;
const FOLDER: &str = "deduplication_logs";
const FILE_PREFIX: &str = "deduplication_log_";
const ADDED: &str = "1";

/// Takes out notes of parts that do not exist, in all tables below `data`; `spare` is a path on the same file system
/// for new content. Returns how many were taken out.
///
/// # Errors
/// A file cannot be read or written; what was mended before stays mended.
pub(crate) fn mend(data: &Path, spare: &Path) -> io::Result<usize> {
    let mut forgotten = 0;
    for group in folders(&data.join("store"))? {
        for table in folders(&group)? {
            forgotten += mend_table(&table, spare)?;
        }
    }
    Ok(forgotten)
}

fn mend_table(table: &Path, spare: &Path) -> io::Result<usize> {
    let Some(newest) = newest_log(&table.join(FOLDER))? else {
        return Ok(0);
    };
    let text = fs::read_to_string(&newest)?;
    let parts: Vec<Part> = entries(table)?
        .iter()
        .filter_map(|path| Part::parse(path.file_name()?.to_str()?))
        .collect();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let old = lines.len().saturating_sub(NOTES_MAX);
    let is_true = |line: &str| match added_part(line) {
        Note::Added(part) => parts.iter().any(|found| found.covers(&part)),
        Note::Torn => false,
        Note::Other => true,
    };
    let kept: String = lines
        .iter()
        .enumerate()
        .filter(|(place, line)| *place < old || is_true(line))
        .map(|(_, line)| *line)
        .collect();
    let forgotten = lines.len() - kept.split_inclusive('\n').count();
    if forgotten > 0 {
        fs::write(spare, kept)?;
        fs::File::open(spare)?.sync_all()?;
        fs::rename(spare, &newest)?;
        tracing::warn!(log = %newest.display(), forgotten, "the engine died within inserts: it noted them and stored nothing; the notes are taken out, the rows come again");
    }
    Ok(forgotten)
}

enum Note {
    Added(Part),
    /// Its end was not written.
    Torn,
    /// A dropped part, or something that is not known here and left alone.
    Other,
}

fn added_part(line: &str) -> Note {
    let Some(line) = line.strip_suffix('\n') else {
        return Note::Torn;
    };
    let mut fields = line.split('\t');
    match (fields.next(), fields.next().and_then(Part::parse)) {
        (Some(ADDED), Some(part)) => Note::Added(part),
        _ => Note::Other,
    }
}

/// The log with the highest number; ClickHouse begins a new one now and then.
fn newest_log(folder: &Path) -> io::Result<Option<PathBuf>> {
    let number = |path: &Path| -> Option<u64> {
        path.file_stem()?
            .to_str()?
            .strip_prefix(FILE_PREFIX)?
            .parse()
            .ok()
    };
    let numbered = entries(folder)?
        .into_iter()
        .filter_map(|path| Some((number(&path)?, path)));
    // A new log may be empty: then the notes to look at end the one before.
    Ok(numbered
        .filter(|(_, path)| fs::metadata(path).is_ok_and(|file| file.len() > 0))
        .max()
        .map(|(_, path)| path))
}

/// What a part's name says.
#[derive(Debug, PartialEq, Eq)]
struct Part {
    partition: String,
    min: u64,
    max: u64,
}

impl Part {
    fn parse(name: &str) -> Option<Self> {
        let mut fields = name.split('_');
        let partition = fields.next()?.to_owned();
        let mut number = || fields.next()?.parse::<u64>().ok();
        let (min, max, _level) = (number()?, number()?, number()?);
        let has_mutation = fields.next().is_none_or(|field| field.parse::<u64>().is_ok());
        (has_mutation && fields.next().is_none()).then_some(Self { partition, min, max })
    }

    fn covers(&self, other: &Self) -> bool {
        self.partition == other.partition && self.min <= other.min && other.max <= self.max
    }
}

fn folders(folder: &Path) -> io::Result<Vec<PathBuf>> {
    Ok(entries(folder)?
        .into_iter()
        .filter(|path| path.is_dir())
        .collect())
}

/// What a folder holds; nothing when there is none.
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let read = match fs::read_dir(folder) {
        Ok(read) => read,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(Vec::new());
        }
        Err(error) => return Err(error),
    };
    read.map(|entry| entry.map(|entry| entry.path())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A data folder with one table that has these parts and logs.
    fn data_with(parts: &[&str], logs: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf) {
        let data = tempfile::tempdir().unwrap();
        let table = data.path().join("store/abc/abcdef");
        fs::create_dir_all(table.join(FOLDER)).unwrap();
        for part in parts {
            fs::create_dir(table.join(part)).unwrap();
        }
        for (name, text) in logs {
            fs::write(table.join(FOLDER).join(name), text).unwrap();
        }
        (data, table)
    }

    fn mended(data: &tempfile::TempDir) -> usize {
        mend(data.path(), &data.path().join("spare")).unwrap()
    }

    #[test]
    fn a_note_stays_when_its_part_or_a_merge_of_it_exists_and_goes_when_neither_does() {
        let log = "1\t202611_1_1_0\ta\n1\t202611_2_2_0\tb\n2\t202611_9_9_0\tc\n1\t202611_3_3_0\td\n1\t202612_3_3_0\te\n";
        let parts = [
            "202611_1_2_1_7",
            "202612_3_3_0",
            "tmp_insert_202611_3_3_0",
            "detached",
        ];
        let (data, table) = data_with(&parts, &[("deduplication_log_1.txt", log)]);
        assert_eq!(mended(&data), 1);
        let left = fs::read_to_string(table.join(FOLDER).join("deduplication_log_1.txt")).unwrap();
        assert_eq!(left, log.replace("1\t202611_3_3_0\td\n", ""));
        assert_eq!(mended(&data), 0);
    }

    #[test]
    fn a_note_whose_end_is_missing_goes() {
        let (data, table) = data_with(
            &["202611_1_1_0", "202611_2_2_0"],
            &[("deduplication_log_1.txt", "1\t202611_1_1_0\ta\n1\t202611_2_2_0")],
        );
        assert_eq!(mended(&data), 1);
        let left = fs::read_to_string(table.join(FOLDER).join("deduplication_log_1.txt")).unwrap();
        assert_eq!(left, "1\t202611_1_1_0\ta\n");
    }

    #[test]
    fn the_newest_log_that_has_notes_is_looked_at() {
        let lost = "1\t202611_1_1_0\ta\n";
        let (data, table) = data_with(
            &[],
            &[
                ("deduplication_log_9.txt", lost),
                ("deduplication_log_10.txt", lost),
                ("deduplication_log_11.txt", ""),
            ],
        );
        assert_eq!(mended(&data), 1);
        let left = |name| fs::read_to_string(table.join(FOLDER).join(name)).unwrap();
        assert_eq!(left("deduplication_log_9.txt"), lost);
        assert_eq!(left("deduplication_log_10.txt"), "");
    }

    #[test]
    fn what_has_no_notes_is_left_alone() {
        let (data, _table) = data_with(&["202611_1_1_0"], &[]);
        assert_eq!(mended(&data), 0);
        let empty = tempfile::tempdir().unwrap();
        assert_eq!(mended(&empty), 0);
    }

    #[test]
    fn names_of_other_things_are_no_parts() {
        for name in [
            "tmp_insert_202611_3_3_0",
            "detached",
            "format_version.txt",
            "202611_1_1",
            "202611_1_1_0_1_1",
        ] {
            assert_eq!(Part::parse(name), None, "{name}");
        }
        assert!(Part::parse("all_1_1_0").is_some());
    }
}
