//! A real mail server of a test's own.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};

use fresnel::config::{SmtpConfig, SmtpTls};
use serde_json::Value;

use super::programs::{in_tests, python};

/// A running mail server. It ends with its standard input, so also when the test process is killed.
pub(crate) struct MailServer {
    child: Child,
    output: BufReader<ChildStdout>,
    port: u16,
}

impl MailServer {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(python())
            .arg(in_tests("mail_server.py"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // It tells at length of what a test makes go wrong.
            .stderr(Stdio::null())
            .spawn()
            .expect("the tests' Python; `make test-tools` installs it");
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let port = line.trim().parse().unwrap();
        Self { child, output, port }
    }

    /// Settings that lead to it.
    pub(crate) fn settings(&self) -> SmtpConfig {
        SmtpConfig {
            host: "127.0.0.1".to_owned(),
            port: self.port,
            tls: SmtpTls::None,
            from: "Fresnel <alerts@fresnel.example>".to_owned(),
            timeout_ms: 120_000,
            ..SmtpConfig::default()
        }
    }

    /// The next mail that it took.
    pub(crate) fn took(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    /// Ends it; what it took and nobody has read yet.
    pub(crate) fn end(mut self) -> Vec<Value> {
        drop(self.child.stdin.take());
        let lines = self.output.by_ref().lines();
        lines
            .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
            .collect()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
