//! The control store in a file of the data folder, for one node.
//!
//! One connection writes and one reads, each by one task at a time; SQLite's own log (WAL mode) lets the command
//! line read and write beside the running service. `synchronous=FULL`: a change is on disk when it is answered.

use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::{ControlError, ControlStore, Row, Statement, Step, Value};
use crate::task;

mod migrations {
    refinery::embed_migrations!("migrations/sqlite");
}

/// The file, open.
#[derive(Debug)]
pub struct SqliteStore {
    // Each is lent to a blocking task; the wait for them is bounded by `wait`.
    writer: Arc<Mutex<Connection>>,
    reader: Arc<Mutex<Connection>>,
    wait: Duration,
}

impl SqliteStore {
    /// Opens the file, makes it when it is missing (mode 0600), and brings its tables up to date. `wait` is the
    /// longest time that a change waits for others.
    ///
    /// # Errors
    /// The file cannot be opened or is no database.
    pub async fn open(path: &Path, wait: Duration) -> Result<Self, ControlError> {
        let path = path.to_owned();
        let (writer, reader) = task::blocking(move || {
            let _alone = alone(&path)?;
            let mut writer = connect(&path, wait)?;
            migrations::migrations::runner()
                .run(&mut writer)
                .map_err(|error| failed_migration(&path, &error))?;
            let reader = connect(&path, wait)?;
            Ok((writer, reader))
        })
        .await
        .map_err(|error| ControlError::Unavailable(error.to_string()))??;
        Ok(Self {
            writer: Arc::new(Mutex::new(writer)),
            reader: Arc::new(Mutex::new(reader)),
            wait,
        })
    }

    /// Runs work with a connection off the async threads. Once begun it runs to its end, also when the caller
    /// goes away.
    async fn run<T: Send + 'static>(
        &self,
        connection: &Arc<Mutex<Connection>>,
        work: impl FnOnce(OwnedMutexGuard<Connection>) -> Result<T, ControlError> + Send + 'static,
    ) -> Result<T, ControlError> {
        let lent = tokio::time::timeout(self.wait, Arc::clone(connection).lock_owned())
            .await
            .map_err(|_| ControlError::Busy)?;
        task::blocking(move || work(lent))
            .await
            .map_err(|error| ControlError::Unavailable(error.to_string()))?
    }
}

impl ControlStore for SqliteStore {
    fn name(&self) -> &'static str {
        "sqlite"
    }

    fn read(&self, queries: Vec<Statement>) -> BoxFuture<'_, Result<Vec<Vec<Row>>, ControlError>> {
        self.run(&self.reader, move |mut connection| {
            // A transaction is a snapshot in WAL mode.
            let snapshot = connection.transaction().map_err(|error| failure(&error))?;
            let answers = queries.iter().map(|query| rows(&snapshot, query));
            answers
                .collect::<Result<Vec<_>, _>>()
                .map_err(|error| failure(&error))
        })
        .boxed()
    }

    fn change(&self, steps: Vec<Step>) -> BoxFuture<'_, Result<(), ControlError>> {
        self.run(&self.writer, move |mut connection| {
            // At once a writer: one that reads first could be refused later on.
            let transaction = connection
                .transaction_with_behavior(TransactionBehavior::Immediate)
                .map_err(|error| failure(&error))?;
            for step in steps {
                let hit =
                    hits(&transaction, &step.statement).map_err(|error| refusal(&error, step.unique))?;
                if let (0, Some(error)) = (hit, step.otherwise) {
                    return Err(error);
                }
            }
            transaction.commit().map_err(|error| failure(&error))
        })
        .boxed()
    }
}

/// Holds others back who open the file: migrations are made by one at a time. Ends with the file's handle.
fn alone(path: &Path) -> Result<std::fs::File, ControlError> {
    let lock_path = path.with_extension("db.lock");
    let lock = private_file(&lock_path)
        .map_err(|error| ControlError::Unavailable(format!("{}: {error}", lock_path.display())))?;
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive)
        .map_err(|error| ControlError::Unavailable(format!("{}: {error}", lock_path.display())))?;
    Ok(lock)
}

