//! A `fresnel engine` of its own: a ClickHouse server that a test puts a faulty network in front of.

use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::process::{Child, Stdio};

use tempfile::TempDir;

use super::options::{command, temporary_folder};
use super::process::{self, Watchdog};
use super::wait::{self, PATIENCE};
use super::warehouse::{Access, Warehouse};

/// A running engine.
pub(crate) struct Engine {
    child: Child,
    _watchdog: Watchdog,
    folder: TempDir,
}

impl Engine {
    /// Starts an engine on a folder of its own and waits until it answers.
    pub(crate) fn start() -> Self {
        let folder = temporary_folder();
        let log = File::create(folder.path().join("engine.log")).expect("the log");
        let child = command("engine")
            .arg("--data-dir")
            .arg(folder.path())
            // The engine ends when this pipe does.
            .stdin(Stdio::piped())
            .stdout(log.try_clone().expect("the log's handle"))
            .stderr(log)
            .process_group(0)
            .spawn()
            .expect("fresnel engine");
        let watchdog = Watchdog::guard(child.id(), folder.path());
        let mut engine = Self {
            child,
            _watchdog: watchdog,
            folder,
        };
        engine.wait_until_ready();
        engine
    }

    fn wait_until_ready(&mut self) {
        let warehouse = self.warehouse();
        let ready = wait::within(PATIENCE, || {
            if let Some(status) = self.child.try_wait().expect("the engine's status") {
                panic!("the engine ended with {status}: {}", self.log());
            }
            warehouse.try_query("SELECT 1 AS one").ok()
        });
        assert!(ready.is_some(), "the engine is not ready: {}", self.log());
    }

    /// A view into it that takes no detour.
    pub(crate) fn warehouse(&self) -> Warehouse {
        Warehouse::embedded(self.folder.path())
    }

    /// Where it is, and who may ask.
    pub(crate) fn access(&self) -> Access {
        Access::of_engine(self.folder.path()).expect("connection.json")
    }

    /// Its HTTP interface.
    pub(crate) fn address(&self) -> SocketAddr {
        self.access().address().expect("the engine's address")
    }

    /// Its pid.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("engine.log")).unwrap_or_default()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the engine's log ---\n{}\n---", self.log());
        }
        process::kill(self.child.id());
        let _ = self.child.wait();
    }
}
