//! The warehouse: ClickHouse over its HTTP interface, embedded or not.
//!
//! - `schema` brings the tables to this version and keeps their retention; the SQL is in `schema/`.
//! - `backfill` fills rollups anew from raw rows.
//! - `insert` sends one batch as one insert with one deduplication token, and says of every failure
//!   whether sending the same bytes again can help.
//! - `select` has statements with bound parameters only. `question` asks them: so many at once, and none for a time when
//!   it keeps failing (`breaker`), by the question, not by the statement. `slow` remembers the slowest.
//!
//! The connection can change at run time, because the embedded engine picks a new port at each start. A
//! warehouse without a connection refuses everything as unavailable; [`Warehouse::connections`] tells who
//! wants to wait for one. Nothing is cached here.

mod backfill;
mod failure;
mod insert;
mod question;
mod schema;
mod select;
mod slow;

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use clickhouse::{Client, Compression};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::ClientConfig;
use tokio::sync::{Semaphore, watch};

use crate::breaker::{Circuit, CircuitStatus, Limits};
use crate::config::{BreakerConfig, Secret};
use crate::domain::connection::Connection;
use crate::tls;

pub use backfill::{BackfillError, BackfillPlan};
pub use insert::{Insert, InsertError};
pub use question::Question;
pub use schema::{MigrateError, Migrated, Retention};
pub use select::{Parameter, SelectError, Statement};
pub use slow::SlowQuery;

use slow::SlowQueries;

/// Time in which a TCP connection must come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// ClickHouse closes an idle connection after 3 s (its default); we let go first.
const IDLE_TIMEOUT: Duration = Duration::from_secs(2);

/// The warehouse; clones share the connection.
#[derive(Clone, Debug)]
pub struct Warehouse {
    link: Arc<watch::Sender<Option<Arc<Link>>>>,
    query_timeout: Duration,
    /// Places for questions that are asked at once: ClickHouse refuses what is beyond its own.
    places: Arc<Semaphore>,
    circuit: Circuit,
    slow: SlowQueries,
    counts: Arc<Counts>,
}

/// Queries since the start.
#[derive(Debug, Default)]
struct Counts {
    answered: AtomicU64,
    failed: AtomicU64,
}

/// Queries since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryCounts {
    /// Those that have an answer.
    pub answered: u64,
    /// Those that ClickHouse was asked and that have none.
    pub failed: u64,
}

/// Questions at once where nobody says.
const QUERIES_MAX: usize = 4;

/// One connection's client, with what is derived from it.
struct Link {
    /// Writes, and migrates.
    writer: Client,
    /// Asks on behalf of others.
    reader: Client,
    database: String,
    /// LZ4 pays off on a network and costs on loopback.
    compression: Compression,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link")
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}

impl Warehouse {
    /// A warehouse, connected or not yet. `query_timeout` bounds every query (not inserts).
    #[must_use]
    pub fn new(connection: Option<Connection>, query_timeout: Duration) -> Self {
        let link = connection.map(|connection| Arc::new(Link::new(connection, query_timeout)));
        Self {
            link: Arc::new(watch::Sender::new(link)),
            query_timeout,
            places: Arc::new(Semaphore::new(QUERIES_MAX)),
            circuit: Circuit::new("warehouse", Limits::from(&BreakerConfig::default())),
            slow: SlowQueries::default(),
            counts: Arc::default(),
        }
    }

    /// The same with so many questions at once, left alone by these rules when it keeps failing.
    #[must_use]
    pub fn with_limits(self, queries_max: usize, breaker: &BreakerConfig) -> Self {
        Self {
            places: Arc::new(Semaphore::new(queries_max)),
            circuit: Circuit::new("warehouse", Limits::from(breaker)),
            ..self
        }
    }

    /// Uses this connection from now on; what is under way ends on the old one.
    pub fn connect(&self, connection: Connection) {
        self.link
            .send_replace(Some(Arc::new(Link::new(connection, self.query_timeout))));
        // What has failed was the old one.
        self.circuit.close();
    }

    /// There is no warehouse until the next [`connect`](Self::connect).
    pub fn disconnect(&self) {
        self.link.send_replace(None);
    }

    /// Tells when the connection changes, and whether there is one.
    #[must_use]
    pub fn connections(&self) -> Connections {
        Connections(self.link.subscribe())
    }

    /// Asks for a sign of life.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn ping(&self) -> Result<(), SelectError> {
        let one: Vec<u8> = self.select(&Statement::new("SELECT toUInt8(1)")).await?;
        debug_assert_eq!(one, [1]);
        Ok(())
    }

    /// Name of the database, for a parameter of type `Identifier`.
    ///
    /// # Errors
    /// There is no connection.
    pub fn database_name(&self) -> Result<String, SelectError> {
        Ok(self.connected()?.database.clone())
    }

    /// How the circuit before questions stands.
    #[must_use]
    pub fn circuit(&self) -> CircuitStatus {
        self.circuit.status()
    }

    /// The ten slowest questions above 100 ms of the last hour, the slowest first.
    #[must_use]
    pub fn slow_queries(&self) -> Vec<SlowQuery> {
        self.slow.list()
    }

    /// How often ClickHouse was asked.
    #[must_use]
    pub fn queries(&self) -> QueryCounts {
        QueryCounts {
            answered: self.counts.answered.load(Ordering::Relaxed),
            failed: self.counts.failed.load(Ordering::Relaxed),
        }
    }

    fn link(&self) -> Option<Arc<Link>> {
        self.link.borrow().clone()
    }
}

