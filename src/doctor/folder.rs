//! The data folder: can be written, has room, syncs fast enough.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{Finding, size};
use crate::config::{Config, Durability};

const SYNCS: usize = 32;
/// One commit's usual size.
const SYNC_BYTES: usize = 4_096;
/// Each beacon waits for a sync; above this, the 10 ms that an answer should take at most are spent on it.
const SYNC_SLOW: Duration = Duration::from_millis(8);

/// A folder below the data folder that is removed when dropped.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    /// Makes the folder, and the data folder where it is missing.
    pub(super) fn below(data_dir: &Path) -> io::Result<Self> {
        let path = data_dir.join(format!("doctor-{}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is small, and its name says whose it is.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(super) fn check(config: &Config) -> Vec<Finding> {
    let shown = config.data_dir.display();
    let scratch = match Scratch::below(&config.data_dir) {
        Ok(scratch) => scratch,
        Err(error) => {
            return vec![
                Finding::bad("data folder", format!("{shown} cannot be written: {error}")).advice(
                    "give this user the right to write there, or set data_dir (FRESNEL_DATA_DIR) to another folder",
                ),
            ];
        }
    };
    let written = Finding::good("data folder", format!("{shown} can be written"));
    vec![written, disk(config), sync(config, scratch.path())]
}

fn disk(config: &Config) -> Finding {
    let free = match rustix::fs::statvfs(&config.data_dir) {
        Ok(disk) => disk.f_bavail * disk.f_frsize,
        Err(error) => return Finding::warning("disk", format!("its free space cannot be read: {error}")),
    };
    let log = config.wal.max_bytes;
    let advice = format!(
        "the log alone may take {}: make room, or set wal.max_bytes (FRESNEL_WAL__MAX_BYTES) lower",
        size(log)
    );
    if free < 3 * config.wal.segment_max_bytes {
        Finding::bad("disk", format!("{} free: too little to take beacons", size(free))).advice(advice)
    } else if free < log {
        Finding::warning("disk", format!("{} free", size(free))).advice(advice)
    } else {
        Finding::good("disk", format!("{} free", size(free)))
    }
}

fn sync(config: &Config, folder: &Path) -> Finding {
    let mut times = match sync_times(&folder.join("sync")) {
        Ok(times) => times,
        Err(error) => return Finding::bad("sync", format!("the disk cannot sync a file: {error}")),
    };
    times.sort_unstable();
    let (median, slowest) = (times[times.len() / 2], times[times.len() - 1]);
    let text = format!("{median:.1?} in the middle, {slowest:.1?} at worst, of {SYNCS} syncs of 4 KiB");
    if config.wal.durability == Durability::Fsync && median > SYNC_SLOW {
        Finding::warning("sync", text).advice(
            "every beacon's answer waits for one: use a faster disk, or set wal.durability \
             (FRESNEL_WAL__DURABILITY) to `os`, which survives the death of the process but not the loss of power",
        )
    } else {
        Finding::good("sync", text)
    }
}

/// Never empty.
fn sync_times(path: &Path) -> io::Result<Vec<Duration>> {
    let mut file = File::create(path)?;
    (0..SYNCS)
        .map(|_| {
            let start = Instant::now();
            file.write_all(&[0; SYNC_BYTES])?;
            file.sync_data()?;
            Ok(start.elapsed())
        })
        .collect()
}
