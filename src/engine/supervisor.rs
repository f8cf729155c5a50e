//! Keeps one engine running beside this process: starts it, waits until it answers, tells everyone how to
//! reach it, starts another when it dies, stops it last.

mod life;

use std::convert::Infallible;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::EngineError;
use super::folder::Folder;
use super::probe::Probe;
use crate::clock::{self, UnixMicros};
use crate::config::EngineConfig;
use crate::domain::connection::Connection;
use crate::task;
use life::Life;

/// First pause after a death; it doubles with each further one.
const PAUSE_MIN: Duration = Duration::from_millis(50);
/// Longest pause between two starts.
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// A life this long was a healthy one: the pauses start over.
const HEALTHY_AFTER: Duration = Duration::from_secs(5);
/// Pause between two looks at a folder that another engine has.
const LOCK_PAUSE: Duration = Duration::from_millis(50);
/// Pause between two questions whether the engine still answers.
const PING_PAUSE: Duration = Duration::from_secs(5);

/// What the engine is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EngineState {
    /// Its process is starting, or waits for an earlier one to leave the folder.
    Starting,
    /// It answers.
    Ready,
    /// Its process lives and does not answer: overloaded, or suspended. It is left alone.
    Silent,
    /// It died, and the next start is after a pause.
    Pausing,
    /// It was stopped for good.
    Stopped,
}

/// How the engine is, for the health page.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct EngineStatus {
    /// What it is doing.
    pub state: EngineState,
    /// Since when.
    #[serde(rename = "since_us")]
    #[schema(value_type = i64)]
    pub since: UnixMicros,
    /// Its process, while there is one.
    pub pid: Option<u32>,
    /// How often it was started again after a death.
    pub restarts: u64,
    /// Time from the last start to the first answer.
    pub start_ms: Option<u64>,
    /// Why it last died, or could not start.
    pub last_error: Option<String>,
}

/// Keeps the engine running until it is stopped or dropped.
#[derive(Debug)]
pub struct Supervisor {
    connection: watch::Receiver<Option<Connection>>,
    status: watch::Receiver<EngineStatus>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Supervisor {
    /// Starts keeping an engine on `data_dir`; does not wait for it. `exe` with `args` is the command whose
    /// body is [`run_child`](super::run_child), on the same data folder; it
    /// inherits the environment's settings for the engine, and none of its secrets.
    /// Must be called within a tokio runtime.
    ///
    /// # Errors
    /// The engine's folder cannot be created.
    pub fn start(
        config: &EngineConfig,
        data_dir: &Path,
        exe: PathBuf,
        args: Vec<OsString>,
    ) -> Result<Self, EngineError> {
        let folder = Folder::of(data_dir).prepare()?;
        let (connection_sender, connection) = watch::channel(None);
        let (status_sender, status) = watch::channel(EngineStatus {
            state: EngineState::Starting,
            since: clock::now(),
            pid: None,
            restarts: 0,
            start_ms: None,
            last_error: None,
        });
        let (stop, stopped) = watch::channel(false);
        let keeper = Keeper {
            folder,
            exe,
            args,
            start_timeout: Duration::from_millis(config.start_timeout_ms),
            probe: Probe::new()?,
            connection: connection_sender,
            status: status_sender,
        };
        let task = task::spawn("engine-supervisor", keeper.run(stopped));
        Ok(Self {
            connection,
            status,
            stop,
            task,
        })
    }

    /// How to reach the engine; `None` while it cannot be reached. Each life has its own port and passwords.
    #[must_use]
    pub fn connection(&self) -> watch::Receiver<Option<Connection>> {
        self.connection.clone()
    }

    /// Follows how the engine is.
    #[must_use]
    pub fn watch_status(&self) -> watch::Receiver<EngineStatus> {
        self.status.clone()
    }

    /// How the engine is.
    #[must_use]
    pub fn status(&self) -> EngineStatus {
        self.status.borrow().clone()
    }

    /// Stops the engine: closes its input, and kills it if it is still there after [`STOP_TIMEOUT`](super::STOP_TIMEOUT). Close
    /// the clients' connections first: ClickHouse waits for them.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        // Its own end is all that a task can tell; a panic has been logged by `task`.
        let _ = self.task.await;
    }
}

/// How one life ended.
enum End {
    /// We were asked to stop, and the process is gone.
    Stopped,
    /// It died or never became ready.
    Died {
        reason: String,
        ready_for: Option<Duration>,
    },
}

struct Keeper {
    folder: Folder,
    exe: PathBuf,
    args: Vec<OsString>,
    start_timeout: Duration,
    probe: Probe,
    connection: watch::Sender<Option<Connection>>,
    status: watch::Sender<EngineStatus>,
}

