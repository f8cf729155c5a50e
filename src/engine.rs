//! The embedded engine: ClickHouse without a ClickHouse server to install.
//!
//! # Words
//! - The **library** is `libchdb`, ClickHouse as a shared library ([`library`] finds and enters it).
//! - The **engine** is a process of its own, `fresnel engine`, whose body is [`run_child`]. It enters the
//!   library once and stays there: inside runs ClickHouse's own HTTP server, on loopback.
//! - The **host session** is what the library's `main` does for itself, as user `default`: it runs `start.sql`,
//!   then waits for the end of its input.
//! - The **supervisor** lives in `fresnel serve`. It starts the engine as a child, tells everyone how to reach
//!   it, starts another when it dies, and stops it last.
//! - The **folder** is `<data dir>/engine`: generated settings, `connection.json`, and ClickHouse's data.
//! - A **life** is the time from one start of the engine to its end. Each life has its own port and passwords.
//!
//! # Actors in the engine's process
//! ```text
//! stdin (held by the parent) ──EOF──► thread "engine-parent" ──closes──► stop pipe ──EOF──► host session ends
//!                                            └─ ends the process when that takes too long
//! host session ── start.sql: port number ──► port pipe ──► thread "engine-port" ──► connection.json, "ready"
//! main thread ── in the library from the start to the end
//! ```
//!
//! # Guarantees
//! 1. **The engine ends with its parent**, however that one ends: the parent's death closes the pipe. A query
//!    that will not stop cannot hold it up: for [`STOP_TIMEOUT`] after an ordered stop, for a quarter of a
//!    second after the parent's death. (A process that is suspended ends when it is resumed, or killed.)
//! 2. **One engine a folder**, by a lock that the system takes back from the dead.
//! 3. **`connection.json` is never half written and never outlives a life in the eyes of the supervisor**: the
//!    file goes before each start, and what it says is believed only after a query with its password.
//! 4. **Nobody but us gets in**: the port is on loopback, passwords are random and new in each life, the folder
//!    is for its owner alone, and `default`, whose password must be empty, cannot log in (see `config.rs`).
//!    ClickHouse itself reaches no file but its own and connects to nothing (see `confine.rs`).
//! 5. **Killing is safe.** ClickHouse's parts are written beside each other and renamed; what was not yet
//!    inserted is in Fresnel's log, and is sent again with the same deduplication token.
//!
//! Deliberately absent: a server of our own in front of ClickHouse, a second way to ask queries (the library's
//! C functions), and any trust in a suspended engine: it is alive, so it is left alone and reported.

mod config;
mod confine;
mod deduplication;
mod folder;
pub mod library;
mod output;
mod probe;
pub mod supervisor;

use std::ffi::CString;
use std::io::{self, BufRead, BufReader, PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::config::Config;
use crate::domain::connection::Connection;
use config::{Credentials, READER, WRITER};
use folder::Folder;

/// Time that an ordered stop may take before the process is ended without asking.
pub const STOP_TIMEOUT: Duration = Duration::from_secs(3);

/// The same when the parent died. Its successor is waiting for the folder, and will send again whatever was
/// not answered.
const ORPHAN_TIMEOUT: Duration = Duration::from_millis(250);

/// What a parent that stops in order writes before it closes the engine's input.
const FAREWELL: &[u8] = b"stop\n";

/// The line on the engine's standard output that says: the port is open, `connection.json` is written.
const READY_LINE: &str = "fresnel-engine ready";

/// Why the engine could not start, or ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// No ClickHouse library where one is looked for.
    #[error("{}", missing(.candidates))]
    LibraryMissing {
        /// Where it was looked for, in order.
        candidates: Vec<PathBuf>,
    },
    /// The file is no library, or not this one.
    #[error("the ClickHouse library {} cannot be used: {message}", .path.display())]
    LibraryBroken {
        /// The file.
        path: PathBuf,
        /// What the system's loader said.
        message: String,
    },
    /// Another engine has the folder.
    #[error(
        "another engine is running on {}: stop it first, or choose another data folder",
        .folder.display()
    )]
    FolderInUse {
        /// The folder.
        folder: PathBuf,
    },
    /// A file or folder of the engine cannot be used.
    #[error("the engine cannot {action} {}: {source}", .path.display())]
    Io {
        /// What was to be done.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A path or name cannot be passed to ClickHouse.
    #[error("the engine cannot work with {what}: {reason}")]
    Unusable {
        /// The path or name.
        what: String,
        /// Why not.
        reason: &'static str,
    },
    /// ClickHouse gave up.
    #[error("ClickHouse ended: {message}")]
    Failed {
        /// What ClickHouse said.
        message: String,
    },
}

