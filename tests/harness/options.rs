//! What a server is started with, and where.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// The binary under test.
pub(crate) const FRESNEL: &str = env!("CARGO_BIN_EXE_fresnel");

/// What a server is started with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    pub(super) variables: Vec<(String, String)>,
    pub(super) data_dir: Option<PathBuf>,
    pub(super) settings_file: Option<String>,
}

impl Options {
    /// The defaults of the product, on a folder of its own.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Sets an environment variable.
    pub(crate) fn set(mut self, variable: &str, value: impl ToString) -> Self {
        self.variables.push((variable.to_owned(), value.to_string()));
        self
    }

    /// Uses this folder instead of a temporary one.
    pub(crate) fn data_dir(mut self, folder: &Path) -> Self {
        self.data_dir = Some(folder.to_owned());
        self
    }

    /// Writes this text to a settings file and starts with it.
    pub(crate) fn settings_file(mut self, text: &str) -> Self {
        self.settings_file = Some(text.to_owned());
        self
    }
}

/// A command of the binary under test that knows none of the caller's own `FRESNEL_` settings but the
/// engine's library, and runs where the product would look for that.
pub(crate) fn command(verb: &str) -> Command {
    let mut command = Command::new(FRESNEL);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("FRESNEL_") && name != "FRESNEL_ENGINE__LIBRARY" {
            command.env_remove(name);
        }
    }
    command
        .arg(verb)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("FRESNEL_SERVER__LISTEN", "127.0.0.1:0")
        // Behind everything else an engine gets one hundredth of a machine whose other tests use all of it.
        .env("FRESNEL_ENGINE__NICENESS", "0")
        .stdin(Stdio::null());
    command
}

/// A temporary folder on a real disk.
pub(crate) fn temporary_folder() -> TempDir {
    tempfile::Builder::new()
        .prefix("fresnel-")
        .tempdir_in(env!("CARGO_TARGET_TMPDIR"))
        .expect("a temporary folder")
}
