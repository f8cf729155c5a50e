//! Takes from the engine what it never needs: other people's files, and connections to anywhere.
//!
//! ClickHouse's rights per user already forbid `file(…)`, `url(…)`, `remote(…)` as sources. But the library
//! runs as clickhouse-local, where the scalar function `file('/path')` asks for no right at all, and nobody
//! can promise that it is the last such function. So the kernel is asked (Landlock, Linux 5.13 and newer; the
//! ban on connections 6.7 and newer): the thread that enters the library, and every thread that it starts,
//! - may read and write ClickHouse's own data, and nothing else of the data folder: neither `connection.json`
//!   nor the log nor the bootstrap secrets;
//! - may read the system's libraries, time zones, name resolution, what the system tells of itself, and of
//!   other processes nothing;
//! - may open ports, and connect to nothing.
//!
//! Threads that run already are not confined: the one that writes `connection.json` must not be.

use std::path::Path;

use super::folder::Folder;

/// What the library reads of the system it runs on. Those that do not exist are skipped. Of `/proc` only what
/// tells of this process and of the machine: `/proc/<pid>/environ` of others may hold secrets.
#[cfg(target_os = "linux")]
const READABLE: [&str; 21] = [
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/share/zoneinfo",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/timezone",
    "/etc/hosts",
    "/etc/resolv.conf",
    "/etc/nsswitch.conf",
    "/dev/urandom",
    "/proc/self",
    "/proc/cpuinfo",
    "/proc/loadavg",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/sys",
    "/proc/uptime",
    "/proc/version",
    "/sys",
];

/// Keeps the confinement whole; to be kept for as long as the library runs.
#[derive(Debug)]
pub(crate) struct Confinement {
    /// A rule is tied to the file as the kernel knows it, and the kernel may forget a file of `/proc` that
    /// nobody has open, and make another one when it is asked again.
    _pinned: Vec<std::fs::File>,
}

/// Confines this thread and those that it will start. A kernel that cannot do all of it does what it can.
#[cfg(target_os = "linux")]
pub(crate) fn this_thread(folder: &Folder, library: &Path) -> Confinement {
    let pinned = READABLE
        .into_iter()
        .filter(|path| path.starts_with("/proc/"))
        .filter_map(|path| std::fs::File::open(path).ok())
        .collect();
    match restrict(folder, library) {
        Ok(landlock::RulesetStatus::FullyEnforced) => tracing::debug!("ClickHouse is confined to its folder"),
        Ok(status) => {
            tracing::info!(
                ?status,
                "this kernel confines ClickHouse only in part, or not at all"
            );
        }
        Err(error) => tracing::warn!(%error, "ClickHouse cannot be confined to its folder"),
    }
    Confinement { _pinned: pinned }
}

/// Other systems have nothing of the kind that a process may ask for itself.
#[cfg(not(target_os = "linux"))]
pub(crate) fn this_thread(_folder: &Folder, _library: &Path) -> Confinement {
    Confinement { _pinned: Vec::new() }
}

#[cfg(target_os = "linux")]
fn restrict(folder: &Folder, library: &Path) -> Result<landlock::RulesetStatus, landlock::RulesetError> {
    use landlock::{
        ABI, Access, AccessFs, AccessNet, NetPort, Ruleset, RulesetAttr, RulesetCreatedAttr, Scope,
        path_beneath_rules,
    };
    const KNOWN: ABI = ABI::V6;

    let generated = [folder.config_xml(), folder.users_xml(), folder.start_sql()];
    let executable = std::env::current_exe().ok();
    let readable = READABLE
        .into_iter()
        .map(Path::new)
        .chain(generated.iter().map(AsRef::as_ref))
        .chain(executable.as_deref())
        .chain([library]);
    let status = Ruleset::default()
        .handle_access(AccessFs::from_all(KNOWN))?
        .handle_access(AccessNet::from_all(KNOWN))?
        .scope(Scope::from_all(KNOWN))?
        .create()?
        .add_rules(path_beneath_rules([folder.data()], AccessFs::from_all(KNOWN)))?
        .add_rules(path_beneath_rules(["/dev/null"], AccessFs::from_file(KNOWN)))?
        .add_rules(path_beneath_rules(readable, AccessFs::from_read(KNOWN)))?
        // Port 0: any that the system picks.
        .add_rule(NetPort::new(0, AccessNet::BindTcp))?
        .restrict_self()?;
    Ok(status.ruleset)
}
