//! One kind of journal: a row of append-only files, of which the oldest go when they are too old or too many.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Files in which a journal is kept at most, when its size is what limits it.
const FILES: u64 = 16;

/// Which journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Counts of quotas. Never synced: they survive the death of the process, and that is all they promise.
    Counts,
    /// Ids of events. Synced.
    Events,
}

impl Kind {
    pub(super) const ALL: [Self; 2] = [Self::Counts, Self::Events];

    const fn prefix(self) -> &'static str {
        match self {
            Self::Counts => "quota-",
            Self::Events => "events-",
        }
    }

    /// Hours after its own for which a file is of use.
    const fn hours(self) -> u32 {
        match self {
            Self::Counts => 2,
            Self::Events => 25,
        }
    }

    pub(super) fn file_name(self, hour: u32, number: u64) -> String {
        format!("{}{hour:010}-{number:010}.journal", self.prefix())
    }

    /// Hour and number of a file of this kind.
    pub(super) fn parse(self, name: &str) -> Option<(u32, u64)> {
        let (hour, number) = name
            .strip_prefix(self.prefix())?
            .strip_suffix(".journal")?
            .split_once('-')?;
        let (hour, number) = (hour.parse().ok()?, number.parse().ok()?);
        (self.file_name(hour, number) == name).then_some((hour, number))
    }
}

/// A file that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) hour: u32,
    pub(super) number: u64,
    pub(super) bytes: u64,
}

/// A journal that is written to.
#[derive(Debug)]
pub(super) struct Journal {
    kind: Kind,
    dir: PathBuf,
    bytes_max: u64,
    /// Oldest first; the last one is open, if one is.
    kept: VecDeque<Kept>,
    open: Option<File>,
    next_number: u64,
}

impl Journal {
    pub(super) fn new(kind: Kind, dir: PathBuf, bytes_max: u64, kept: VecDeque<Kept>) -> Self {
        Self {
            kind,
            dir,
            bytes_max,
            next_number: kept.back().map_or(0, |last| last.number) + 1,
            kept,
            open: None,
        }
    }

    pub(super) fn path(&self, kept: &Kept) -> PathBuf {
        self.dir.join(self.kind.file_name(kept.hour, kept.number))
    }

    pub(super) fn kept(&self) -> impl Iterator<Item = &Kept> {
        self.kept.iter()
    }

    /// Appends a record. After an error the next one goes to another file: nothing is written behind a torn
    /// record.
    pub(super) fn append(&mut self, record: &[u8], hour: u32) -> io::Result<()> {
        let written = self.try_append(record, hour);
        if written.is_err() {
            self.open = None;
        }
        written
    }

    fn try_append(&mut self, record: &[u8], hour: u32) -> io::Result<()> {
        let is_used_up = self
            .kept
            .back()
            .is_none_or(|last| last.hour != hour || last.bytes >= self.bytes_max / FILES);
        if self.open.is_none() || is_used_up {
            self.begin(hour)?;
        }
        let (Some(file), Some(last)) = (&mut self.open, self.kept.back_mut()) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        file.write_all(record)?;
        last.bytes += u64::try_from(record.len()).unwrap_or(u64::MAX);
        match self.kind {
            Kind::Counts => Ok(()),
            Kind::Events => file.sync_data(),
        }
    }

    fn begin(&mut self, hour: u32) -> io::Result<()> {
        self.open = None;
        let (file, kept) = loop {
            let kept = Kept {
                hour,
                number: self.next_number,
                bytes: 0,
            };
            self.next_number += 1;
            let opened = OpenOptions::new()
                .create_new(true)
                .append(true)
                .mode(0o600)
                .open(self.path(&kept));
            match opened {
                // One that could not be removed, or not ours.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                opened => break (opened?, kept),
            }
        };
        // Counted from here on, so that it is not made again, and goes when it is old.
        self.kept.push_back(kept);
        if self.kind == Kind::Events {
            sync_dir(&self.dir)?;
        }
        self.open = Some(file);
        self.prune(hour);
        Ok(())
    }

    /// Removes files that are of no use any more, and the oldest when there are too many.
    pub(super) fn prune(&mut self, hour: u32) {
        let mut bytes: u64 = self.kept.iter().map(|kept| kept.bytes).sum();
        let room = self.bytes_max - self.bytes_max / FILES;
        while let Some(oldest) = self.kept.front() {
            let is_open = self.open.is_some() && self.kept.len() == 1;
            let is_old = oldest.hour.saturating_add(self.kind.hours()) < hour;
            if is_open || !(is_old || bytes > room) {
                return;
            }
            let path = self.path(oldest);
            if !is_old {
                tracing::debug!(file = %path.display(), "a journal has no room: its oldest part is forgotten");
            }
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    tracing::warn!(file = %path.display(), %error, "cannot remove an old journal");
                }
                _ => {}
            }
            bytes -= oldest.bytes;
            self.kept.pop_front();
        }
    }
}

pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
