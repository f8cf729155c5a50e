//! Control data: projects, keys, users, issuers of JWTs, quota overrides, sessions, what people add to dashboards, rules and
//! alerts, and the audit log.
//!
//! ```text
//! api, cli ─► Control (operations) ─► change = revision + statements + audit entry ─► ControlStore ─► SQLite | Postgres
//!                 │                                                                        │
//! ingest ─► directory(): Arc<Directory> ◄── after each own change, and once a second if the revision moved
//! ```
//!
//! - [`Control`] is what everyone else sees: typed operations, each change naming [`By`] whom it is made.
//! - A [`ControlStore`] is one database. Where the two differ (connections, transactions, failures, types) stands in
//!   [`sqlite`] and [`postgres`]; the statements are the same for both, and one suite of tests runs against both.
//! - The [`Directory`] is an immutable picture of what beacons need (keys, projects, overrides, users). It is read
//!   without a lock and without I/O; a store that is gone leaves the last picture standing.
//!
//! ## What is promised
//!
//! - A change and its audit entry are one transaction: both are there, or neither.
//! - Changes stand in one order, that of the revision: each begins by raising it, which makes the others wait.
//!   So a rule like "there is always an instance owner" holds under any concurrency.
//! - A change that failed with [`ControlError::Unavailable`] may have been made all the same, when the connection
//!   was lost at the commit. Every other failure means that nothing was changed.
//! - On this node a change acts when its call returns; on others, and for changes by the command line, within
//!   about a second.
//! - Secrets are made here, shown once, and kept as SHA-256 sums.

mod alerting;
mod audit;
mod change;
mod deploys;
mod directory;
mod error_states;
mod integrations;
mod issuers;
mod keys;
mod overrides;
mod passwords;
pub mod postgres;
mod projects;
mod retention;
mod rows;
mod seed;
mod sessions;
pub mod sqlite;
mod statement;
mod tokens;
mod users;
mod vendors;
mod views;
mod whole;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use futures_util::future::BoxFuture;
use tokio::sync::watch;

use crate::config::ControlConfig;
use crate::domain::field_error::FieldError;
use crate::domain::page::{Page, PageRequest};
use crate::task;

pub use crate::domain::account::{By, new_secret, sha256};
pub use alerting::{
    AlertBook, AlertFilter, AlertStateFilter, AlertWrite, DayCount, DeliveryFilter, Lease, NewChannel,
    OpenAlert, RuleState, Settled, Standing, StoredChannel, Telling,
};
pub use audit::AuditFilter;
pub use change::Change;
pub use deploys::{DeployFilter, NewDeploy};
pub use directory::{Directory, Integrations, KeyEntry, ProjectEntry, Subject, UserEntry};
pub use integrations::NewIntegration;
pub use keys::{KeyChange, NewKey};
pub use retention::Pruned;
pub use seed::{BOOTSTRAP_USER_EMAIL, BOOTSTRAP_USER_ID, Seed};
pub use statement::{Row, Statement, Step, Value};
pub use users::{LoginUser, Member, NewUser, UserChange};
pub use vendors::NewMaintenanceWindow;
pub use views::NewView;
pub use whole::{Edit, Inventory};

/// The database file of SQLite, in the data folder.
pub const SQLITE_FILE_NAME: &str = "control.db";
/// How often it is asked whether someone else has changed something.
const POLL_EVERY: Duration = Duration::from_secs(1);

/// Why something cannot be read or changed. The texts of `Unavailable` and `Corrupt` are for logs, not for clients.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// It is not there, or belongs to another project.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// A value is in use, the revision has moved on, or a rule about the whole stands against it.
    #[error("the change is in conflict with what is there ({field})")]
    Conflict {
        /// The field; `revision` when someone else was faster.
        field: &'static str,
    },
    /// Fields are outside their limits.
    #[error("{} fields are wrong", .0.len())]
    Invalid(Vec<FieldError>),
    /// There are as many as there may be.
    #[error("there are {max} {what} already, which is the most")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there may be.
        max: u32,
    },
    /// All connections were in use, or another change was under way, for the whole wait. Nothing was changed.
    #[error("the control store is busy")]
    Busy,
    /// The database cannot be reached or refuses; a change may have been made or not.
    #[error("the control store is not available: {0}")]
    Unavailable(String),
    /// The database holds what no version of this program has written.
    #[error("the control store is damaged: {0}")]
    Corrupt(String),
}

/// A database of control data.
///
/// Implementations promise: the queries of one [`read`](Self::read) see one state; the steps of one
/// [`change`](Self::change) are made together and durably, or not at all; a change that must wait for another
/// longer than the configured time is [`ControlError::Busy`]; a future that is dropped leaves no transaction open.
pub trait ControlStore: std::fmt::Debug + Send + Sync {
    /// Name for logs: `sqlite` or `postgres`.
    fn name(&self) -> &'static str;

    /// Asks queries in one snapshot; the answer has the rows of each.
    fn read(&self, queries: Vec<Statement>) -> BoxFuture<'_, Result<Vec<Vec<Row>>, ControlError>>;

