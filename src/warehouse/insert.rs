//! One batch, one insert, one block, one token.
//!
//! An insert is exact when it is repeated: ClickHouse remembers the token of the last 10,000 inserts of a
//! table and of every rollup that its views fill, and lets each of them take the batch once. So the only
//! question after a failure is whether sending the same bytes with the same token can help, and
//! [`InsertError`] answers it.

use std::time::Duration;

use bytes::Bytes;
use clickhouse::Compression;
use thiserror::Error;

use super::failure::Failure;
use super::{Warehouse, quote_identifier};

/// More rows than a segment can hold: with this block size every insert is one block, and so one part a
/// partition, and a refusal leaves nothing behind.
const BLOCK_ROWS_MAX: &str = "100000000";
/// Size of the pieces that are compressed one by one.
const COMPRESSED_PIECE_BYTES: usize = 1024 * 1024;

/// What is inserted where.
#[derive(Clone, Copy, Debug)]
pub struct Insert<'a> {
    /// Name of the table.
    pub table: &'a str,
    /// Columns in the order of a row's values.
    pub columns: &'a [String],
    /// Deduplication token: the same token must always come with the same rows.
    pub token: &'a str,
    /// Name of this try in ClickHouse's process list and logs; unlike the token, another one each time.
    pub query_id: &'a str,
    /// Time in which each piece must be taken and the answer must come.
    pub timeout: Duration,
}

/// Why an insert is not known to have taken place.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InsertError {
    /// There is no connection, or none came about: nothing was sent. Send the same again.
    #[error("the warehouse cannot be reached: {0}")]
    Unavailable(String),
    /// Something was sent and no whole answer came back: it may be stored. Send the same again.
    #[error("the warehouse did not answer: {0}")]
    Ambiguous(String),
    /// ClickHouse answered with an exception that says nothing against the rows. Send the same again.
    #[error("the warehouse failed with code {code}: {message}")]
    Failed {
        /// ClickHouse's code.
        code: u32,
        /// ClickHouse's message.
        message: String,
    },
    /// ClickHouse cannot read the rows, and never will; nothing was stored.
    #[error("the warehouse refused the rows with code {code}: {message}")]
    Refused {
        /// ClickHouse's code.
        code: u32,
        /// ClickHouse's message.
        message: String,
    },
}

impl From<Failure> for InsertError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unreachable(message) => Self::Unavailable(message),
            Failure::Unanswered(message) | Failure::Misunderstood(message) => Self::Ambiguous(message),
            Failure::Exception { code, message } if refuses_rows(code) => Self::Refused { code, message },
            Failure::Exception { code, message } => Self::Failed { code, message },
        }
    }
}

/// True for the exceptions by which ClickHouse says that it cannot read the rows themselves: they come
/// from its RowBinary and JSON readers, before anything is written. Sending the same bytes again brings the
/// same answer; sending the halves finds the row.
///
/// Everything else is about the server's state and may pass, among it: 241 (memory limit), 252 (too many
/// parts), 202 (too many queries), 243 (no space), 164 and 242 (read only), 159 and 209 (timeouts), 236 and
/// 394 (shutting down, cancelled), 60, 81 and 16 (table, database or column missing: not migrated yet), 192,
/// 497 and 516 (credentials), 319 (unknown status), 999 (Keeper), 1001 and 1002 (any other exception).
const fn refuses_rows(code: u32) -> bool {
    matches!(
        code,
        6        // CANNOT_PARSE_TEXT
        | 25     // CANNOT_PARSE_ESCAPE_SEQUENCE, in a JSON text
        | 26     // CANNOT_PARSE_QUOTED_STRING, in a JSON text
        | 27     // CANNOT_PARSE_INPUT_ASSERTION_FAILED
        | 32     // ATTEMPT_TO_READ_AFTER_EOF: the last row is cut
        | 33     // CANNOT_READ_ALL_DATA: the last row is cut
        | 38     // CANNOT_PARSE_DATE
        | 41     // CANNOT_PARSE_DATETIME
        | 53     // TYPE_MISMATCH
        | 69     // ARGUMENT_OUT_OF_BOUND
        | 72     // CANNOT_PARSE_NUMBER
        | 117    // INCORRECT_DATA: among others, a JSON text that is none
        | 128    // TOO_LARGE_ARRAY_SIZE
        | 131    // TOO_LARGE_STRING_SIZE: a length that cannot be meant
        | 321    // VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
        | 349    // CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN
        | 376    // CANNOT_PARSE_UUID
        | 467    // CANNOT_PARSE_BOOL
        | 469    // VIOLATED_CONSTRAINT
        | 632 // UNEXPECTED_DATA_AFTER_PARSED_VALUE
    )
}

