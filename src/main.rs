//! The `fresnel` command.

use std::process::ExitCode;

use clap::Parser;
use fresnel::cli::{self, Cli};
use mimalloc::MiMalloc;

/// Hundreds of requests are under way at once, and each frees on its worker what it took there: an allocator with
/// free lists a thread and page costs a request half as much as the system's.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    #[expect(
        clippy::disallowed_methods,
        reason = "the environment enters here and is handed to config"
    )]
    let environment = std::env::vars();
    cli::run(Cli::parse(), environment)
}
