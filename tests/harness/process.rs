//! Processes, looked at through `/proc`, signalled by pid, and never left behind.

use std::fs;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal};

/// Writes a line for the person who runs the suite, past the test runner's capture.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Signals a process that the caller started.
pub(crate) fn signal(pid: u32, signal: Signal) -> bool {
    i32::try_from(pid)
        .ok()
        .and_then(Pid::from_raw)
        .is_some_and(|pid| rustix::process::kill_process(pid, signal).is_ok())
}

/// Kills a process that the caller started, without a chance to clean up.
pub(crate) fn kill(pid: u32) -> bool {
    signal(pid, Signal::KILL)
}

/// True while the process exists and is no zombie.
pub(crate) fn is_alive(pid: u32) -> bool {
    stat_fields(pid).is_some_and(|(state, _)| state != 'Z' && state != 'X')
}

/// Resident memory in bytes.
pub(crate) fn resident_bytes(pid: u32) -> Option<u64> {
    status_kib(pid, "VmRSS:").map(|kib| kib * 1024)
}

/// Pids of running `fresnel engine` processes of a data folder, orphans of a killed service included.
pub(crate) fn engines_of(data_dir: &Path) -> Vec<u32> {
    let folder = data_dir.to_string_lossy().into_owned();
    pids()
        .filter(|&pid| {
            let arguments = command_line(pid);
            arguments.get(1).is_some_and(|verb| verb == "engine")
                && arguments.iter().any(|argument| argument.contains(&folder))
                && is_alive(pid)
        })
        .collect()
}

/// The engine that this very service process runs.
pub(crate) fn engine_of_service(service: u32, data_dir: &Path) -> Option<u32> {
    engines_of(data_dir)
        .into_iter()
        .find(|&pid| stat_fields(pid).is_some_and(|(_, parent)| parent == service))
}

/// The TCP port on which a process listens on IPv4, if it listens on exactly one.
pub(crate) fn listening_port(pid: u32) -> Option<u16> {
    let sockets: Vec<String> = fs::read_dir(format!("/proc/{pid}/fd"))
        .ok()?
        .flatten()
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .filter_map(|target| {
            let target = target.to_string_lossy().into_owned();
            Some(target.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned())
        })
        .collect();
    let table = fs::read_to_string(format!("/proc/{pid}/net/tcp")).ok()?;
    let mut ports: Vec<u16> = table
        .lines()
        .skip(1)
        .filter_map(|line| {
            let columns: Vec<&str> = line.split_whitespace().collect();
            let [_, local, _, state, _, _, _, _, _, inode, ..] = columns[..] else {
                return None;
            };
            let listens = state == "0A" && sockets.iter().any(|socket| socket == inode);
            listens.then(|| u16::from_str_radix(local.rsplit(':').next()?, 16).ok())?
        })
        .collect();
    ports.sort_unstable();
    ports.dedup();
    match ports[..] {
        [port] => Some(port),
        _ => None,
    }
}

fn pids() -> impl Iterator<Item = u32> {
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn command_line(pid: u32) -> Vec<String> {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    bytes
        .split(|&byte| byte == 0)
        .map(|argument| String::from_utf8_lossy(argument).into_owned())
        .collect()
}

fn stat_fields(pid: u32) -> Option<(char, u32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in brackets and may hold anything.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?.chars().next()?;
    let parent = fields.next()?.parse().ok()?;
    Some((state, parent))
}

fn status_kib(pid: u32, field: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with(field))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Stops a process and removes its folder when the test process ends in whatever way: a shell that waits for
/// the end of a pipe which only this process holds.
pub(crate) struct Watchdog(Child);

impl Watchdog {
    /// Guards a process that the caller started; the folder is removed with it.
    pub(crate) fn guard(pid: u32, folder: &Path) -> Self {
        const SCRIPT: &str = r#"
            cat >/dev/null
            kill -TERM "$1" 2>/dev/null
            for _ in 1 2 3 4 5 6 7 8 9 10; do [ -d "/proc/$1" ] && sleep 1; done
            kill -KILL "$1" 2>/dev/null
            rm -rf -- "$2"
        "#;
        let child = Command::new("sh")
            .args(["-c", SCRIPT, "watchdog", &pid.to_string()])
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Its own group: an interrupt from the keyboard must not end it before it has done its work.
            .process_group(0)
            .spawn()
            .expect("sh");
        Self(child)
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