impl EngineError {
    fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { action, path, source }
    }
}

fn missing(candidates: &[PathBuf]) -> String {
    let looked: Vec<String> = candidates.iter().map(|path| path.display().to_string()).collect();
    format!(
        "the ClickHouse library is missing. Get it with `npm ci --omit=dev` in Fresnel's folder, or on any \
         machine with `npm install {package}@{version}` (package {package}); or set engine.library \
         (FRESNEL_ENGINE__LIBRARY) to its path; or use a ClickHouse server: set warehouse.url \
         (FRESNEL_WAREHOUSE__URL). Looked for: {looked}",
        package = library::package_name(),
        version = library::TESTED_VERSION,
        looked = looked.join(", "),
    )
}

/// The body of `fresnel engine`: runs ClickHouse on the data folder until standard input ends.
///
/// It logs to standard error (ClickHouse does too, in its own form), writes `connection.json` when it can be
/// reached, and one line to standard output after that.
///
/// # Errors
/// Any [`EngineError`]; also when ClickHouse ends although standard input has not.
pub fn run_child(config: &Config) -> Result<(), EngineError> {
    let library = library::find(&config.engine.library)?;
    let folder = Folder::of(&config.data_dir).prepare()?;
    let Some(_lock) = folder.try_lock()? else {
        return Err(EngineError::FolderInUse {
            folder: folder.root().to_path_buf(),
        });
    };
    folder.remove(&folder.connection_json())?;
    if let Err(error) = deduplication::mend(&folder.data(), &folder.spare()) {
        tracing::error!(%error, "ClickHouse's notes of inserts cannot be looked at; rows of an insert that it died in may be missing");
    }
    step_back(config.engine.niceness);

    let database = &config.warehouse.database;
    if database.is_empty() || database.contains(char::is_control) {
        return Err(EngineError::Unusable {
            what: format!("the database name {database:?} (warehouse.database)"),
            reason: "it is empty or has control characters",
        });
    }
    let pipe = || io::pipe().map_err(EngineError::io("open", Path::new("a pipe")));
    let (stop_reader, stop_writer) = pipe()?;
    let (port_reader, port_writer) = pipe()?;

    let credentials = Credentials::generate(database);
    let users_xml = folder.users_xml();
    folder.write_private(&users_xml, &config::users(&config.engine, &credentials))?;
    let settings = config::server_settings(&config.engine, path_text(&users_xml)?);
    folder.write_private(&folder.config_xml(), &settings)?;
    let start = config::start_sql(database, &descriptor_path(&port_writer));
    folder.write_private(&folder.start_sql(), &start)?;

    let arguments = arguments(&folder, &descriptor_path(&stop_reader))?;
    announce_port(folder.clone(), port_reader, credentials)?;
    let parent_is_gone = watch_parent(folder.clone(), stop_writer)?;
    // After the threads above, which are not to be confined, and before the library starts any.
    let _confinement = confine::this_thread(&folder, &library);
    tracing::debug!(library = %library.display(), "entering ClickHouse");
    match library::run(&library, &arguments) {
        Ok(()) if !parent_is_gone.load(Ordering::Acquire) => Err(EngineError::Failed {
            message: "its input has not ended, and no error was given".to_owned(),
        }),
        outcome => outcome,
    }
}

/// Puts this process behind the others: `serve` shares the machine with it, and must win.
fn step_back(niceness: u8) {
    if let Err(error) = rustix::process::setpriority_process(None, i32::from(niceness)) {
        tracing::warn!(niceness, %error, "the engine's niceness cannot be set");
    }
    // When memory runs out, the engine is the one to go: what it has not stored is still in the log.
    #[cfg(target_os = "linux")]
    if let Err(error) = std::fs::write("/proc/self/oom_score_adj", "500") {
        tracing::debug!(%error, "oom_score_adj cannot be set");
    }
}