    /// Makes all steps in one transaction, in their order. Ends with the first that fails.
    fn change(&self, steps: Vec<Step>) -> BoxFuture<'_, Result<(), ControlError>>;
}

/// The control data of this installation. A clone is cheap and is the same.
#[derive(Clone, Debug)]
pub struct Control {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    store: Box<dyn ControlStore>,
    directory: ArcSwap<Directory>,
    alert_book: watch::Sender<Arc<AlertBook>>,
    refresh: directory::Refresh,
    listener: directory::Listener,
    kept_days: retention::KeptDays,
}

impl Control {
    /// Opens the store that the settings name, brings its tables up to date, makes the project `default` when it
    /// is not there, and keeps the directory fresh from then on. Several processes may do so at once.
    ///
    /// # Errors
    /// The store cannot be opened, or is damaged.
    pub async fn open(config: &ControlConfig, data_dir: &Path) -> Result<Self, ControlError> {
        let wait = Duration::from_millis(config.pool_wait_ms);
        let store: Box<dyn ControlStore> = if config.url.is_empty() {
            Box::new(sqlite::SqliteStore::open(&data_dir.join(SQLITE_FILE_NAME), wait).await?)
        } else {
            Box::new(
                postgres::PostgresStore::open(&config.url, &config.ca_file, config.pool_max, wait).await?,
            )
        };
        let control = Self {
            inner: Arc::new(Inner {
                store,
                directory: ArcSwap::default(),
                alert_book: watch::Sender::default(),
                refresh: directory::Refresh::default(),
                listener: directory::Listener::default(),
                kept_days: retention::KeptDays::of(config),
            }),
        };
        control.ensure_default_project().await?;
        control.refresh().await?;
        let weak = Arc::downgrade(&control.inner);
        task::spawn("control poll", directory::keep_fresh(weak));
        tracing::debug!(store = control.inner.store.name(), "the control store is open");
        Ok(control)
    }

    /// What beacons and requests are judged by, as it is now. It is a picture: ask again for the next request.
    #[must_use]
    pub fn directory(&self) -> Arc<Directory> {
        self.inner.directory.load_full()
    }

    /// Looks something up in the directory as it is now. Unlike [`directory`](Self::directory) it leaves the count of
    /// those who hold the picture alone, which all workers share: beacons come this way.
    pub fn look_up<T>(&self, look: impl FnOnce(&Directory) -> T) -> T {
        look(&self.inner.directory.load())
    }

    /// What alerts are judged by, from now on.
    #[must_use]
    pub fn alert_book(&self) -> watch::Receiver<Arc<AlertBook>> {
        self.inner.alert_book.subscribe()
    }

    async fn rows(&self, query: Statement) -> Result<Vec<Row>, ControlError> {
        let answers = self.inner.store.read(vec![query]).await?;
        Ok(answers.into_iter().flatten().collect())
    }

    /// The first row of an answer.
    async fn one<T>(
        &self,
        query: Statement,
        read: impl FnOnce(&mut Row) -> Result<T, ControlError>,
    ) -> Result<Option<T>, ControlError> {
        let row = self.rows(query).await?.into_iter().next();
        row.map(|mut row| read(&mut row)).transpose()
    }

    /// A page of a list: `columns` of `from` in the order `order`.
    async fn page<T>(
        &self,
        list: &List,
        request: PageRequest,
        mut read: impl FnMut(&mut Row) -> Result<T, ControlError>,
    ) -> Result<Page<T>, ControlError> {
        let List {
            columns,
            from,
            order,
            values,
        } = list;
        let next = values.len() + 1;
        let mut list_values = values.clone();
        list_values.push(request.limit().into());
        list_values.push(i64::try_from(request.offset()).unwrap_or(i64::MAX).into());
        let queries = vec![
            Statement::new(format!("SELECT count(*) FROM {from}"), values.clone()),
            Statement::new(
                format!(
                    "SELECT {columns} FROM {from} ORDER BY {order} LIMIT ${next} OFFSET ${}",
                    next + 1
                ),
                list_values,
            ),
        ];
        let mut answers = self.inner.store.read(queries).await?.into_iter();
        let count = answers.next().and_then(|rows| rows.into_iter().next());
        let total = count.map_or(Ok(0), |mut row| row.int())?;
        let rows = answers.next().unwrap_or_default();
        let items = rows.into_iter().map(|mut row| read(&mut row));
        let items = items.collect::<Result<Vec<T>, _>>()?;
        Ok(Page::new(items, u64::try_from(total).unwrap_or(0), request))
    }
}

/// A list that is read in pages.
struct List {
    columns: &'static str,
    from: std::borrow::Cow<'static, str>,
    order: &'static str,
    values: Vec<Value>,
}

/// Refuses when there are faults.
fn check(faults: Vec<FieldError>) -> Result<(), ControlError> {
    if faults.is_empty() {
        Ok(())
    } else {
        Err(ControlError::Invalid(faults))
    }
}
