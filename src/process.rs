//! What this process takes of the machine.

use serde::Serialize;
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

/// Memory and processor time of this process.
#[derive(Clone, Copy, Debug, Default, Serialize, utoipa::ToSchema)]
pub struct ProcessUsage {
    /// Resident memory.
    pub resident_bytes: u64,
    /// Processor time since the start, over all cores.
    pub cpu_ms: u64,
}

impl ProcessUsage {
    /// Reads it from the system; zeros where the system does not tell.
    #[must_use]
    pub fn now() -> Self {
        let pid = Pid::from_u32(std::process::id());
        let Ok(mut system) = System::new() else {
            return Self::default();
        };
        let wanted = ProcessRefreshKind::nothing().with_memory().with_cpu();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, wanted);
        system.process(pid).map_or_else(Self::default, |process| Self {
            resident_bytes: process.memory(),
            cpu_ms: process.accumulated_cpu_time(),
        })
    }
}
