//! What is measured, and where it runs.

use std::fmt;
use std::path::Path;
use std::process::Command;

use clap::ValueEnum;
use serde::Serialize;

/// Key that the measured servers are told to take.
pub(super) const INGEST_KEY: &str = "load-generators-ingest-key";
/// Address at which no ClickHouse is: all beacons stay in the log.
const NOWHERE: &str = "http://127.0.0.1:9";
/// The generator is one user with one address: a quota that it never spends, and that is counted all the same.
const QUOTA: &str = "1000000000";

/// A build of the product.
#[derive(Clone, Copy, Debug)]
pub(super) struct Build<'args> {
    pub(super) fresnel: &'args Path,
    /// What it does with beacons.
    pub(super) steps: Steps,
    /// True for the one that the product is compared with.
    pub(super) is_other: bool,
}

/// Which steps of the ingest path are on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Steps {
    /// All, with quotas that are computed and never reached.
    All,
    /// Those that the build has; it knows no settings of quotas.
    OfOldBuild,
    /// Without quotas, scrubbing, grouping and robots.
    Fewest,
}

impl Steps {
    const fn settings(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::All => &[
                ("FRESNEL_QUOTA__METRICS_PER_HOUR", QUOTA),
                ("FRESNEL_QUOTA__EVENTS_PER_HOUR", QUOTA),
            ],
            Self::OfOldBuild => &[],
            Self::Fewest => &[
                ("FRESNEL_QUOTA__METRICS_PER_HOUR", "0"),
                ("FRESNEL_QUOTA__EVENTS_PER_HOUR", "0"),
                ("FRESNEL_SCRUB__ENABLED", "false"),
                ("FRESNEL_GROUPING__ENABLED", "false"),
                ("FRESNEL_BOTS__DROP", "false"),
            ],
        }
    }
}

/// A server in one setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Mode {
    /// The handler that looks at nothing.
    Bare,
    /// Durable answers, the warehouse away.
    Fsync,
    /// Answers after the write, the warehouse away.
    Os,
    /// Answers at once, the warehouse away.
    Memory,
    /// Durable answers, with the flush into the embedded engine.
    FsyncFlush,
    /// Answers after the write, with the flush.
    OsFlush,
    /// Answers at once, with the flush.
    MemoryFlush,
}

impl Mode {
    /// The product's settings, without and with the flush.
    pub(super) const PRODUCT: [Self; 6] = [
        Self::Fsync,
        Self::Os,
        Self::Memory,
        Self::FsyncFlush,
        Self::OsFlush,
        Self::MemoryFlush,
    ];

    /// Whether the embedded engine runs and takes the rows.
    pub(super) const fn has_flush(self) -> bool {
        matches!(self, Self::FsyncFlush | Self::OsFlush | Self::MemoryFlush)
    }

    /// Share of the bare handler's throughput that the product promises.
    pub(super) const fn target(self) -> Option<f64> {
        match self {
            Self::Fsync => Some(0.75),
            Self::FsyncFlush => Some(0.6),
            _ => None,
        }
    }

    const fn durability(self) -> Option<&'static str> {
        match self {
            Self::Bare => None,
            Self::Fsync | Self::FsyncFlush => Some("fsync"),
            Self::Os | Self::OsFlush => Some("os"),
            Self::Memory | Self::MemoryFlush => Some("memory"),
        }
    }

    /// The command that serves in this mode.
    pub(super) fn command(
        self,
        build: Build<'_>,
        data_dir: &Path,
        layout: Layout,
    ) -> std::io::Result<Command> {
        let workers = layout.workers().to_string();
        let Some(durability) = self.durability() else {
            let mut bare = Command::new(std::env::current_exe()?);
            bare.args(["bare", "--listen", "127.0.0.1:0", "--workers", &workers]);
            return Ok(bare);
        };
        let mut serve = Command::new(build.fresnel);
        serve
            .arg("serve")
            .env("FRESNEL_DATA_DIR", data_dir)
            .env("FRESNEL_SERVER__LISTEN", "127.0.0.1:0")
            .env("FRESNEL_SERVER__WORKERS", workers)
            .env("FRESNEL_BOOTSTRAP__INGEST_KEY", INGEST_KEY)
            .env("FRESNEL_WAL__DURABILITY", durability)
            .env("FRESNEL_LOG__FILTER", "warn");
        serve.envs(build.steps.settings().iter().copied());
        if self.has_flush() {
            serve.env_remove("FRESNEL_WAREHOUSE__URL");
        } else {
            serve.env("FRESNEL_WAREHOUSE__URL", NOWHERE);
        }
        Ok(serve)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Bare => "bare",
            Self::Fsync => "fsync",
            Self::Os => "os",
            Self::Memory => "memory",
            Self::FsyncFlush => "fsync-flush",
            Self::OsFlush => "os-flush",
            Self::MemoryFlush => "memory-flush",
        })
    }
}

/// Where server and generator run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Layout {
    /// The server with one worker on one core, the generator on another; the engine where it likes.
    Pinned,
    /// As the product is set by default, all on all cores.
    Unpinned,
}

impl Layout {
    pub(super) const SERVER_CORE: usize = 0;
    pub(super) const GENERATOR_CORE: usize = 1;

    /// Worker threads; 0 means one a core.
    const fn workers(self) -> usize {
        match self {
            Self::Pinned => 1,
            Self::Unpinned => 0,
        }
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pinned => "pinned",
            Self::Unpinned => "unpinned",
        })
    }
}