/// clickhouse-local's arguments. The second queries file is what keeps the host session waiting.
fn arguments(folder: &Folder, stop_file: &str) -> Result<Vec<CString>, EngineError> {
    let config_xml = folder.config_xml();
    let data = folder.data();
    let start_sql = folder.start_sql();
    [
        "clickhouse".to_owned(),
        format!("--config-file={}", path_text(&config_xml)?),
        format!("--path={}", path_text(&data)?),
        "--queries-file".to_owned(),
        path_text(&start_sql)?.to_owned(),
        stop_file.to_owned(),
    ]
    .into_iter()
    .map(|argument| {
        CString::new(argument).map_err(|error| EngineError::Unusable {
            what: error.to_string(),
            reason: "it has a NUL character",
        })
    })
    .collect()
}

fn path_text(path: &Path) -> Result<&str, EngineError> {
    path.to_str().ok_or_else(|| EngineError::Unusable {
        what: path.display().to_string(),
        reason: "the path is not UTF-8",
    })
}

/// A name under which this process, and no other, can open the descriptor.
fn descriptor_path(descriptor: &impl AsRawFd) -> String {
    format!("/dev/fd/{}", descriptor.as_raw_fd())
}

/// Waits for the port's number, then tells the world.
fn announce_port(folder: Folder, port: PipeReader, credentials: Credentials) -> Result<(), EngineError> {
    start_thread("engine-port", move || {
        let mut line = String::new();
        let read = BufReader::new(port).read_line(&mut line);
        let port = read.ok().and_then(|_| line.trim().parse::<u16>().ok());
        let Some(port) = port.filter(|port| *port != 0) else {
            tracing::error!(line, "ClickHouse told no port");
            end_process();
        };
        let connection = Connection {
            ca_file: std::path::PathBuf::new(),
            url: format!("http://127.0.0.1:{port}"),
            user: WRITER.to_owned(),
            password: credentials.writer_password,
            database: credentials.database,
            reader_user: READER.to_owned(),
            reader_password: credentials.reader_password,
        };
        if let Err(error) = folder.write_connection(&connection) {
            tracing::error!(%error, "nobody can be told how to reach the engine");
            end_process();
        }
        // Nobody may be listening, when the engine was started by hand.
        let _ = writeln!(io::stdout(), "{READY_LINE}");
    })
}

/// Ends the host session when standard input ends, and the process if that does not help. The flag says
/// whether standard input has ended.
fn watch_parent(folder: Folder, stop: PipeWriter) -> Result<Arc<AtomicBool>, EngineError> {
    let gone = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&gone);
    start_thread("engine-parent", move || {
        let in_order = said_farewell(io::stdin().lock());
        flag.store(true, Ordering::Release);
        if let Err(error) = folder.remove(&folder.connection_json()) {
            tracing::warn!(%error, "the connection file stays");
        }
        drop(stop);
        let patience = if in_order { STOP_TIMEOUT } else { ORPHAN_TIMEOUT };
        let deadline = Instant::now() + patience;
        while let Some(left) = deadline.checked_duration_since(Instant::now()) {
            thread::park_timeout(left);
        }
        tracing::info!("ClickHouse has something under way: ending it");
        end_process();
    })?;
    Ok(gone)
}

/// Reads until the end, which an error is too; says whether the last that came was the farewell.
fn said_farewell(mut input: impl Read) -> bool {
    let mut last = Vec::new();
    let mut buffer = [0; 64];
    while let Ok(length @ 1..) = input.read(&mut buffer) {
        last.extend_from_slice(&buffer[..length]);
        let surplus = last.len().saturating_sub(FAREWELL.len());
        last.drain(..surplus);
    }
    last == FAREWELL
}

fn start_thread(name: &'static str, body: impl FnOnce() + Send + 'static) -> Result<(), EngineError> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(body)
        .map(drop)
        .map_err(EngineError::io("start thread", Path::new(name)))
}

/// Ends the process at once. ClickHouse's threads are running, so exit handlers would pull the floor away
/// under them; and killing is safe (guarantee 5).
fn end_process() -> ! {
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    std::process::abort()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_farewell_at_the_very_end_makes_a_stop_orderly() {
        assert!(said_farewell(&b"stop\n"[..]));
        let long = [&[b'x'; 1000][..], b"stop\n"].concat();
        assert!(said_farewell(&long[..]));
        for input in [&b""[..], b"stop", b"stop\nx", b"op\n"] {
            assert!(!said_farewell(input));
        }
    }
}
