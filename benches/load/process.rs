//! A server as a child process: started on a free port, measured through `/proc`, and gone afterwards.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{CpuSet, sched_setaffinity};

const START_TIMEOUT: Duration = Duration::from_secs(30);
const STOP_TIMEOUT: Duration = Duration::from_secs(20);
const STOP_POLL: Duration = Duration::from_millis(10);
/// Both servers announce their address in a line with these words.
const ANNOUNCEMENT: &str = "listens on http://";

/// A running server.
pub(crate) struct Server {
    child: Child,
    /// Kept open, or the server's next line would kill it.
    _stdout: BufReader<ChildStdout>,
    pub(crate) address: SocketAddr,
}

/// What a process holds in memory, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    pub(crate) resident: u64,
    pub(crate) resident_peak: u64,
}

impl Server {
    /// Starts a command that announces its address, with its errors and logs in `log`.
    pub(crate) fn start(command: &mut Command, log: &Path) -> anyhow::Result<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(log).with_context(|| log.display().to_string())?)
            .spawn()
            .with_context(|| format!("{command:?} cannot be started"))?;
        let stdout = child.stdout.take().context("the standard output is a pipe")?;
        let mut stdout = BufReader::new(stdout);
        match read_address(&mut stdout) {
            Ok(address) => Ok(Self {
                child,
                _stdout: stdout,
                address,
            }),
            Err(error) => {
                drop(child.kill());
                drop(child.wait());
                let said = fs::read_to_string(log).unwrap_or_default();
                Err(error.context(format!("{command:?} did not start\n{said}")))
            }
        }
    }

    /// Pins all threads that the server has, and so those that they start, to one core. Processes that it has
    /// started stay where they are.
    pub(crate) fn pin(&self, core: usize) -> anyhow::Result<()> {
        for task in fs::read_dir(self.proc("task"))? {
            let thread: i32 = task?.file_name().to_string_lossy().parse()?;
            sched_setaffinity(Pid::from_raw(thread), &one_core(core))?;
        }
        Ok(())
    }

    pub(crate) fn memory(&self) -> anyhow::Result<Memory> {
        let status = fs::read_to_string(self.proc("status"))?;
        let bytes = |name: &str| -> anyhow::Result<u64> {
            let line = status
                .lines()
                .find_map(|line| line.strip_prefix(name))
                .context("no such line")?;
            let kib: u64 = line
                .trim_start_matches(':')
                .trim()
                .trim_end_matches(" kB")
                .parse()?;
            Ok(kib * 1024)
        };
        Ok(Memory {
            resident: bytes("VmRSS")?,
            resident_peak: bytes("VmHWM")?,
        })
    }

    /// Processor time that the server's threads have taken so far, by the threads' names; threads that have
    /// ended and child processes are not in it.
    pub(crate) fn cpu(&self) -> anyhow::Result<BTreeMap<String, Duration>> {
        let mut by_name: BTreeMap<String, Duration> = BTreeMap::new();
        for task in fs::read_dir(self.proc("task"))? {
            let task = task?.path();
            // A thread may end between the listing and the reading.
            let (Ok(name), Ok(stat)) = (
                fs::read_to_string(task.join("comm")),
                fs::read_to_string(task.join("schedstat")),
            ) else {
                continue;
            };
            let on_cpu_ns = stat.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or(0);
            let name = name
                .trim()
                .trim_end_matches(|letter: char| letter.is_ascii_digit())
                .to_owned();
            *by_name.entry(name).or_default() += Duration::from_nanos(on_cpu_ns);
        }
        Ok(by_name)
    }

    /// Asks the server to stop and waits for it.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        let deadline = Instant::now() + STOP_TIMEOUT;
        while self.child.try_wait()?.is_none() {
            if Instant::now() > deadline {
                bail!("the server did not stop within {STOP_TIMEOUT:?}");
            }
            tokio::time::sleep(STOP_POLL).await;
        }
        Ok(())
    }

    fn proc(&self, file: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{file}", self.child.id()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Pins this process's only busy thread.
pub(crate) fn pin_self(core: usize) -> anyhow::Result<()> {
    Ok(sched_setaffinity(None, &one_core(core))?)
}

/// Lets this thread, and the processes that it starts, run anywhere again.
pub(crate) fn unpin_self() -> anyhow::Result<()> {
    let mut all = CpuSet::new();
    for core in 0..CpuSet::MAX_CPU {
        all.set(core);
    }
    Ok(sched_setaffinity(None, &all)?)
}

fn one_core(core: usize) -> CpuSet {
    let mut set = CpuSet::new();
    set.set(core);
    set
}

fn read_address(stdout: &mut BufReader<ChildStdout>) -> anyhow::Result<SocketAddr> {
    let deadline = Instant::now() + START_TIMEOUT;
    let mut line = String::new();
    loop {
        let left = Timespec::try_from(deadline.saturating_duration_since(Instant::now()))?;
        if poll(&mut [PollFd::new(stdout.get_ref(), PollFlags::IN)], Some(&left))? == 0 {
            bail!("no address within {START_TIMEOUT:?}");
        }
        line.clear();
        if stdout.read_line(&mut line)? == 0 {
            bail!("it ended");
        }
        if let Some((_, address)) = line.split_once(ANNOUNCEMENT) {
            return Ok(address.trim().parse()?);
        }
    }
}
