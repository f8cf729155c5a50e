//! `fresnel doctor`: looks at the settings, the machine and what Fresnel depends on, and says what to do.
//!
//! A **check** looks at one thing and answers with **findings**: good, worth a warning, bad, or skipped because
//! something else decides. The list in [`examine`] is all there is, in the order in which it is printed. Checks
//! change nothing: what they write goes into a folder of their own below the data folder, and is removed. They
//! may run beside a running service.

mod folder;
mod machine;
mod service;
mod warehouse;

use std::fmt::Display;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use crate::config::Config;

/// Options of `fresnel doctor`.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub struct DoctorArgs {
    /// Ask only whether the running service is alive and ready (for health checks of containers)
    #[arg(long)]
    pub service_only: bool,
}

/// Examines everything and prints the findings to standard output. Takes some seconds; must not be called on an
/// asynchronous runtime, because it starts one of its own. `config_file` is the file that `config` came from: the
/// trial of the engine passes it on.
///
/// The exit code is 0 when nothing is bad, 1 when something is.
pub fn run(arguments: DoctorArgs, config: &Config, config_file: Option<&Path>) -> ExitCode {
    let findings = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) if arguments.service_only => runtime.block_on(service::check_running(config)),
        Ok(runtime) => runtime.block_on(examine(config, config_file)),
        Err(error) => vec![Finding::bad("runtime", error)],
    };
    let is_healthy = findings.iter().all(|finding| finding.verdict != Verdict::Bad);
    // Nobody is left to be told when standard output is closed; the exit code still says it.
    let _ = print(&findings, &mut io::stdout().lock());
    if is_healthy {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

async fn examine(config: &Config, config_file: Option<&Path>) -> Vec<Finding> {
    let mut findings = vec![Finding::good("settings", "all known and in range")];
    findings.extend(folder::check(config));
    findings.extend(machine::check(config));
    let (is_running, found) = service::check(config).await;
    findings.extend(found);
    findings.extend(warehouse::check(config, config_file, is_running).await);
    findings
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Good,
    /// Works, but not as well as it could.
    Warning,
    /// Fresnel will not start, or will lose time or data.
    Bad,
    /// Nothing to look at.
    Skipped,
}

/// What a check found.
#[derive(Clone, Debug)]
struct Finding {
    verdict: Verdict,
    /// What was looked at, in a word or two.
    subject: &'static str,
    text: String,
    /// What to do about it.
    advice: Option<String>,
}

impl Finding {
    fn new(verdict: Verdict, subject: &'static str, text: impl Display) -> Self {
        Self {
            verdict,
            subject,
            text: text.to_string(),
            advice: None,
        }
    }

    fn good(subject: &'static str, text: impl Display) -> Self {
        Self::new(Verdict::Good, subject, text)
    }

    fn warning(subject: &'static str, text: impl Display) -> Self {
        Self::new(Verdict::Warning, subject, text)
    }

    fn bad(subject: &'static str, text: impl Display) -> Self {
        Self::new(Verdict::Bad, subject, text)
    }

    fn skipped(subject: &'static str, text: impl Display) -> Self {
        Self::new(Verdict::Skipped, subject, text)
    }

    fn advice(self, advice: impl Into<String>) -> Self {
        Self {
            advice: Some(advice.into()),
            ..self
        }
    }
}

/// Prints one line a finding, its advice below it, and a last line that sums up.
fn print(findings: &[Finding], out: &mut impl Write) -> io::Result<()> {
    for finding in findings {
        let mark = match finding.verdict {
            Verdict::Good => '✔',
            Verdict::Warning => '!',
            Verdict::Bad => '✘',
            Verdict::Skipped => '–',
        };
        writeln!(out, "{mark} {:<12} {}", finding.subject, finding.text)?;
        if let Some(advice) = &finding.advice {
            writeln!(out, "  {:<12} → {advice}", "")?;
        }
    }
    let count = |verdict| {
        findings
            .iter()
            .filter(|finding| finding.verdict == verdict)
            .count()
    };
    match (count(Verdict::Bad), count(Verdict::Warning)) {
        (0, 0) => writeln!(out, "Nothing to do."),
        (0, warnings) => writeln!(out, "Works; worth a look: {warnings}."),
        (faults, _) => writeln!(out, "To be repaired: {faults}."),
    }
}

/// A size for people, in binary units.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let mut unit = 0;
    let mut divisor = 1_024_u64;
    while unit + 1 < UNITS.len() && bytes / divisor >= 1_024 {
        divisor *= 1_024;
        unit += 1;
    }
    let tenths = u128::from(bytes) * 10 / u128::from(divisor);
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

#[cfg(test)]
mod tests;
