//! `fresnel apply`: makes what is there what files say.
//!
//! Like `fresnel keys` it works on the control store itself; a running service acts on it within about a second.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::store::{self, StoreError};
use crate::alerts::targets::Targets;
use crate::apply::{self, ApplyError, Faults, Terms};
use crate::config::Config;
use crate::control::By;
use crate::outbound::Outbound;
use crate::tls::TlsError;
use crate::vault::{Vault, VaultError};

/// With `--dry-run`: there is something to do.
const TO_DO: u8 = 2;

const EXAMPLE: &str = "\
Example, shop.toml:
  [[projects]]
  id = \"shop\"
  name = \"Shop\"
  allowed_origins = [\"https://shop.example\"]
  settings = { funnel_steps = [\"paid\"] }

  [[projects.quotas]]
  target = { kind = \"user\", id = \"load-test\" }
  limits = { metrics_per_hour = 0 }

  fresnel apply --dry-run shop.toml    # shows what would be done; exit code 2 when there is something
  fresnel apply shop.toml              # does it, in one transaction
  fresnel apply --print > all.toml     # what is there, in the same form, without secrets

docs/apply.md tells of all fields.";

/// What is asked of `fresnel apply`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct ApplyArgs {
    /// Files (.toml, .json), and folders whose files are meant.
    #[arg(required_unless_present = "print", value_name = "FILE|FOLDER")]
    paths: Vec<PathBuf>,
    /// Show what would be done and do nothing; the exit code is 2 when there is something to do.
    #[arg(long)]
    dry_run: bool,
    /// Remove what stands in no file: quota overrides and issuers of the projects in the files, and rules and channels
    /// of those for which files name any.
    #[arg(long)]
    prune: bool,
    /// Write what is there as such a file, without secrets.
    #[arg(long, conflicts_with_all = ["paths", "dry_run", "prune"])]
    print: bool,
}

/// Why `fresnel apply` failed. In each case nothing was changed, unless the store was lost at the commit.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApplyFailure {
    /// Files are faulty, or ask for what cannot be.
    #[error("nothing is changed:\n{0}")]
    Faulty(#[from] Faults),
    /// The store cannot be opened, or says no.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Where channels lead cannot be encrypted.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The certificates that are believed cannot be read.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// What is there cannot be written.
    #[error("what is there cannot be written as TOML: {0}")]
    Print(#[from] toml::ser::Error),
}

impl From<ApplyError> for ApplyFailure {
    fn from(error: ApplyError) -> Self {
        match error {
            ApplyError::Faulty(faults) => Self::Faulty(faults),
            ApplyError::Control(error) => Self::Store(error.into()),
        }
    }
}

/// Does what is asked; the text to show, and how the command ends.
pub(super) async fn run(arguments: ApplyArgs, config: &Config) -> Result<(String, ExitCode), ApplyFailure> {
    if arguments.print {
        let there = store::open(config, false).await?.inventory().await;
        let text = apply::print(&there.map_err(StoreError::from)?)?;
        return Ok((text, ExitCode::SUCCESS));
    }
    // Before the store is opened: faulty files do not even make one.
    let wanted = apply::read(&arguments.paths)?;
    let outbound = Outbound::new(&config.outbound)?;
    let control = store::open(config, !arguments.dry_run).await?;
    let vault = Vault::open(&config.vault, &config.data_dir)?;
    let terms = Terms {
        prune: arguments.prune,
        targets: &Targets::new(vault),
        refusal_of: &|url| outbound.check(url).err().map(|refusal| refusal.to_string()),
    };
    if arguments.dry_run {
        let there = control.inventory().await.map_err(StoreError::from)?;
        let plan = apply::plan(&wanted, &there, terms)?;
        let code = if plan.has_changes() { TO_DO } else { 0 };
        return Ok((plan.to_string(), code.into()));
    }
    let plan = apply::apply(&control, &By::command_line(), &wanted, terms).await?;
    let end = if plan.has_changes() {
        "All is done."
    } else {
        "Nothing was to be done."
    };
    Ok((format!("{plan}\n{end}"), ExitCode::SUCCESS))
}
