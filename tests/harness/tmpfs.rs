//! A small disk that can be filled.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::options::temporary_folder;
use super::process::say;

/// A mounted tmpfs, unmounted with this value.
pub(crate) struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    /// Mounts a disk of this size, or says loudly why it cannot.
    pub(crate) fn mount(size_mib: u32) -> Option<Self> {
        let folder = temporary_folder();
        let outcome = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size_mib}m"), "fresnel-test"])
            .arg(folder.path())
            .output();
        match outcome {
            Ok(output) if output.status.success() => Some(Self { folder }),
            Ok(output) => {
                let reason = String::from_utf8_lossy(&output.stderr).into_owned();
                say(&format!(
                    "SKIPPED: a small disk cannot be mounted here: {}",
                    reason.trim()
                ));
                None
            }
            Err(error) => {
                say(&format!("SKIPPED: a small disk cannot be mounted here: {error}"));
                None
            }
        }
    }

    /// Where it is mounted.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file until nothing more fits.
    pub(crate) fn fill(&self) {
        let mut ballast = File::create(self.ballast()).expect("the ballast");
        for chunk in [1 << 20, 4096, 1] {
            let zeros = vec![0; chunk];
            while ballast.write_all(&zeros).is_ok() {}
        }
    }

    /// Removes that file.
    pub(crate) fn empty(&self) {
        fs::remove_file(self.ballast()).expect("the ballast");
    }

    fn ballast(&self) -> PathBuf {
        self.folder.path().join("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: whoever still has a file open on it may keep it until he is done.
        let _ = Command::new("umount").arg("-l").arg(self.folder.path()).status();
    }
}
