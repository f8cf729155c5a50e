//! The operations of the simulated disk.

use std::io;
use std::path::{Path, PathBuf};

use super::{Fault, Inode, Kind, Naming, SimDisk, write};
use crate::wal::layout::DATA_START;
use crate::wal::{Access, Entry, FileSystem, LockGuard, LogFile};

fn broken() -> io::Error {
    io::Error::from_raw_os_error(5)
}

fn no_space() -> io::Error {
    io::ErrorKind::StorageFull.into()
}

impl FileSystem for SimDisk {
    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        self.lock().dirs.insert(dir.to_owned());
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        let state = self.lock();
        let folders = state
            .dirs
            .iter()
            .filter(|path| path.parent() == Some(dir))
            .map(|path| (path, None));
        let files = state.names.iter().filter(|(path, _)| path.parent() == Some(dir));
        Ok(files
            .map(|(path, inode)| (path, Some(state.inodes[*inode].seen.len())))
            .chain(folders)
            .map(|(path, bytes)| Entry {
                name: path.file_name().unwrap().to_string_lossy().into_owned(),
                bytes: u64::try_from(bytes.unwrap_or_default()).unwrap(),
                is_file: bytes.is_some(),
            })
            .collect())
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn LogFile>> {
        let mut state = self.lock();
        let known = state.names.get(path).copied();
        let inode = match (access, known) {
            (Access::Create, Some(_)) => return Err(io::ErrorKind::AlreadyExists.into()),
            (Access::Create, None) => {
                if state.begin(Kind::Open)?.is_some() {
                    return Err(no_space());
                }
                state.inodes.push(Inode::default());
                let inode = state.inodes.len() - 1;
                state.name(Naming::Add(path.to_owned(), inode));
                inode
            }
            (_, Some(inode)) => inode,
            (_, None) => return Err(io::ErrorKind::NotFound.into()),
        };
        Ok(Box::new(SimFile {
            disk: self.clone(),
            inode,
        }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.lock();
        if !state.names.contains_key(from) {
            return Err(io::ErrorKind::NotFound.into());
        }
        match state.begin(Kind::Rename)? {
            None => {
                state.name(Naming::Rename(from.to_owned(), to.to_owned()));
                Ok(())
            }
            Some(Fault::Lie) => {
                state.name(Naming::Rename(from.to_owned(), to.to_owned()));
                Err(broken())
            }
            Some(_) => Err(broken()),
        }
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.lock();
        if !state.names.contains_key(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        match state.begin(Kind::Remove)? {
            None => {
                state.name(Naming::Remove(path.to_owned()));
                Ok(())
            }
            Some(_) => Err(broken()),
        }
    }

    fn sync_dir(&self, _dir: &Path) -> io::Result<()> {
        let mut state = self.lock();
        match state.begin(Kind::SyncDir)? {
            None => {
                state.durable_names = state.names.clone();
                state.unsynced_names.clear();
                Ok(())
            }
            Some(_) => Err(broken()),
        }
    }

    fn lock(&self, path: &Path) -> io::Result<Option<LockGuard>> {
        let is_free = Self::lock(self).locked.insert(path.to_owned());
        Ok(is_free.then(|| {
            Box::new(SimLock {
                disk: self.clone(),
                path: path.to_owned(),
            }) as LockGuard
        }))
    }

    fn boot_id(&self) -> [u8; 16] {
        [Self::lock(self).boot; 16]
    }
}

struct SimLock {
    disk: SimDisk,
    path: PathBuf,
}

impl Drop for SimLock {
    fn drop(&mut self) {
        self.disk.lock().locked.remove(&self.path);
    }
}

#[derive(Debug)]
struct SimFile {
    disk: SimDisk,
    inode: usize,
}

impl LogFile for SimFile {
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let offset = usize::try_from(offset).unwrap();
        let mut state = self.disk.lock();
        let grows_by = (offset + bytes.len()).saturating_sub(state.inodes[self.inode].seen.len());
        if state.used() + grows_by > state.capacity {
            state.begin(Kind::Write)?;
            return Err(no_space());
        }
        let mut fault = state.begin(Kind::Write)?;
        if offset >= DATA_START && state.is_segment(self.inode) {
            fault = fault.or(state.segment_faults.pop_front());
        }
        let inode = &mut state.inodes[self.inode];
        let done = match fault {
            None | Some(Fault::Lie) => bytes,
            Some(Fault::Short | Fault::Halt) => &bytes[..bytes.len() / 2],
            Some(Fault::Error) => &[],
        };
        write(&mut inode.seen, offset, done);
        inode.unsynced.push((offset, done.to_vec()));
        match fault {
            None => Ok(()),
            Some(Fault::Short) => Err(no_space()),
            Some(_) => Err(broken()),
        }
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let state = self.disk.lock();
        let content = &state.inodes[self.inode].seen;
        let offset = usize::try_from(offset).unwrap().min(content.len());
        let count = buffer.len().min(content.len() - offset);
        buffer[..count].copy_from_slice(&content[offset..offset + count]);
        Ok(count)
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.disk.lock();
        let fault = state.begin(Kind::Sync)?;
        if fault == Some(Fault::Halt) {
            return Err(broken());
        }
        state.syncs_failed += u64::from(fault.is_some());
        let inode = &mut state.inodes[self.inode];
        if fault.is_some() {
            let unsynced = std::mem::take(&mut inode.unsynced);
            inode.unsure.extend(unsynced);
            return Err(broken());
        }
        for (offset, bytes) in std::mem::take(&mut inode.unsynced) {
            let end = offset + bytes.len();
            inode
                .unsure
                .retain(|(start, older)| *start >= end || start + older.len() <= offset);
            write(&mut inode.durable, offset, &bytes);
        }
        Ok(())
    }
}
