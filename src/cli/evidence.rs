//! `fresnel verify-evidence`: whether evidence of a month is what it was when it was signed.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Deserialize;

use crate::integrations::evidence::{self, EvidenceError};

/// Most bytes of a file: evidence of 500 integrations and a month has two million.
const FILE_BYTES_MAX: u64 = 64 * 1_024 * 1_024;

/// What is checked.
#[derive(Debug, Args)]
pub(super) struct EvidenceArgs {
    /// The evidence as it was downloaded; `-` reads standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The key that is trusted, in base64, as `GET /api-integrations/evidence/key` of the installation shows it. Without it only
    /// changes are found, and not that somebody else has signed.
    #[arg(long, value_name = "BASE64")]
    key: Option<String>,
}

/// Why evidence is not believed.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotBelieved {
    /// It cannot be read.
    #[error("{0}: {1}")]
    Unreadable(PathBuf, std::io::Error),
    /// It proves nothing.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
}

/// What a document says of itself.
#[derive(Deserialize)]
struct Head {
    project: String,
    month: String,
    is_complete: bool,
    kept: usize,
    violated: usize,
}

/// Checks evidence, and says what it is about.
pub(super) fn verify(arguments: &EvidenceArgs) -> Result<String, NotBelieved> {
    let unreadable = |error| NotBelieved::Unreadable(arguments.file.clone(), error);
    let text = read(&arguments.file).map_err(unreadable)?;
    let evidence = evidence::verify(&text, arguments.key.as_deref())?;
    let head: Head = serde_json::from_str(evidence.document.get()).map_err(|_| EvidenceError::Malformed)?;
    let whole = if head.is_complete {
        ""
    } else {
        ", which was not over yet"
    };
    let trust = match arguments.key {
        Some(_) => "by the key that was given".to_owned(),
        None => format!(
            "by the key {}: compare it with the installation's",
            evidence.signature.public_key
        ),
    };
    Ok(format!(
        "The evidence is as it was signed, {trust}.\nProject {}, {}{whole}: {} integrations kept to their targets, {} did not.",
        head.project, head.month, head.kept, head.violated
    ))
}

fn read(file: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    if file == Path::new("-") {
        std::io::stdin().take(FILE_BYTES_MAX).read_to_string(&mut text)?;
    } else {
        std::fs::File::open(file)?
            .take(FILE_BYTES_MAX)
            .read_to_string(&mut text)?;
    }
    Ok(text)
}
