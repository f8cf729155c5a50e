//! Rows that the warehouse refuses: kept in files of their own, one JSON object a line, so that nothing
//! acknowledged is thrown away and nothing behind them has to wait.
//!
//! A row can stand in a file twice when the process died between this file's sync and the release of its
//! segment; `event_id` tells.

mod retention;

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use time::OffsetDateTime;
use uuid::Uuid;

use super::batch::{Batch, event_id};
use crate::clock;

pub(super) use retention::keep_for;

/// The folder of dead letters: one file a day.
#[derive(Debug)]
pub(super) struct DeadLetters {
    folder: PathBuf,
    /// Tables of a segment are inserted side by side; their lines must not mix.
    writing: Mutex<()>,
}

/// One row.
#[derive(Serialize)]
struct DeadLetter<'a> {
    /// Milliseconds since 1970.
    at_ms: i64,
    /// The segment and table that the row came from, and its place: no other row has the same.
    token: String,
    table: &'a str,
    event_id: Option<Uuid>,
    columns: &'a [String],
    /// RowBinary, in hexadecimal digits, in the order of `columns`.
    row: String,
    code: u32,
    message: &'a str,
}

impl DeadLetters {
    pub(super) const fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            writing: Mutex::new(()),
        }
    }

    /// Writes the rows of a batch down, durably. Blocks on the disk.
    pub(super) fn bury(&self, batch: &Batch, code: u32, message: &str) -> io::Result<()> {
        let now = clock::now();
        let mut lines = Vec::new();
        for (index, row) in batch.each_row().enumerate() {
            let letter = DeadLetter {
                at_ms: now.as_millis(),
                token: batch.token_of_row(index),
                table: &batch.table,
                event_id: event_id(&row).filter(|_| !batch.is_sums),
                columns: &batch.columns,
                row: hex(&row),
                code,
                message,
            };
            serde_json::to_writer(&mut lines, &letter)?;
            lines.push(b'\n');
        }
        let date = OffsetDateTime::from_unix_timestamp(now.as_millis().div_euclid(1_000))
            .map_err(io::Error::other)?
            .date();
        let path = self.folder.join(format!("{date}.ndjson"));

        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        std::fs::create_dir_all(&self.folder)?;
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        let before = file.metadata()?.len();
        if let Err(error) = file.write_all(&lines).and_then(|()| file.sync_all()) {
            // Half a line would spoil the next one. If cutting fails too, the reader finds a broken line.
            let _ = file.set_len(before);
            return Err(error);
        }
        File::open(&self.folder)?.sync_all()
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::wal::TableRows;

    #[test]
    fn each_row_is_a_line_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let letters = DeadLetters::new(folder.path().join("dead-letters"));
        let rows = TableRows {
            table: "t".to_owned(),
            columns: vec!["event_id".to_owned()],
            payload: vec![Bytes::from(vec![0xab; 36])],
            row_bytes: vec![16, 20],
        };
        letters
            .bury(&Batch::new("n:1:t".to_owned(), rows), 27, "bad\nrow")
            .unwrap();
        let files: Vec<_> = std::fs::read_dir(folder.path().join("dead-letters"))
            .unwrap()
            .collect();
        assert_eq!(files.len(), 1);
        let text = std::fs::read_to_string(files[0].as_ref().unwrap().path()).unwrap();
        let lines: Vec<serde_json::Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[1]["row"].as_str().unwrap(), "ab".repeat(20));
        assert_eq!(lines[1]["code"], 27);
        assert_eq!(
            (&lines[0]["token"], &lines[1]["token"]),
            (&"n:1:t:0-0".into(), &"n:1:t:1-1".into())
        );
    }
}
