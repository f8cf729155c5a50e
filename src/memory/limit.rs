//! How much memory this process may take.

use serde::Serialize;
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

/// Who sets the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LimitFrom {
    /// The control group (v1 or v2), or one above it.
    Cgroup,
    /// The setting `server.memory_max_bytes`.
    Setting,
    /// The machine has no more.
    Machine,
}

/// The memory that this process may take: the least of its control group's limit, the setting and the machine's
/// memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryLimit {
    /// How much; 0 when the system tells nothing.
    pub bytes: u64,
    /// Who says so.
    pub from: LimitFrom,
}

impl MemoryLimit {
    /// Asks the system; a `setting` of 0 is none.
    #[must_use]
    pub fn find(setting: u64) -> Self {
        let Ok(mut system) = System::new() else {
            return Self::least(None, setting, 0);
        };
        system.refresh_memory();
        let pid = Pid::from_u32(std::process::id());
        system.refresh_processes_specifics(
            ProcessesToUpdate::Some(&[pid]),
            false,
            ProcessRefreshKind::nothing(),
        );
        let cgroup = system
            .process(pid)
            .and_then(sysinfo::Process::cgroup_limits)
            .map(|limits| limits.total_memory);
        Self::least(cgroup, setting, system.total_memory())
    }

    fn least(cgroup: Option<u64>, setting: u64, machine: u64) -> Self {
        [
            (cgroup.unwrap_or(0), LimitFrom::Cgroup),
            (setting, LimitFrom::Setting),
            (machine, LimitFrom::Machine),
        ]
        .into_iter()
        .filter(|(bytes, _)| *bytes > 0)
        .min_by_key(|(bytes, _)| *bytes)
        .map_or(
            Self {
                bytes: 0,
                from: LimitFrom::Machine,
            },
            |(bytes, from)| Self { bytes, from },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_limit_holds() {
        for (cgroup, setting, machine, expected) in [
            (Some(3), 5, 9, (3, LimitFrom::Cgroup)),
            (Some(5), 3, 9, (3, LimitFrom::Setting)),
            (Some(5), 0, 9, (5, LimitFrom::Cgroup)),
            (None, 0, 9, (9, LimitFrom::Machine)),
            (None, 12, 9, (9, LimitFrom::Machine)),
            (Some(0), 0, 9, (9, LimitFrom::Machine)),
            (None, 4, 0, (4, LimitFrom::Setting)),
            (None, 0, 0, (0, LimitFrom::Machine)),
        ] {
            let limit = MemoryLimit::least(cgroup, setting, machine);
            assert_eq!((limit.bytes, limit.from), expected);
        }
    }

    #[test]
    fn this_machine_has_a_limit() {
        let limit = MemoryLimit::find(0);
        assert!(limit.bytes > 1 << 20, "{limit:?}");
        assert_eq!(MemoryLimit::find(1).from, LimitFrom::Setting);
    }
}
