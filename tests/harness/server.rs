//! `fresnel serve` as a test sees it: started, spoken to, killed, started again on the same data.

use std::fs::{File, OpenOptions};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::TempDir;

use super::http::{self, Answer, Connection, Request};
use super::options::{Options, command, temporary_folder};
use super::process::{self, Watchdog};
use super::settings;
use super::wait::{self, PATIENCE};
use super::warehouse::Warehouse;

/// The key that beacons are posted with.
pub(crate) const INGEST_KEY: &str = "ingest-key-of-the-black-box-suites";

/// The token that queries are asked with.
pub(crate) const ADMIN_TOKEN: &str = "admin-token-of-the-black-box-suites";

/// Where a server listens; stays the same object over restarts, while the port may change.
#[derive(Debug, Default)]
pub(crate) struct Target(AtomicU16);

impl Target {
    /// Address of the server's latest start.
    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.0.load(Ordering::Acquire)))
    }
}

/// A running (or killed, and soon running again) `fresnel serve`.
pub(crate) struct Fresnel {
    options: Options,
    folder: TempDir,
    data_dir: PathBuf,
    running: Option<Running>,
    target: Arc<Target>,
}

struct Running {
    child: Child,
    _watchdog: Watchdog,
}

impl Fresnel {
    /// Starts a server and waits until it is ready and has its warehouse.
    pub(crate) fn start(options: Options) -> Self {
        let mut fresnel = Self::prepare(options);
        fresnel.spawn();
        fresnel.wait_until_ready();
        fresnel.wait_until_healthy();
        fresnel
    }

    /// Starts a server and waits only until it answers at all: its warehouse may be away.
    pub(crate) fn start_unready(options: Options) -> Self {
        let mut fresnel = Self::prepare(options);
        fresnel.spawn();
        fresnel.wait_until_live();
        fresnel
    }

