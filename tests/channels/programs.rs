//! Programs in other languages.

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// The interpreter of the tests' own environment, which `make test-tools` makes.
pub(crate) fn python() -> OsString {
    let here = concat!(env!("CARGO_MANIFEST_DIR"), "/target/test-venv/bin/python");
    std::env::var_os("TEST_PYTHON").unwrap_or_else(|| here.into())
}

pub(crate) fn in_tests(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/channels")
        .join(name)
}

/// Runs a program on a text, and gives what it prints.
#[track_caller]
pub(crate) fn run(mut command: Command, input: &str) -> String {
    let mut child = command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the tools of the tests; `make test-tools` installs them");
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
