//! The `fresnel` command.

use std::process::ExitCode;

use clap::Parser;
use fresnel::cli::{self, Cli};

fn main() -> ExitCode {
    #[expect(
        clippy::disallowed_methods,
        reason = "the environment enters here and is handed to config"
    )]
    let environment = std::env::vars();
    cli::run(Cli::parse(), environment)
}
