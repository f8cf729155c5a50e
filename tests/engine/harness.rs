//! Starts engines on folders of their own, through the real supervisor.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clickhouse::Client;
use fresnel::config::Config;
use fresnel::domain::connection::Connection;
use fresnel::engine::run_child;
use fresnel::engine::supervisor::{EngineStatus, Supervisor};
use tokio::time::{Instant, sleep};

/// Set for a process of this program that is to be an engine; its value is the data folder.
const ENGINE_DATA_DIR: &str = "FRESNEL_TEST_ENGINE_DATA_DIR";

/// Longest that anything here may take on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

const POLL_PAUSE: Duration = Duration::from_millis(10);

/// Runs the engine instead of a test, when a test has started this process for that.
pub(crate) fn be_the_engine_if_asked() {
    if let Some(data_dir) = std::env::var_os(ENGINE_DATA_DIR) {
        let mut config = config();
        config.data_dir = PathBuf::from(data_dir);
        run_child(&config).unwrap();
    }
}

fn config() -> Config {
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let ours = environment.filter(|(name, _)| name == "FRESNEL_ENGINE__LIBRARY");
    Config::load(None, ours).unwrap()
}

/// An engine on a new data folder, kept by a supervisor of its own.
pub(crate) struct Engine {
    supervisor: Supervisor,
    _data_dir: tempfile::TempDir,
}

impl Engine {
    /// Starts one and waits until it is ready.
    pub(crate) async fn start() -> Self {
        let data_dir = tempfile::tempdir().unwrap();
        let args = ["-q", "--exact", "engine_process", "--nocapture"].map(OsString::from);
        // `env` carries the variable to the child alone.
        let mut command = vec![
            OsString::from(format!("{ENGINE_DATA_DIR}={}", data_dir.path().display())),
            std::env::current_exe().unwrap().into_os_string(),
        ];
        command.extend(args);
        let supervisor = Supervisor::start(
            &config().engine,
            data_dir.path(),
            PathBuf::from("/usr/bin/env"),
            command,
        )
        .unwrap();
        let engine = Self {
            supervisor,
            _data_dir: data_dir,
        };
        engine.until_ready().await;
        engine
    }

    pub(crate) async fn until_ready(&self) -> Connection {
        let start = Instant::now();
        while start.elapsed() < DEADLINE {
            if let Some(connection) = self.connection() {
                return connection;
            }
            sleep(POLL_PAUSE).await;
        }
        panic!("the engine is not ready: {:?}", self.status());
    }

    pub(crate) fn connection(&self) -> Option<Connection> {
        self.supervisor.connection().borrow().clone()
    }

    pub(crate) fn status(&self) -> EngineStatus {
        self.supervisor.status()
    }

    /// The official client, as Fresnel's own user.
    pub(crate) fn client(&self) -> Client {
        let connection = self.connection().unwrap();
        Client::default()
            .with_url(&connection.url)
            .with_user(&connection.user)
            .with_password(connection.password.reveal())
            .with_database(&connection.database)
    }

    /// Kills the engine's process as a crash would.
    pub(crate) fn kill(&self) {
        let pid = i32::try_from(self.status().pid.unwrap()).unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    }

    pub(crate) async fn stop(self) {
        self.supervisor.stop().await;
    }
}

/// Waits for something to be there.
pub(crate) async fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < DEADLINE, "not within {DEADLINE:?}: {what}");
        sleep(POLL_PAUSE).await;
    }
}