impl Keeper {
    async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut pause = PAUSE_MIN;
        // A big or cold data folder may need longer; killing it at the same moment each time would never end.
        let mut start_timeout = self.start_timeout;
        loop {
            let end = self.live(&mut stop, start_timeout).await;
            self.connection.send_replace(None);
            if let Err(error) = self.folder.remove(&self.folder.connection_json()) {
                tracing::warn!(%error, "a dead engine's connection file stays");
            }
            let End::Died { reason, ready_for } = end else {
                break;
            };
            if ready_for.is_some() {
                start_timeout = self.start_timeout;
            } else {
                start_timeout = (start_timeout * 2).min(self.start_timeout * 8);
            }
            if ready_for.is_some_and(|ready_for| ready_for >= HEALTHY_AFTER) {
                pause = PAUSE_MIN;
            }
            tracing::error!(
                reason,
                pause_ms = pause.as_millis(),
                "the engine died; it is started again"
            );
            self.update(EngineState::Pausing, |status| {
                status.pid = None;
                status.last_error = Some(reason);
                status.restarts += 1;
            });
            tokio::select! {
                () = sleep(pause) => {}
                () = asked(&mut stop) => break,
            }
            pause = (pause * 2).min(PAUSE_MAX);
        }
        self.update(EngineState::Stopped, |status| status.pid = None);
    }

    /// One life of the engine, from before its start to after its end.
    async fn live(&self, stop: &mut watch::Receiver<bool>, start_timeout: Duration) -> End {
        self.update(EngineState::Starting, |status| status.start_ms = None);
        let died = |error: EngineError| End::Died {
            reason: error.to_string(),
            ready_for: None,
        };
        tokio::select! {
            free = self.folder_is_free() => if let Err(error) = free { return died(error) },
            () = asked(stop) => return End::Stopped,
        }
        // What an earlier life told must not be believed.
        if let Err(error) = self.folder.remove(&self.folder.connection_json()) {
            return died(error);
        }
        let started = Instant::now();
        let (mut life, ready) = match Life::start(&self.exe, &self.args) {
            Ok(life) => life,
            Err(error) => return died(EngineError::io("start", &self.exe)(error)),
        };
        let pid = life.pid();
        self.update(EngineState::Starting, |status| status.pid = pid);

        let outcome = tokio::select! {
            reason = life.ended() => Err(reason),
            outcome = timeout(start_timeout, self.until_ready(ready)) => match outcome {
                Ok(outcome) => outcome.map_err(|reason| life.with_tail(reason)),
                Err(_) => Err(life.with_tail(format!("not ready within {} ms", start_timeout.as_millis()))),
            },
            () = asked(stop) => {
                life.stop().await;
                return End::Stopped;
            }
        };
        let connection = match outcome {
            Ok(connection) => connection,
            Err(reason) => {
                life.kill().await;
                return End::Died {
                    reason,
                    ready_for: None,
                };
            }
        };
        let start_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(pid, start_ms, url = connection.url, "the engine is ready");
        let ready_since = Instant::now();
        self.update(EngineState::Ready, |status| status.start_ms = Some(start_ms));
        self.connection.send_replace(Some(connection.clone()));

        let reason = tokio::select! {
            reason = life.ended() => reason,
            never = self.watch_answers(&connection) => match never {},
            () = asked(stop) => {
                life.stop().await;
                return End::Stopped;
            }
        };
        End::Died {
            reason,
            ready_for: Some(ready_since.elapsed()),
        }
    }

    /// Waits while another engine has the folder: after our own process was killed, its engine lives on for a
    /// moment.
    async fn folder_is_free(&self) -> Result<(), EngineError> {
        let mut looks = 0_u32;
        while self.folder.try_lock()?.is_none() {
            looks += 1;
            if looks == 20 {
                let folder = self.folder.root().to_path_buf();
                let error = EngineError::FolderInUse { folder };
                tracing::warn!("{error}; waiting");
                self.update(EngineState::Starting, |status| {
                    status.last_error = Some(error.to_string())
                });
            }
            sleep(LOCK_PAUSE).await;
        }
        Ok(())
    }

    /// Waits for the engine's word and for its first answer to its own user.
    async fn until_ready(&self, ready: oneshot::Receiver<()>) -> Result<Connection, String> {
        if ready.await.is_err() {
            // Its output ended: the process is going, and whoever waits for its end has the reason.
            std::future::pending::<()>().await;
        }
        let connection = self.folder.read_connection().map_err(|error| error.to_string())?;
        while let Err(error) = self.probe.select(&connection).await {
            tracing::debug!(error, "the engine does not answer yet");
            sleep(LOCK_PAUSE).await;
        }
        Ok(connection)
    }

    /// Reports an engine that stops answering, and one that answers again; never ends.
    async fn watch_answers(&self, connection: &Connection) -> Infallible {
        loop {
            sleep(PING_PAUSE).await;
            let answers = self.probe.ping(connection).await;
            let state = self.status.borrow().state;
            match (state, answers) {
                (EngineState::Ready, Err(error)) => {
                    tracing::warn!(error, "the engine lives and does not answer");
                    self.update(EngineState::Silent, |status| status.last_error = Some(error));
                }
                (EngineState::Silent, Ok(())) => {
                    tracing::info!("the engine answers again");
                    self.update(EngineState::Ready, |_| ());
                }
                _ => {}
            }
        }
    }

    fn update(&self, state: EngineState, change: impl FnOnce(&mut EngineStatus)) {
        self.status.send_modify(|status| {
            if status.state != state {
                status.state = state;
                status.since = clock::now();
            }
            change(status);
        });
    }
}

/// Resolves when a stop is asked for, or nobody is left to ask for it.
async fn asked(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|asked| *asked).await;
}
