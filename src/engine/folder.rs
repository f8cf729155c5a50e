//! The engine's folder: its files, who may read them, and the lock that keeps a second engine out.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use serde::Serialize;

use super::EngineError;
use crate::domain::connection::Connection;

/// `<data dir>/engine`.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    root: PathBuf,
}

/// The right to run an engine in a folder; given back when dropped, and by the system when the process dies.
#[derive(Debug)]
pub(crate) struct FolderLock {
    _file: File,
}

/// `connection.json`. Unlike a [`Connection`] it shows its passwords: its file is for its owner's eyes only.
#[derive(Serialize)]
struct ConnectionFile<'a> {
    url: &'a str,
    user: &'a str,
    password: &'a str,
    database: &'a str,
    reader_user: &'a str,
    reader_password: &'a str,
}

impl Folder {
    /// The engine's folder in a data folder; nothing is created yet.
    pub(crate) fn of(data_dir: &Path) -> Self {
        Self {
            root: data_dir.join("engine"),
        }
    }

    /// Creates what is missing and makes the paths absolute: ClickHouse resolves relative ones elsewhere.
    pub(crate) fn prepare(self) -> Result<Self, EngineError> {
        let create = |path: &Path| {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(path)
                .map_err(EngineError::io("create", path))
        };
        create(&self.root)?;
        let root = self
            .root
            .canonicalize()
            .map_err(EngineError::io("resolve", &self.root))?;
        let folder = Self { root };
        create(&folder.data())?;
        Ok(folder)
    }

    /// The folder itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// What ClickHouse keeps: its tables and their metadata.
    pub(crate) fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    /// ClickHouse's server settings, written anew at each start.
    pub(crate) fn config_xml(&self) -> PathBuf {
        self.root.join("config.xml")
    }

    /// ClickHouse's users, written anew at each start.
    pub(crate) fn users_xml(&self) -> PathBuf {
        self.root.join("users.xml")
    }

    /// The statements that the host session runs first.
    pub(crate) fn start_sql(&self) -> PathBuf {
        self.root.join("start.sql")
    }

    /// Where and how the running engine is reached; absent while none is.
    pub(crate) fn connection_json(&self) -> PathBuf {
        self.root.join("connection.json")
    }

    /// Where new content of one of ClickHouse's files is written before it takes the old one's place.
    pub(crate) fn spare(&self) -> PathBuf {
        self.root.join("spare.tmp")
    }

    /// Takes the folder's lock; `None` while another process has it.
    pub(crate) fn try_lock(&self) -> Result<Option<FolderLock>, EngineError> {
        let path = self.root.join("lock");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(EngineError::io("open", &path))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(FolderLock { _file: file })),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(errno) => Err(EngineError::io("lock", &path)(errno.into())),
        }
    }

    /// Writes a file that only its owner may read, so that a reader sees the old content or the new.
    pub(crate) fn write_private(&self, path: &Path, content: &str) -> Result<(), EngineError> {
        let temporary = path.with_extension("tmp");
        self.remove(&temporary)?;
        let write = || -> io::Result<()> {
            let mut file = OpenOptions::new()
                .create_new(true)
                .write(true)
                .mode(0o600)
                .open(&temporary)?;
            file.write_all(content.as_bytes())?;
            std::fs::rename(&temporary, path)
        };
        write().map_err(EngineError::io("write", path))
    }

    /// Removes a file; one that is not there is fine.
    pub(crate) fn remove(&self, path: &Path) -> Result<(), EngineError> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(EngineError::io("remove", path)(error))
            }
            _ => Ok(()),
        }
    }

    /// Tells other programs how to reach the engine.
    pub(crate) fn write_connection(&self, connection: &Connection) -> Result<(), EngineError> {
        let file = ConnectionFile {
            url: &connection.url,
            user: &connection.user,
            password: connection.password.reveal(),
            database: &connection.database,
            reader_user: &connection.reader_user,
            reader_password: connection.reader_password.reveal(),
        };
        let path = self.connection_json();
        let text = serde_json::to_string_pretty(&file)
            .map_err(|error| EngineError::io("write", &path)(error.into()))?;
        self.write_private(&path, &(text + "\n"))
    }

    /// Reads what the running engine told.
    pub(crate) fn read_connection(&self) -> Result<Connection, EngineError> {
        let path = self.connection_json();
        let text = std::fs::read(&path).map_err(EngineError::io("read", &path))?;
        serde_json::from_slice(&text).map_err(|error| EngineError::io("read", &path)(error.into()))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::config::Secret;

    fn folder() -> (tempfile::TempDir, Folder) {
        let data_dir = tempfile::tempdir().unwrap();
        let folder = Folder::of(data_dir.path()).prepare().unwrap();
        (data_dir, folder)
    }

    #[test]
    fn the_connection_file_is_private_and_reads_back_whole() {
        let (_data_dir, folder) = folder();
        let mut connection = Connection::new(
            "http://127.0.0.1:4711".to_owned(),
            "writer".to_owned(),
            Secret::new("secret".to_owned()),
            "fresnel".to_owned(),
        );
        connection.reader_user = "reader".to_owned();
        connection.reader_password = Secret::new("other".to_owned());
        folder.write_connection(&connection).unwrap();
        folder.write_connection(&connection).unwrap();
        assert_eq!(folder.read_connection().unwrap(), connection);
        let mode = std::fs::metadata(folder.connection_json())
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn one_lock_at_a_time() {
        let (_data_dir, folder) = folder();
        let lock = folder.try_lock().unwrap();
        assert!(lock.is_some());
        assert!(folder.try_lock().unwrap().is_none());
        drop(lock);
        assert!(folder.try_lock().unwrap().is_some());
    }
}
