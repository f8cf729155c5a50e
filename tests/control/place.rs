//! Where a test's control data is: a folder with SQLite's file, or a database of the tests' own Postgres.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};

use fresnel::config::{ControlConfig, Secret};
use fresnel::control::{Control, SQLITE_FILE_NAME};
use tempfile::TempDir;
use tokio_postgres::NoTls;

/// A Postgres. Its shell ends it when our end of the pipe closes.
pub(super) struct Cluster {
    folder: String,
    _shell: Child,
}

/// The Postgres of all tests of this process.
fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| Cluster::start(&[]))
}

impl Cluster {
    /// Starts one; the variables are those of `cluster.sh`.
    pub(super) fn start(variables: &[(&str, String)]) -> Self {
        let mut shell = Command::new("sh")
            .args(["-c", include_str!("cluster.sh")])
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell can be started");
        let mut folder = String::new();
        let answer = shell.stdout.take().expect("a pipe");
        BufReader::new(answer)
            .read_line(&mut folder)
            .expect("the shell answers");
        let folder = folder.trim().to_owned();
        assert!(!folder.is_empty(), "Postgres did not start; see above");
        Self {
            folder,
            _shell: shell,
        }
    }

    fn url(&self, database: &str) -> String {
        format!(
            "postgres://fresnel@{}/{database}",
            self.folder.replace('/', "%2F")
        )
    }
}

/// One test's own place for control data.
pub(super) struct Place {
    pub(super) config: ControlConfig,
    folder: TempDir,
}

impl Place {
    pub(super) fn sqlite() -> Self {
        Self {
            config: ControlConfig::default(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// A new database.
    pub(super) async fn postgres() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let database = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let statement = format!("CREATE DATABASE {database}");
        // Postgres copies its template for each, and refuses when another one is at it.
        let client = postgres_client(&cluster().url("postgres")).await;
        loop {
            let _alone = ONE_AT_A_TIME.try_lock();
            if _alone.is_ok() {
                client.batch_execute(&statement).await.unwrap();
                break;
            }
            tokio::task::yield_now().await;
        }
        Self {
            config: ControlConfig {
                url: Secret::new(cluster().url(&database)),
                ..ControlConfig::default()
            },
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(super) fn is_postgres(&self) -> bool {
        !self.config.url.is_empty()
    }

    /// Opens the store as one more node, or process, would.
    pub(super) async fn open(&self) -> Control {
        Control::open(&self.config, self.folder.path()).await.unwrap()
    }

    /// Runs SQL past the store.
    pub(super) async fn execute(&self, sql: &str) {
        if self.is_postgres() {
            self.client().await.batch_execute(sql).await.unwrap();
        } else {
            self.sqlite_file().execute_batch(sql).unwrap();
        }
    }

    /// A number, asked past the store.
    pub(super) async fn number(&self, sql: &str) -> i64 {
        if self.is_postgres() {
            self.client().await.query_one(sql, &[]).await.unwrap().get(0)
        } else {
            self.sqlite_file().query_row(sql, [], |row| row.get(0)).unwrap()
        }
    }

    /// A connection to the database past the pool.
    pub(super) async fn client(&self) -> tokio_postgres::Client {
        postgres_client(self.config.url.reveal()).await
    }

    /// A connection to the file past the store.
    pub(super) fn sqlite_file(&self) -> rusqlite::Connection {
        let file = rusqlite::Connection::open(self.folder.path().join(SQLITE_FILE_NAME)).unwrap();
        file.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
        file
    }
}

async fn postgres_client(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    fresnel::task::spawn("a test's connection", async move {
        // Ended by the server in tests about that.
        let _ = connection.await;
    });
    client
}

/// Runs a test's work on a runtime of its own.
pub(super) fn on_runtime(work: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(work);
}

/// Makes a test for each store out of each function.
macro_rules! on_both_stores {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[test]
            fn $name() {
                crate::control::place::on_runtime(async { super::$name(crate::control::place::Place::sqlite()).await });
            })+
        }
        mod postgres {
            $(#[test]
            fn $name() {
                crate::control::place::on_runtime(async { super::$name(crate::control::place::Place::postgres().await).await });
            })+
        }
    };
}
pub(super) use on_both_stores;
