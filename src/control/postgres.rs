//! The control store in a Postgres database, which several nodes may share.
//!
//! Connections come from a pool; each refuses to wait for a lock longer than the configured time, and to run or to
//! idle in a transaction for ever. The way is encrypted when the address asks for it.

mod address;
mod values;

use std::path::Path;
use std::time::Duration;

use deadpool_postgres::{
    Hook, HookError, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime, TimeoutType,
    Transaction,
};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio_postgres::IsolationLevel;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;

use super::{ControlError, ControlStore, Row, Statement, Step, Value};
use crate::config::Secret;
use address::Address;

mod migrations {
    refinery::embed_migrations!("migrations/postgres");
}

/// Who holds this lock makes migrations; the others wait. The number says nothing but "Fresnel".
const MIGRATION_LOCK: i64 = 0x4672_6573_6e65_6c31;
/// Longest time of one statement.
const STATEMENT_MAX: Duration = Duration::from_secs(10);
/// Longest time of one read or change beside its waits, whatever becomes of the network.
const WORK_MAX: Duration = Duration::from_secs(15);

/// The database, through a pool.
#[derive(Debug)]
pub struct PostgresStore {
    pool: Pool,
    wait: Duration,
}

impl PostgresStore {
    /// Connects, and brings the tables up to date. Certificates in `ca_file` are believed beside the system's; `wait` is
    /// the longest time that is waited for a connection and for the changes of others.
    ///
    /// # Errors
    /// The address is none, the file cannot be used, or the database cannot be reached in the way that is asked for.
    pub async fn open(
        url: &Secret,
        ca_file: &Path,
        pool_max: usize,
        wait: Duration,
    ) -> Result<Self, ControlError> {
        let address = Address::parse(url, ca_file)?;
        migrate(&address).await?;
        let manager = address.manager(ManagerConfig {
            // One that died while it was idle is found before it is used.
            recycling_method: RecyclingMethod::Verified,
        });
        let limits = format!(
            "SET statement_timeout = {}; SET lock_timeout = {}; SET idle_in_transaction_session_timeout = {}",
            STATEMENT_MAX.max(2 * wait).as_millis(),
            wait.as_millis(),
            WORK_MAX.as_millis(),
        );
        let pool = Pool::builder(manager)
            .max_size(pool_max)
            .wait_timeout(Some(wait))
            .create_timeout(Some(wait))
            .recycle_timeout(Some(wait))
            .runtime(Runtime::Tokio1)
            .post_create(Hook::async_fn(move |client, _| {
                let limits = limits.clone();
                Box::pin(async move { client.batch_execute(&limits).await.map_err(HookError::Backend) })
            }))
            .build()
            .map_err(|error| ControlError::Unavailable(error.to_string()))?;
        Ok(Self { pool, wait })
    }

    async fn connection(&self) -> Result<Object, ControlError> {
        self.pool.get().await.map_err(|error| match error {
            PoolError::Timeout(TimeoutType::Wait) => ControlError::Busy,
            PoolError::Timeout(_) => ControlError::Unavailable("Postgres does not answer".to_owned()),
            PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error)) => {
                failure(&error)
            }
            other => ControlError::Unavailable(other.to_string()),
        })
    }

    /// Bounds work with a connection; the pool's own wait comes on top.
    async fn in_time<T>(
        &self,
        work: impl Future<Output = Result<T, ControlError>>,
    ) -> Result<T, ControlError> {
        match tokio::time::timeout(self.wait + WORK_MAX, work).await {
            Ok(outcome) => outcome,
            Err(_) => Err(ControlError::Unavailable("Postgres does not answer".to_owned())),
        }
    }

    async fn read_in_snapshot(&self, queries: Vec<Statement>) -> Result<Vec<Vec<Row>>, ControlError> {
        let mut connection = self.connection().await?;
        let snapshot = connection
            .build_transaction()
            .isolation_level(IsolationLevel::RepeatableRead)
            .read_only(true)
            .start()
            .await
            .map_err(|error| failure(&error))?;
        let mut answers = Vec::with_capacity(queries.len());
        for query in &queries {
            let rows = rows(&snapshot, query).await.map_err(|error| failure(&error))?;
            answers.push(rows);
        }
        snapshot.commit().await.map_err(|error| failure(&error))?;
        Ok(answers)
    }

    async fn change_at_once(&self, steps: Vec<Step>) -> Result<(), ControlError> {
        let mut connection = self.connection().await?;
        let transaction = connection.transaction().await.map_err(|error| failure(&error))?;
        for step in steps {
            let hit = hits(&transaction, &step.statement)
                .await
                .map_err(|error| refusal(&error, step.unique))?;
            if let (0, Some(error)) = (hit, step.otherwise) {
                // Not left to the drop, so that the next user of the connection finds it free.
                transaction.rollback().await.map_err(|error| failure(&error))?;
                return Err(error);
            }
        }
        transaction.commit().await.map_err(|error| failure(&error))
    }
}

