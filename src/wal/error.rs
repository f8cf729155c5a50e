//! What can go wrong for the log's callers.

use std::io;
use std::path::{Path, PathBuf};

/// Why rows were not taken, or not made durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The disk, or the log's limit on it, is full. Passes by itself.
    #[error("the log is full")]
    Full,
    /// More rows wait for their commit than `pending_max_bytes`. Passes by itself.
    #[error("too many rows wait for their commit")]
    Overloaded,
    /// A sync failed. Whether the rows are durable is unknown; the process has to end.
    #[error("the log cannot be trusted any more")]
    Poisoned,
    /// The log is closed.
    #[error("the log is closed")]
    Closed,
    /// The rows of this append do not fit into a segment.
    #[error("the rows do not fit into a segment")]
    TooLarge,
}

/// Why the log cannot be opened, read or released.
#[derive(Debug, thiserror::Error)]
pub enum WalError {
    /// An operation on a file failed.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process has the folder.
    #[error("{0}: another process uses this log")]
    Locked(PathBuf),
    /// A segment was written by a newer version of Fresnel.
    #[error("{path}: written by a newer version (format {format}); this one must not touch it")]
    NewerFormat {
        /// The segment.
        path: PathBuf,
        /// Its format.
        format: u16,
    },
    /// The column lists of the tables do not fit into a header.
    #[error("the column lists do not fit into a segment's header")]
    Header,
    /// A file is too large for this machine's address space.
    #[error("a file of the log is too large for this machine")]
    TooLarge,
    /// The system gave no thread.
    #[error("cannot start a thread of the log: {0}")]
    Thread(io::Error),
}

impl WalError {
    pub(super) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io {
            path: path.to_owned(),
            source,
        }
    }
}