/// A watcher of the warehouse's connection.
#[derive(Clone, Debug)]
pub struct Connections(watch::Receiver<Option<Arc<Link>>>);

impl Connections {
    /// Waits until there is a connection; at once when there is one. Marks it as seen. Waits for ever when
    /// the warehouse is gone.
    pub async fn connected(&mut self) {
        if self.0.wait_for(Option::is_some).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Waits until the connection is another one than the last that this watcher saw.
    pub async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// True while there is a connection.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.0.borrow().is_some()
    }
}

impl Link {
    fn new(connection: Connection, query_timeout: Duration) -> Self {
        let compression = if is_loopback(&connection.url) {
            Compression::None
        } else {
            Compression::Lz4
        };
        let client = new_client(&connection)
            .with_url(&connection.url)
            .with_compression(compression);
        // The server gives up shortly before we do, so that its word reaches us.
        let server_seconds = (query_timeout.as_secs_f64() * 0.95).max(0.1);
        let (reader, reader_password) = connection.reader();
        let mut reading = with_credentials(client.clone(), reader, reader_password)
            // An exception in mid-answer becomes a status instead of a cut body.
            .with_setting("wait_end_of_query", "1")
            .with_setting("cancel_http_readonly_queries_on_client_close", "1")
            .with_setting("max_execution_time", format!("{server_seconds:.3}"));
        if reader == connection.user {
            // No user that can only read: then the query itself says that it only reads.
            reading = reading.with_setting("readonly", "2");
        }
        Self {
            writer: with_credentials(client, &connection.user, &connection.password),
            reader: reading,
            database: connection.database,
            compression,
        }
    }
}

fn with_credentials(client: Client, user: &str, password: &Secret) -> Client {
    let client = client.with_user(user);
    if password.is_empty() {
        client
    } else {
        client.with_password(password.reveal())
    }
}

/// The `clickhouse` crate's own HTTP client leaves Nagle's algorithm on, which costs 40 ms an insert.
fn new_client(connection: &Connection) -> Client {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
    connector.set_keepalive(Some(Duration::from_secs(60)));
    let mut builder = HttpClient::builder(TokioExecutor::new());
    builder.pool_idle_timeout(IDLE_TIMEOUT);
    let client = match encryption(connection) {
        Some(tls) => {
            connector.enforce_http(false);
            let connector = HttpsConnectorBuilder::new()
                .with_tls_config(tls)
                .https_only()
                .enable_http1()
                .wrap_connector(connector);
            Client::with_http_client(builder.build(connector))
        }
        None => Client::with_http_client(builder.build(connector)),
    };
    client.with_product_info("fresnel", env!("CARGO_PKG_VERSION"))
}

/// How the way is encrypted; none for `http`. A file of certificates that cannot be used is told, and then only the
/// system's are believed: that lets nobody in who should not be.
fn encryption(connection: &Connection) -> Option<ClientConfig> {
    if !connection.url.starts_with("https://") {
        return None;
    }
    let with_file = tls::client_config(&connection.ca_file).or_else(|error| {
        tracing::error!(%error, "setting warehouse.ca_file cannot be used");
        tls::client_config(Path::new(""))
    });
    with_file
        .inspect_err(|error| tracing::error!(%error, "no way to the warehouse"))
        .ok()
}

fn is_loopback(url: &str) -> bool {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = authority.split(['/', '?']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(bracketed) => bracketed.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Quotes a name for SQL.
fn quote_identifier(name: &str) -> String {
    format!("`{}`", name.replace('\\', "\\\\").replace('`', "\\`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_this_machine_count_as_loopback() {
        for url in [
            "http://127.0.0.1:8123",
            "http://localhost:1",
            "http://[::1]:8123/x",
            "http://127.9.9.9",
        ] {
            assert!(is_loopback(url), "{url}");
        }
        for url in [
            "http://10.0.0.1:8123",
            "http://clickhouse:8123",
            "http://localhost.example.com",
            "http://[2001:db8::1]:1",
        ] {
            assert!(!is_loopback(url), "{url}");
        }
    }

    #[test]
    fn a_name_cannot_end_its_quotes() {
        assert_eq!(quote_identifier("a`b\\"), "`a\\`b\\\\`");
    }

    #[test]
    fn debug_output_holds_no_password() {
        let warehouse = Warehouse::new(
            Some(Connection::new(
                "http://127.0.0.1:1".to_owned(),
                "fresnel".to_owned(),
                Secret::new("hunter2-hunter2".to_owned()),
                "fresnel".to_owned(),
            )),
            Duration::from_secs(1),
        );
        assert!(!format!("{warehouse:?}").contains("hunter2"));
    }
}