    /// A server that all tests of this process share, as long as one of them holds it.
    pub(crate) fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Fresnel>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = shared.upgrade() {
            return running;
        }
        // Tests that look at rows need not wait for the usual second.
        let started = Arc::new(Self::start(Options::new().set("FRESNEL_FLUSH__MAX_WAIT_MS", 50)));
        *shared = Arc::downgrade(&started);
        // Tests come and go; one more holder keeps the server until the process ends, and then the watchdog.
        std::mem::forget(Arc::clone(&started));
        started
    }

    /// A server's folders without a server.
    pub(crate) fn prepare(options: Options) -> Self {
        let folder = temporary_folder();
        let data_dir = options
            .data_dir
            .clone()
            .unwrap_or_else(|| folder.path().join("data"));
        Self {
            options,
            folder,
            data_dir,
            running: None,
            target: Arc::default(),
        }
    }

    /// The command that starts this server.
    pub(crate) fn command(&self, verb: &str) -> Command {
        let mut command = command(verb);
        if let Some(text) = &self.options.settings_file {
            let path = self.folder.path().join("fresnel.toml");
            std::fs::write(&path, text).expect("a settings file");
            command.arg("--config").arg(path);
        }
        command
            .env("FRESNEL_DATA_DIR", &self.data_dir)
            .env("FRESNEL_BOOTSTRAP__INGEST_KEY", INGEST_KEY)
            .env("FRESNEL_BOOTSTRAP__ADMIN_TOKEN", ADMIN_TOKEN)
            // All suites post from one address; those that are about quotas set their own.
            .env("FRESNEL_QUOTA__METRICS_PER_HOUR", "0")
            .env("FRESNEL_QUOTA__EVENTS_PER_HOUR", "0")
            .env("FRESNEL_QUOTA__API_PER_MINUTE", "0")
            .env("FRESNEL_QUOTA__AUTH_FAILURES_PER_MINUTE", "0")
            // Suites look again until what they have posted is there; those that are about kept answers set their own.
            .env("FRESNEL_CACHE__ENABLED", "false")
            .envs(self.options.variables.iter().cloned());
        command
    }

    /// Changes a variable for the next start.
    pub(crate) fn set(&mut self, variable: &str, value: impl ToString) {
        self.options
            .variables
            .push((variable.to_owned(), value.to_string()));
    }

    /// Starts the process and waits for nothing.
    pub(crate) fn spawn(&mut self) {
        assert!(self.running.is_none(), "already running");
        let log = self.log_for_appending();
        let child = self
            .command("serve")
            .stdout(log.try_clone().expect("the log's handle"))
            .stderr(log)
            .process_group(0)
            .spawn()
            .expect("fresnel");
        let watchdog = Watchdog::guard(child.id(), self.folder.path());
        self.running = Some(Running {
            child,
            _watchdog: watchdog,
        });
    }

    /// Waits until `/readyz` says 200.
    #[track_caller]
    pub(crate) fn wait_until_ready(&mut self) {
        self.wait_for_ok("/readyz");
    }

    /// Waits until `/livez` says 200.
    #[track_caller]
    pub(crate) fn wait_until_live(&mut self) {
        self.wait_for_ok("/livez");
    }

    /// Waits until `/api/health` says that all is well: the warehouse is there too, with its schema.
    #[track_caller]
    pub(crate) fn wait_until_healthy(&self) {
        let is_healthy = wait::within(PATIENCE, || {
            let answer = http::send(self.address(), &Request::get("/api/health")).ok()?;
            (answer.status == 200 && answer.json()["data"]["status"] == "ok").then_some(())
        });
        assert!(
            is_healthy.is_some(),
            "not healthy within {PATIENCE:?}\n{}",
            self.log_tail()
        );
    }

    #[track_caller]
    fn wait_for_ok(&mut self, path: &str) {
        let outcome = wait::within(PATIENCE, || {
            if let Some(status) = self.exit_status() {
                return Some(Err(format!("fresnel ended with {status}")));
            }
            let port = process::listening_port(self.pid())?;
            self.target.0.store(port, Ordering::Release);
            let answer = http::send(self.address(), &Request::get(path)).ok()?;
            (answer.status == 200).then_some(Ok(()))
        });
        match outcome {
            Some(Ok(())) => {}
            Some(Err(end)) => panic!("{end}\n{}", self.log_tail()),
            None => panic!("{path}: no 200 within {PATIENCE:?}\n{}", self.log_tail()),
        }
    }

    /// Starts again on the same data; gives the time until `/readyz` said 200.
    pub(crate) fn restart(&mut self) -> Duration {
        let start = Instant::now();
        self.spawn();
        self.wait_until_ready();
        start.elapsed()
    }

    /// Kills the service with SIGKILL; the engine is left to notice by itself.
    pub(crate) fn kill_service(&mut self) {
        let mut running = self.running.take().expect("a running server");
        running.child.kill().expect("to kill fresnel");
        running.child.wait().expect("fresnel's end");
    }

    /// Kills the engine with SIGKILL, if one runs; gives its pid.
    pub(crate) fn kill_engine(&self) -> Option<u32> {
        let engine = process::engine_of_service(self.pid(), &self.data_dir)?;
        process::kill(engine);
        Some(engine)
    }

    /// Kills the service and its engine with SIGKILL.
    pub(crate) fn kill_both(&mut self) {
        let engine = process::engine_of_service(self.pid(), &self.data_dir);
        self.kill_service();
        if let Some(engine) = engine {
            process::kill(engine);
        }
    }

    /// Stops the service with SIGTERM; gives its exit status and how long it took.
    pub(crate) fn stop(&mut self) -> (ExitStatus, Duration) {
        let start = Instant::now();
        process::signal(self.pid(), Signal::TERM);
        let status = wait::until("the end after SIGTERM", PATIENCE, || self.exit_status());
        self.running = None;
        (status, start.elapsed())
    }

    /// Takes note that the service has ended by itself.
    pub(crate) fn forget_ended(&mut self) {
        assert!(self.exit_status().is_some(), "still running");
        self.running = None;
    }

    /// Signals the service.
    pub(crate) fn signal(&self, signal: Signal) {
        assert!(process::signal(self.pid(), signal), "the service is gone");
    }

    /// Pid of the running engine.
    pub(crate) fn engine_pid(&self) -> Option<u32> {
        process::engine_of_service(self.pid(), &self.data_dir)
    }

    /// Pid of the service.
    #[track_caller]
    pub(crate) fn pid(&self) -> u32 {
        self.running.as_ref().expect("a running server").child.id()
    }

    /// How the service ended, if it has.
    pub(crate) fn exit_status(&mut self) -> Option<ExitStatus> {
        let running = self.running.as_mut()?;
        running.child.try_wait().expect("fresnel's status")
    }

    /// Resident memory of the service in bytes.
    #[track_caller]
    pub(crate) fn resident_bytes(&self) -> u64 {
        process::resident_bytes(self.pid()).expect("the service's memory")
    }

    /// Where to connect to.
    pub(crate) fn address(&self) -> SocketAddr {
        self.target.address()
    }

    /// Where to connect to, over restarts.
    pub(crate) fn target(&self) -> Arc<Target> {
        Arc::clone(&self.target)
    }

    /// The data folder.
    pub(crate) fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// A view into the embedded engine.
    pub(crate) fn warehouse(&self) -> Warehouse {
        Warehouse::embedded(&self.data_dir)
    }

    /// Sends a request over a connection of its own.
    #[track_caller]
    pub(crate) fn send(&self, request: &Request) -> Answer {
        match http::send(self.address(), request) {
            Ok(answer) => answer,
            Err(error) => panic!("no answer: {error}\n{}", self.log_tail()),
        }
    }

    /// Posts a JSON body with the ingest key.
    #[track_caller]
    pub(crate) fn post(&self, path: &str, body: impl Into<Vec<u8>>) -> Answer {
        self.send(
            &Request::post(path, body)
                .header("authorization", format!("Bearer {INGEST_KEY}"))
                .header("content-type", "application/json"),
        )
    }

    /// Asks with the admin token.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send(&Request::get(path).header("authorization", format!("Bearer {ADMIN_TOKEN}")))
    }

    /// Opens a connection to write raw bytes to.
    #[track_caller]
    pub(crate) fn connect(&self) -> Connection {
        Connection::open(self.address()).expect("a connection")
    }

    /// Everything that the service has logged.
    pub(crate) fn log(&self) -> String {
        let bytes = std::fs::read(self.log_path()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let tail = &lines[lines.len().saturating_sub(60)..];
        format!("--- the server's log, last lines ---\n{}\n---", tail.join("\n"))
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("serve.log")
    }

    fn log_for_appending(&self) -> File {
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log_path())
            .expect("the log")
    }
}

impl Drop for Fresnel {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.log_tail());
        }
        if let Some(mut running) = self.running.take() {
            let _ = running.child.kill();
            let _ = running.child.wait();
        }
        for engine in process::engines_of(&self.data_dir) {
            process::kill(engine);
        }
        wait::within(PATIENCE, || {
            process::engines_of(&self.data_dir).is_empty().then_some(())
        });
        if settings::variable("FRESNEL_KEEP").is_some() {
            self.folder.disable_cleanup(true);
            process::say(&format!("kept: {}", self.folder.path().display()));
        }
    }
}
