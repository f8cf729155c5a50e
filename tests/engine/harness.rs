//! Starts engines on folders of their own: through the real supervisor, or as bare processes.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use clickhouse::Client;
use fresnel::config::EngineConfig;
use fresnel::domain::connection::Connection;
use fresnel::engine::supervisor::{EngineStatus, Supervisor};
use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{Instant, sleep};

/// Longest that anything here may take on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

const POLL_PAUSE: Duration = Duration::from_millis(10);

/// The real executable.
const FRESNEL: &str = env!("CARGO_BIN_EXE_fresnel");

/// Runs the executable beside other tests as their equal: behind everything else an engine gets one hundredth of a
/// machine whose other tests use all of it.
const ENV: &str = "/usr/bin/env";

fn engine_args(data_dir: &Path) -> Vec<OsString> {
    vec![
        "FRESNEL_ENGINE__NICENESS=0".into(),
        FRESNEL.into(),
        "engine".into(),
        "--data-dir".into(),
        data_dir.into(),
    ]
}

/// A service, which keeps an engine.
pub(crate) fn start_serve(data_dir: &Path) -> Child {
    Command::new(FRESNEL)
        .arg("serve")
        .arg("--data-dir")
        .arg(data_dir)
        .env("FRESNEL_SERVER__LISTEN", "127.0.0.1:0")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a service")
}

/// An engine on a new data folder, kept by a supervisor.
pub(crate) struct Engine {
    supervisor: Supervisor,
    data_dir: tempfile::TempDir,
}

impl Engine {
    /// Starts one and waits until it is ready.
    pub(crate) async fn start() -> Self {
        let engine = Self::launch();
        engine.until_ready().await;
        engine
    }

    /// Starts one and does not wait.
    pub(crate) fn launch() -> Self {
        Self::launch_on(tempfile::tempdir().expect("a temporary folder"))
    }

    /// Starts one on a folder that holds something, and does not wait.
    pub(crate) fn launch_on(data_dir: tempfile::TempDir) -> Self {
        let args = engine_args(data_dir.path());
        let supervisor = Supervisor::start(&EngineConfig::default(), data_dir.path(), ENV.into(), args)
            .expect("a supervisor");
        Self { supervisor, data_dir }
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

    pub(crate) fn data_dir(&self) -> &Path {
        self.data_dir.path()
    }

    /// The official client, as Fresnel's own user.
    pub(crate) fn client(&self) -> Client {
        let connection = self.connection().expect("a ready engine");
        client(&connection, &connection.user, connection.password.reveal())
    }

    /// The official client, as the user who may only read.
    pub(crate) fn reader(&self) -> Client {
        let connection = self.connection().expect("a ready engine");
        let (user, password) = connection.reader();
        client(&connection, user, password.reveal())
    }

    /// The official client, as the user of the library's own session.
    pub(crate) fn host_user(&self) -> Client {
        client(&self.connection().expect("a ready engine"), "default", "")
    }

    /// Kills the engine's process as a crash would.
    pub(crate) fn kill(&self) {
        self.signal(Signal::KILL);
    }

    /// Sends the engine's process a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        signal_pid(self.status().pid.expect("a process"), signal);
    }

    pub(crate) async fn stop(self) {
        self.supervisor.stop().await;
    }
}

/// The official client.
pub(crate) fn client(connection: &Connection, user: &str, password: &str) -> Client {
    Client::default()
        .with_url(&connection.url)
        .with_user(user)
        .with_password(password)
        .with_database(&connection.database)
}

/// Sends a process a signal.
pub(crate) fn signal_pid(pid: u32, signal: Signal) {
    let pid = i32::try_from(pid)
        .ok()
        .and_then(Pid::from_raw)
        .expect("a process id");
    kill_process(pid, signal).expect("a living process");
}

/// An engine's process without a supervisor, whose input this test holds.
pub(crate) struct BareEngine(pub(crate) Child);

impl BareEngine {
    pub(crate) fn start(data_dir: &Path) -> Self {
        Self::start_with_database(data_dir, "fresnel")
    }

    pub(crate) fn start_with_database(data_dir: &Path, database: &str) -> Self {
        let child = Command::new(ENV)
            .args(engine_args(data_dir))
            .env("FRESNEL_WAREHOUSE__DATABASE", database)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("an engine process");
        Self(child)
    }

    /// Waits for the line that says that the port is open.
    pub(crate) fn wait_until_listening(&mut self) {
        let output = self.0.stdout.as_mut().expect("its output");
        let ready = BufReader::new(output)
            .lines()
            .map_while(Result::ok)
            .any(|line| line == "fresnel-engine ready");
        assert!(ready, "the engine ended: {}", self.errors());
    }

    /// What it wrote to standard error until its end.
    pub(crate) fn errors(&mut self) -> String {
        let mut text = String::new();
        let stream = self.0.stderr.as_mut().expect("its errors");
        stream.read_to_string(&mut text).expect("its errors");
        text
    }
}

impl Drop for BareEngine {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether a process still has the engine's folder.
pub(crate) fn folder_is_taken(data_dir: &Path) -> bool {
    let Ok(file) = std::fs::File::open(data_dir.join("engine/lock")) else {
        return false;
    };
    flock(&file, FlockOperation::NonBlockingLockShared).is_err()
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
