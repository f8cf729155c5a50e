//! A real Redis of a test's own, on a socket in a folder of its own.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;
use tempfile::TempDir;

use super::options::temporary_folder;
use super::process::{self, Watchdog};
use super::wait::{self, PATIENCE};

/// A running `redis-server`, which ends with the test.
pub(crate) struct Redis {
    child: Child,
    folder: TempDir,
    _watchdog: Watchdog,
}

impl Redis {
    /// Starts one and waits until it answers.
    pub(crate) fn start() -> Self {
        let folder = temporary_folder();
        let socket = folder.path().join("redis.sock");
        let child = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"])
            .arg(&socket)
            .arg("--dir")
            .arg(folder.path())
            .stdout(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("redis-server; scripts/install-test-packages installs it");
        let watchdog = Watchdog::guard(child.id(), folder.path());
        let redis = Self {
            child,
            folder,
            _watchdog: watchdog,
        };
        wait::until("Redis", PATIENCE, || {
            (redis.ask(&["ping"]) == "PONG").then_some(())
        });
        redis
    }

    /// The value of `redis.url`.
    pub(crate) fn url(&self) -> String {
        format!("unix://{}/redis.sock", self.folder.path().display())
    }

    /// Asks with Redis' own client.
    pub(crate) fn ask(&self, words: &[&str]) -> String {
        let answer = Command::new("redis-cli")
            .arg("-s")
            .arg(self.folder.path().join("redis.sock"))
            .args(words)
            .output()
            .expect("redis-cli");
        String::from_utf8_lossy(&answer.stdout).trim().to_owned()
    }

    /// Makes it hang, or go on.
    pub(crate) fn signal(&self, signal: Signal) {
        assert!(process::signal(self.child.id(), signal), "Redis is gone");
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        process::kill(self.child.id());
        let _ended = self.child.wait();
    }
}