impl ControlStore for PostgresStore {
    fn name(&self) -> &'static str {
        "postgres"
    }

    fn read(&self, queries: Vec<Statement>) -> BoxFuture<'_, Result<Vec<Vec<Row>>, ControlError>> {
        self.in_time(self.read_in_snapshot(queries)).boxed()
    }

    fn change(&self, steps: Vec<Step>) -> BoxFuture<'_, Result<(), ControlError>> {
        self.in_time(self.change_at_once(steps)).boxed()
    }
}

/// Brings the tables up to date on a connection of its own; nodes that start together take turns.
async fn migrate(address: &Address) -> Result<(), ControlError> {
    let (mut client, connection) = address.connect("control migration").await?;
    // The lock belongs to the connection: it ends with it, whatever happens.
    client
        .batch_execute("SET lock_timeout = '60s'")
        .await
        .map_err(|error| failure(&error))?;
    client
        .execute("SELECT pg_advisory_lock($1)", &[&MIGRATION_LOCK])
        .await
        .map_err(|error| failure(&error))?;
    let outcome = migrations::migrations::runner().run_async(&mut client).await;
    drop(client);
    // Waited for, so that the next one finds the lock free.
    let _ = connection.await;
    outcome.map(|_| ()).map_err(|error| {
        let message =
            std::error::Error::source(&error).map_or_else(String::new, |source| format!(": {source}"));
        ControlError::Unavailable(format!("migrations: {error}{message}"))
    })
}

fn parameters(values: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    values.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

async fn rows(transaction: &Transaction<'_>, query: &Statement) -> Result<Vec<Row>, tokio_postgres::Error> {
    let prepared = transaction.prepare_cached(&query.sql).await?;
    let rows = transaction.query(&prepared, &parameters(&query.values)).await?;
    let row = |row: tokio_postgres::Row| {
        let values = (0..row.len()).map(|column| row.try_get(column));
        values.collect::<Result<Vec<Value>, _>>().map(Row::new)
    };
    rows.into_iter().map(row).collect()
}

/// Rows that a statement has written, or found.
async fn hits(transaction: &Transaction<'_>, statement: &Statement) -> Result<u64, tokio_postgres::Error> {
    let prepared = transaction.prepare_cached(&statement.sql).await?;
    transaction
        .execute(&prepared, &parameters(&statement.values))
        .await
}

/// What a statement's failure means; `unique` is the field that a unique index is about.
fn refusal(error: &tokio_postgres::Error, unique: &'static str) -> ControlError {
    match error.code() {
        Some(code) if *code == SqlState::UNIQUE_VIOLATION => ControlError::Conflict { field: unique },
        Some(code) if *code == SqlState::FOREIGN_KEY_VIOLATION => ControlError::NotFound("reference"),
        _ => failure(error),
    }
}

fn failure(error: &tokio_postgres::Error) -> ControlError {
    const TRY_AGAIN: [SqlState; 4] = [
        SqlState::LOCK_NOT_AVAILABLE,
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::TOO_MANY_CONNECTIONS,
    ];
    const DAMAGED: [SqlState; 2] = [SqlState::DATA_CORRUPTED, SqlState::INDEX_CORRUPTED];
    // The database's own words say more than the client's "db error".
    let message = error.as_db_error().map_or_else(
        || {
            let cause = std::error::Error::source(error);
            cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
        },
        |said| said.message().to_owned(),
    );
    match error.code() {
        Some(code) if TRY_AGAIN.contains(code) => ControlError::Busy,
        Some(code) if DAMAGED.contains(code) => ControlError::Corrupt(message),
        _ => ControlError::Unavailable(message),
    }
}