impl Warehouse {
    /// Inserts RowBinary rows. The payload is sent piece by piece as it is; it is copied only to compress
    /// it, a megabyte at a time, when the warehouse is on another machine.
    ///
    /// # Errors
    /// See [`InsertError`]; `Ok` means that the rows are in the table and in its rollups, once, whether by
    /// this insert or by an earlier one with the same token.
    pub async fn insert(&self, insert: Insert<'_>, payload: &[Bytes]) -> Result<(), InsertError> {
        let link = self
            .link()
            .ok_or_else(|| InsertError::Unavailable("not connected".to_owned()))?;
        let columns: Vec<_> = insert.columns.iter().map(|name| quote_identifier(name)).collect();
        let sql = format!(
            "INSERT INTO {}.{} ({}) FORMAT RowBinary",
            quote_identifier(&link.database),
            quote_identifier(insert.table),
            columns.join(", "),
        );
        let settings = [
            ("query_id", insert.query_id),
            ("insert_deduplication_token", insert.token),
            ("insert_deduplicate", "1"),
            // The rollups remember the token too; without it a repeated insert would fill them twice.
            ("deduplicate_blocks_in_dependent_materialized_views", "1"),
            ("materialized_views_ignore_errors", "0"),
            ("async_insert", "0"),
            // One block: parallel parsing would cut the rows into several.
            ("input_format_parallel_parsing", "0"),
            ("max_insert_block_size", BLOCK_ROWS_MAX),
            ("min_insert_block_size_rows", BLOCK_ROWS_MAX),
            ("min_insert_block_size_bytes", "0"),
            // A batch may span months (late rows, imports), and would be refused for ever.
            ("max_partitions_per_insert_block", "0"),
            ("input_format_binary_read_json_as_string", "1"),
            // `{"a.b": 1, "a": {"b": 2}}` is good JSON; a client's choice of keys must not become a refusal.
            ("type_json_skip_duplicated_paths", "1"),
            ("wait_end_of_query", "1"),
        ];
        let mut request = link.writer.insert_formatted_with(sql);
        for (name, value) in settings {
            request = request.with_setting(name, value);
        }
        let mut request = request.with_timeouts(Some(insert.timeout), Some(insert.timeout));

        let piece_bytes = match link.compression {
            Compression::None => usize::MAX,
            _ => COMPRESSED_PIECE_BYTES,
        };
        for chunk in payload {
            let mut rest = chunk.clone();
            while !rest.is_empty() {
                let piece = rest.split_to(rest.len().min(piece_bytes));
                request.send(piece).await.map_err(Failure::from_client)?;
            }
        }
        request.end().await.map_err(Failure::from_client)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_definite_word_about_the_rows_is_a_refusal() {
        let of = |code| {
            InsertError::from(Failure::Exception {
                code,
                message: String::new(),
            })
        };
        for code in [27, 33, 53, 117, 131] {
            assert!(matches!(of(code), InsertError::Refused { .. }), "{code}");
        }
        for code in [
            16, 49, 60, 159, 164, 202, 241, 243, 252, 319, 394, 516, 999, 1002, 123_456,
        ] {
            assert!(matches!(of(code), InsertError::Failed { .. }), "{code}");
        }
    }
}
