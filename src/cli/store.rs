//! The control store, for commands that work on it beside a running service.

use std::path::PathBuf;

use crate::config::Config;
use crate::control::{Control, ControlError, SQLITE_FILE_NAME};

/// Why a command could not do its work on the control store.
#[derive(Debug, thiserror::Error)]
pub(super) enum StoreError {
    /// There is nothing to look at.
    #[error("{0} is not there: no fresnel has been started on this data folder (setting data_dir)")]
    NoStore(PathBuf),
    /// The data folder cannot be made.
    #[error("data folder {path} (setting data_dir): {source}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A field is outside its limits.
    #[error("{0}")]
    Invalid(String),
    /// The store says no.
    #[error(transparent)]
    Control(ControlError),
}

impl From<ControlError> for StoreError {
    fn from(error: ControlError) -> Self {
        match error {
            ControlError::Invalid(faults) => {
                let faults: Vec<_> = faults
                    .iter()
                    .map(|fault| format!("{} {}", fault.field, fault.message))
                    .collect();
                Self::Invalid(faults.join("; "))
            }
            other => Self::Control(other),
        }
    }
}

/// Opens the store that the settings name; makes it when it is not there and `may_make`.
pub(super) async fn open(config: &Config, may_make: bool) -> Result<Control, StoreError> {
    let path = &config.data_dir;
    if config.control.url.is_empty() {
        let file = path.join(SQLITE_FILE_NAME);
        if may_make {
            std::fs::create_dir_all(path).map_err(|source| StoreError::Folder {
                path: path.clone(),
                source,
            })?;
        } else if !file.exists() {
            return Err(StoreError::NoStore(file));
        }
    }
    Ok(Control::open(&config.control, path).await?)
}