fn private_file(path: &Path) -> std::io::Result<std::fs::File> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).truncate(false).write(true).mode(0o600);
    options.open(path)
}

fn connect(path: &Path, wait: Duration) -> Result<Connection, ControlError> {
    // SQLite gives its `-wal` and `-shm` files the mode of this one.
    private_file(path).map_err(|error| ControlError::Unavailable(format!("{}: {error}", path.display())))?;
    let connect = || -> rusqlite::Result<Connection> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(wait)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "trusted_schema", false)?;
        Ok(connection)
    };
    connect().map_err(|error| named(path, failure(&error)))
}

fn named(path: &Path, error: ControlError) -> ControlError {
    let in_file = |message: String| format!("{}: {message}", PathBuf::from(path).display());
    match error {
        ControlError::Unavailable(message) => ControlError::Unavailable(in_file(message)),
        ControlError::Corrupt(message) => ControlError::Corrupt(in_file(message)),
        other => other,
    }
}

fn failed_migration(path: &Path, error: &refinery::Error) -> ControlError {
    let message = std::error::Error::source(error).map_or_else(String::new, |source| format!(": {source}"));
    named(path, ControlError::Unavailable(format!("{error}{message}")))
}

/// SQLite numbers its values `?1`.
fn numbered(sql: &str) -> String {
    sql.replace('$', "?")
}

fn rows(transaction: &Transaction<'_>, query: &Statement) -> rusqlite::Result<Vec<Row>> {
    let mut prepared = transaction.prepare_cached(&numbered(&query.sql))?;
    let columns = prepared.column_count();
    let rows = prepared.query_map(rusqlite::params_from_iter(&query.values), |row| {
        let values = (0..columns).map(|column| row.get_ref(column).map(value));
        values.collect::<rusqlite::Result<Vec<_>>>().map(Row::new)
    })?;
    rows.collect()
}

/// Rows that a statement has written, or found.
fn hits(transaction: &Transaction<'_>, statement: &Statement) -> rusqlite::Result<usize> {
    let mut prepared = transaction.prepare_cached(&numbered(&statement.sql))?;
    let values = rusqlite::params_from_iter(&statement.values);
    if prepared.column_count() == 0 {
        return prepared.execute(values);
    }
    prepared.exists(values).map(usize::from)
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Integer(number) => Value::Int(number),
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
        // The tables are strict, and none has a column of this type.
        ValueRef::Null | ValueRef::Real(_) => Value::Null,
    }
}

/// What a statement's failure means; `unique` is the field that a unique index is about.
fn refusal(error: &rusqlite::Error, unique: &'static str) -> ControlError {
    use rusqlite::ffi::{
        SQLITE_CONSTRAINT_FOREIGNKEY, SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_UNIQUE,
    };
    match error.sqlite_error().map(|inner| inner.extended_code) {
        Some(SQLITE_CONSTRAINT_UNIQUE | SQLITE_CONSTRAINT_PRIMARYKEY) => {
            ControlError::Conflict { field: unique }
        }
        Some(SQLITE_CONSTRAINT_FOREIGNKEY) => ControlError::NotFound("reference"),
        _ => failure(error),
    }
}

fn failure(error: &rusqlite::Error) -> ControlError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => ControlError::Busy,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            ControlError::Corrupt(error.to_string())
        }
        _ => ControlError::Unavailable(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const WAIT: Duration = Duration::from_secs(5);

    #[tokio::test]
    async fn only_the_owner_may_read_the_file_and_its_log() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control.db");
        let _store = SqliteStore::open(&path, WAIT).await.unwrap();
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{}", entry.path().display());
        }
    }

    #[tokio::test]
    async fn a_file_that_is_no_database_is_damaged_and_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control.db");
        std::fs::write(&path, "this is no database, ".repeat(100)).unwrap();
        let error = SqliteStore::open(&path, WAIT).await.unwrap_err();
        assert!(matches!(&error, ControlError::Corrupt(message) if message.contains("control.db")));
    }
}
