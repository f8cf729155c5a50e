//! Forgets dead letters that nobody has come for.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use time::{Date, OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};

use crate::clock::{self, UnixMicros};
use crate::task;

/// How often the folder is looked through.
const INTERVAL: Duration = Duration::from_secs(60 * 60);
const DATE: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");

/// Removes files whose day is more than `days` ago, now and once an hour; with 0 it ends at once and all are kept.
pub(in crate::flush) async fn keep_for(folder: PathBuf, days: u32) {
    let Some(days) = Some(days).filter(|days| *days > 0) else {
        return;
    };
    let mut each = tokio::time::interval(INTERVAL);
    each.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        each.tick().await;
        let folder = folder.clone();
        let looked_through = task::blocking(move || forget_old(&folder, clock::now(), days)).await;
        if let Ok(Err(error)) = looked_through {
            tracing::warn!(%error, "the folder of dead letters cannot be looked through");
        }
    }
}

/// Removes the files of days that are more than `days` before `now`; gives how many. Files with other names are
/// left alone, and so is what cannot be removed; the log tells of it.
fn forget_old(folder: &Path, now: UnixMicros, days: u32) -> io::Result<usize> {
    let today = OffsetDateTime::from_unix_timestamp(now.as_millis().div_euclid(1_000))
        .map_err(io::Error::other)?
        .date();
    let Some(kept_from) = today.checked_sub(time::Duration::days(days.into())) else {
        return Ok(0);
    };
    let entries = match std::fs::read_dir(folder) {
        // It is made with the first dead letter.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    let mut forgotten = 0;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let is_old = day_of(&name.to_string_lossy()).is_some_and(|day| day < kept_from);
        if !is_old || !entry.file_type()?.is_file() {
            continue;
        }
        let path = entry.path();
        match count_rows(&path).and_then(|rows| std::fs::remove_file(&path).map(|()| rows)) {
            Ok(rows) => {
                forgotten += 1;
                tracing::warn!(file = ?name, rows, days, "dead letters beyond flush.dead_letters_retention_days were removed");
            }
            Err(error) => tracing::warn!(file = ?name, %error, "old dead letters could not be removed"),
        }
    }
    Ok(forgotten)
}

/// The day of a file that [`bury`](super::DeadLetters::bury) writes.
fn day_of(name: &str) -> Option<Date> {
    let day = Date::parse(name.strip_suffix(".ndjson")?, DATE).ok()?;
    (format!("{day}.ndjson") == name).then_some(day)
}

fn count_rows(path: &Path) -> io::Result<u64> {
    let mut file = File::open(path)?;
    let mut piece = vec![0; 64 * 1024];
    let mut rows = 0;
    loop {
        let length = file.read(&mut piece)?;
        if length == 0 {
            return Ok(rows);
        }
        let lines = piece[..length].iter().filter(|byte| **byte == b'\n').count();
        rows += lines as u64;
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn at(moment: OffsetDateTime) -> UnixMicros {
        UnixMicros::from_millis(moment.unix_timestamp() * 1_000)
    }

    #[test]
    fn only_files_of_days_beyond_the_retention_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let names = [
            "2026-01-30.ndjson",
            "2026-01-31.ndjson",
            "2026-03-01.ndjson",
            "2026-03-02.ndjson",
            "2099-01-01.ndjson",
            // Names that are not ours, whatever they look like.
            "1999-01-01.ndjson.bak",
            "1999-1-1.ndjson",
            "1999-13-01.ndjson",
            "+1999-01-01.ndjson",
            "1999-01-01",
            "notes.txt",
        ];
        for name in names {
            std::fs::write(folder.path().join(name), "{}\n{}\n").unwrap();
        }
        let child = folder.path().join("1999-02-02.ndjson");
        std::fs::create_dir(&child).unwrap();
        // 30 days before the 2nd of March is the 31st of January, which is kept.
        let now = at(datetime!(2026-03-02 00:00:01 UTC));
        assert_eq!(forget_old(folder.path(), now, 30).unwrap(), 1);
        let is_there = |name: &&str| folder.path().join(name).exists();
        assert!(names[1..].iter().all(is_there) && child.exists());
        assert!(!is_there(&names[0]));

        // The shortest retention leaves yesterday and today.
        assert_eq!(forget_old(folder.path(), now, 1).unwrap(), 1);
        assert!(names[2..].iter().all(is_there));
        assert_eq!(forget_old(folder.path(), now, 1).unwrap(), 0);
    }

    #[test]
    fn a_folder_that_is_not_there_yet_is_no_failure() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("dead-letters");
        assert_eq!(
            forget_old(&missing, at(datetime!(2026-03-02 0:00 UTC)), 1).unwrap(),
            0
        );
    }

    #[test]
    fn rows_are_counted_over_pieces() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("2026-01-01.ndjson");
        std::fs::write(&path, "{\"a\":1}\n".repeat(20_000)).unwrap();
        assert_eq!(count_rows(&path).unwrap(), 20_000);
    }
}
