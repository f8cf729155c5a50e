//! The door to the file system, so that tests can put faults behind it.

use std::any::Any;
use std::fmt::Debug;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// The file operations that the log needs. Object-safe: a call in a thousand of its cost is a dispatch.
pub trait FileSystem: Debug + Send + Sync {
    /// Creates the folder and those above it, durably.
    ///
    /// # Errors
    /// What the system says.
    fn create_dir_all(&self, dir: &Path) -> io::Result<()>;

    /// What stands in the folder, in any order.
    ///
    /// # Errors
    /// What the system says.
    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>>;

    /// Opens a file.
    ///
    /// # Errors
    /// What the system says.
    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn LogFile>>;

    /// Renames a file, over an existing one.
    ///
    /// # Errors
    /// What the system says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// What the system says.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in a folder durable.
    ///
    /// # Errors
    /// What the system says.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;

    /// Takes the lock file; held until the guard is dropped. `None`: another process holds it.
    ///
    /// # Errors
    /// What the system says.
    fn lock(&self, path: &Path) -> io::Result<Option<LockGuard>>;

    /// An id that changes with every start of the system.
    fn boot_id(&self) -> [u8; 16];
}

/// Holds a lock for as long as it lives.
pub type LockGuard = Box<dyn Any + Send + Sync>;

/// One name in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name; bytes that are not UTF-8 are replaced.
    pub name: String,
    /// Length of the file.
    pub bytes: u64,
    /// False for folders, links and the rest.
    pub is_file: bool,
}

/// What a file is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reading an existing file.
    Read,
    /// Reading and writing an existing file.
    Write,
    /// Reading and writing a file that must not exist yet.
    Create,
}

/// An open file.
pub trait LogFile: Debug + Send + Sync {
    /// Writes all of `bytes`, or fails; then an unknown part of them may stand in the file.
    ///
    /// # Errors
    /// What the system says.
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Reads what there is, up to the length of `buffer`.
    ///
    /// # Errors
    /// What the system says.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Makes what was written durable (`fdatasync`).
    ///
    /// # Errors
    /// What the system says.
    fn sync_data(&self) -> io::Result<()>;
}

/// The system's own file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemFiles;

impl FileSystem for SystemFiles {
    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        let missing: Vec<&Path> = dir
            .ancestors()
            .take_while(|ancestor| !ancestor.as_os_str().is_empty() && !ancestor.exists())
            .collect();
        std::fs::create_dir_all(dir)?;
        // Without this, the loss of power could take the whole log with the name of its folder.
        for created in missing {
            match created.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => self.sync_dir(parent)?,
                _ => self.sync_dir(Path::new("."))?,
            }
        }
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in std::fs::read_dir(dir)? {
            let entry = entry?;
            let metadata = match entry.metadata() {
                // Removed since the folder was read.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                other => other?,
            };
            entries.push(Entry {
                name: entry.file_name().to_string_lossy().into_owned(),
                bytes: metadata.len(),
                is_file: metadata.is_file(),
            });
        }
        Ok(entries)
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn LogFile>> {
        let file = OpenOptions::new()
            .read(true)
            .write(access != Access::Read)
            .create_new(access == Access::Create)
            .open(path)?;
        Ok(Box::new(SystemFile(file)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }

    fn lock(&self, path: &Path) -> io::Result<Option<LockGuard>> {
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Box::new(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn boot_id(&self) -> [u8; 16] {
        // Where the kernel tells none, every start counts as one of the system: the careful side.
        std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
            .ok()
            .and_then(|text| uuid::Uuid::try_parse(text.trim()).ok())
            .unwrap_or_else(uuid::Uuid::new_v4)
            .into_bytes()
    }
}

#[derive(Debug)]
struct SystemFile(File);

impl LogFile for SystemFile {
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut read = 0;
        while let Some(rest) = buffer.get_mut(read..).filter(|rest| !rest.is_empty()) {
            let at = offset + u64::try_from(read).unwrap_or(u64::MAX);
            match self.0.read_at(rest, at) {
                Ok(0) => break,
                Ok(count) => read += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(read)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}
