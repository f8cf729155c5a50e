//! The process of one life of the engine.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::engine::output::{Tail, pass_on};
use crate::engine::{FAREWELL, READY_LINE, STOP_TIMEOUT};
use crate::task;

/// Time in which a dead process's last lines must have been read.
const LAST_LINES_TIMEOUT: Duration = Duration::from_secs(1);

/// A running engine. It is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Life {
    child: Child,
    /// What keeps the engine alive. Apart from the child, because waiting for a child closes the input that it
    /// holds.
    input: ChildStdin,
    errors: JoinHandle<()>,
    tail: Tail,
}

impl Life {
    /// Starts the process. The receiver hears when its port is open; it is closed when its output ends before
    /// that.
    pub(crate) fn start(exe: &Path, args: &[OsString]) -> io::Result<(Self, oneshot::Receiver<()>)> {
        let mut child = Command::new(exe)
            .args(args)
            .env_clear()
            .envs(std::env::vars_os().filter(|(name, _)| is_for_the_engine(name)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A group of its own: Ctrl-C in a terminal is for us, and we stop the engine last.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let (Some(input), Some(output), Some(errors)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        let tail = Tail::default();
        let (ready_sender, ready) = oneshot::channel();
        let mut ready_sender = Some(ready_sender);
        let is_ready = move |line: &str| {
            let is_ready = line == READY_LINE;
            if is_ready && let Some(sender) = ready_sender.take() {
                // Nobody waits any more when a stop came first.
                let _ = sender.send(());
            }
            is_ready
        };
        let output = pass_on(BufReader::new(output), tail.clone(), is_ready);
        task::spawn("engine-stdout", output);
        let errors = pass_on(BufReader::new(errors), tail.clone(), |_| false);
        let life = Self {
            child,
            input,
            errors: task::spawn("engine-stderr", errors),
            tail,
        };
        Ok((life, ready))
    }

    /// The process, while it has not ended.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Waits for the process to end by itself; says how, and what it last wrote.
    pub(crate) async fn ended(&mut self) -> String {
        let reason = match self.child.wait().await {
            Ok(status) => format!("its process ended: {status}"),
            Err(error) => format!("its process is gone: {error}"),
        };
        // The end may be seen before its last lines are read.
        let _ = timeout(LAST_LINES_TIMEOUT, &mut self.errors).await;
        self.with_tail(reason)
    }

    /// Adds to a reason what the process last wrote.
    pub(crate) fn with_tail(&self, reason: String) -> String {
        let tail = self.tail.text();
        if tail.is_empty() {
            reason
        } else {
            format!("{reason}; it last wrote: {tail}")
        }
    }

    /// Asks the engine to end and closes its input, and kills it when that does not help in time.
    pub(crate) async fn stop(mut self) {
        // A dead one cannot be told.
        self.input.write_all(FAREWELL).await.ok();
        drop(self.input);
        if timeout(STOP_TIMEOUT, self.child.wait()).await.is_err() {
            tracing::warn!("the engine does not stop: killing it");
            self.child.kill().await.ok();
        }
    }

    /// Kills the engine, unless it is gone already.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.ok();
    }
}

/// Whether the engine's process gets a variable. It gets what it needs and no more: SQL can read the
/// environment of the process that it runs in, and ours may hold anybody's secrets.
fn is_for_the_engine(name: &OsStr) -> bool {
    const NAMES: [&str; 7] = [
        "PATH",
        "HOME",
        "TMPDIR",
        "LD_LIBRARY_PATH",
        "JE_MALLOC_CONF",
        "FRESNEL_DATA_DIR",
        "FRESNEL_WAREHOUSE__DATABASE",
    ];
    const PREFIXES: [&str; 3] = ["FRESNEL_ENGINE__", "FRESNEL_LOG__", "RUST_"];
    name.to_str()
        .is_some_and(|name| NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_inherits_its_settings_and_no_secret() {
        for name in [
            "PATH",
            "FRESNEL_ENGINE__LIBRARY",
            "FRESNEL_LOG__FILTER",
            "FRESNEL_WAREHOUSE__DATABASE",
        ] {
            assert!(is_for_the_engine(OsStr::new(name)), "{name}");
        }
        for name in [
            "FRESNEL_BOOTSTRAP__ADMIN_TOKEN",
            "FRESNEL_BOOTSTRAP__INGEST_KEY",
            "FRESNEL_WAREHOUSE__PASSWORD",
            "AWS_SECRET_ACCESS_KEY",
            "DATABASE_URL",
        ] {
            assert!(!is_for_the_engine(OsStr::new(name)), "{name}");
        }
    }

    #[tokio::test]
    async fn a_process_that_dies_is_quoted() {
        let script = "echo fresnel-engine ready; echo first words >&2; echo last words >&2; exit 3";
        let args = [OsString::from("-c"), OsString::from(script)];
        let (mut life, ready) = Life::start(Path::new("/bin/sh"), &args).unwrap();
        ready.await.unwrap();
        let reason = life.ended().await;
        assert!(reason.contains("exit status: 3"), "{reason}");
        assert!(reason.contains("first words | last words"), "{reason}");
        assert!(!reason.contains("ready"), "{reason}");
    }

    #[tokio::test]
    async fn a_process_that_ignores_the_end_of_its_input_is_killed() {
        let args = ["-c", "sleep 1000"].map(OsString::from);
        let (life, _ready) = Life::start(Path::new("/bin/sh"), &args).unwrap();
        let deadline = STOP_TIMEOUT + Duration::from_secs(30);
        timeout(deadline, life.stop()).await.expect("it was killed");
    }
}
