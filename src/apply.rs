//! `fresnel apply`: projects, what belongs to them, and users, from files.
//!
//! ```text
//! files ─► tree (TOML or JSON, with lines) ─► read ─► wanted ─┐
//!                                                             ├─► plan ─► edits, in one transaction
//!                         control store ─► inventory ─────────┘
//! ```
//!
//! - **Declarative.** Files say how things shall be; what they do not say stays. To apply them twice is to apply them
//!   once. Nothing is removed but, if asked for, overrides, issuers, rules and channels of projects that are named.
//! - **All or nothing.** Every file is read and checked before anything is changed, all faults are told at once with
//!   file, line and field, and all changes are one transaction, each with its audit entry.
//! - **Exact beside others.** The transaction holds only if nothing has changed since the plan was made; otherwise a
//!   new plan is made.
//! - **No secrets.** Passwords and keys cannot stand in files, and [`mod@print`] writes none. An issuer's shared secret can,
//!   and where a channel leads; or better they stand in files of their own, as `secret_file` names one.

mod alerting;
mod belongings;
mod fault;
mod files;
mod issuer;
mod known;
mod parts;
mod plan;
mod print;
mod read;
mod secret;
mod section;
mod settings;
#[cfg(test)]
mod tests;
mod tree;
mod wanted;
mod watching;

use std::path::{Path, PathBuf};

use crate::control::{By, Control, ControlError};
use fault::Notes;

pub use fault::Faults;
pub use parts::{Plan, Terms};
pub use plan::plan;
pub use print::print;
pub use read::Format;
pub use wanted::Wanted;

/// Plans that are made anew because others change the same store.
const TRIES_MAX: u32 = 10;

/// Why nothing was applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// Files are faulty, or ask for what cannot be.
    #[error("nothing is changed:\n{0}")]
    Faulty(#[from] Faults),
    /// The store refuses.
    #[error(transparent)]
    Control(#[from] ControlError),
}

/// Reads files, and the files of folders.
///
/// # Errors
/// All that is wrong with them.
pub fn read(paths: &[PathBuf]) -> Result<Wanted, Faults> {
    let (mut wanted, notes) = (Wanted::default(), Notes::default());
    files::read_paths(&mut wanted, &notes, paths);
    notes.finish(wanted)
}

/// Reads a text; `name` is what faults call it, and `folder` where files that it names are looked for.
///
/// # Errors
/// All that is wrong with it.
pub fn read_text(name: &str, folder: &Path, format: Format, text: &str) -> Result<Wanted, Faults> {
    let (mut wanted, notes) = (Wanted::default(), Notes::default());
    read::read_text(&mut wanted, &notes, &name.into(), folder, format, text);
    notes.finish(wanted)
}

/// Makes what is there what is wanted, and gives the plan that was carried out.
///
/// # Errors
/// What is wanted cannot be, or the store refuses; nothing was changed then, unless the store was lost at the commit.
pub async fn apply(
    control: &Control,
    by: &By,
    wanted: &Wanted,
    terms: Terms<'_>,
) -> Result<Plan, ApplyError> {
    let mut tries = 0;
    loop {
        let there = control.inventory().await?;
        let plan = plan(wanted, &there, terms)?;
        match control.make_all(by, there.revision, plan.edits.clone()).await {
            Err(ControlError::Conflict { field: "revision" }) if tries < TRIES_MAX => tries += 1,
            outcome => {
                outcome?;
                return Ok(plan);
            }
        }
    }
}
