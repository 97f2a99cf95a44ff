//! The real kubectl, so that what the tests assert on is what users see.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Output, Stdio};

use serde_json::Value;

use super::process::sealed;
use super::programs::Programs;

/// kubectl as a cluster administrator, or as whom a token is for.
#[derive(Debug, Clone)]
pub(crate) struct Kubectl {
    pub(crate) program: PathBuf,
    pub(crate) home: PathBuf,
    pub(crate) kubeconfig: PathBuf,
    token: Option<String>,
}

impl Kubectl {
    pub(crate) fn new(programs: &Programs, home: PathBuf, kubeconfig: PathBuf) -> Self {
        Self { program: programs.path("kubectl"), home, kubeconfig, token: None }
    }

    /// The same cluster, seen by somebody else.
    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// Runs it with `input` on its standard input.
    pub(crate) fn output(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = sealed(&self.program, &self.home)
            .arg("--kubeconfig")
            .arg(&self.kubeconfig)
            .arg("--request-timeout=60s")
            .args(self.token.iter().map(|token| format!("--token={token}")))
            .args(arguments)
            .current_dir(&self.home)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", self.program.display()));
        let mut pipe = child.stdin.take().expect("standard input is a pipe");
        // kubectl may refuse its arguments without reading; then its message tells more than our broken pipe.
        let _ = pipe.write_all(input.as_bytes());
        drop(pipe);
        child.wait_with_output().expect("kubectl can be waited for")
    }

    /// What it prints, or its message when it fails.
    pub(crate) fn attempt(&self, arguments: &[&str], input: &str) -> Result<String, String> {
        let output = self.output(arguments, input);
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }

    /// What it prints; failing is a failure of the test.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        self.run_with_input(arguments, "")
    }

    #[track_caller]
    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> String {
        match self.attempt(arguments, input) {
            Ok(printed) => printed,
            Err(message) => panic!("kubectl {}: {message}", arguments.join(" ")),
        }
    }

    /// Its message when it fails; success is a failure of the test.
    #[track_caller]
    pub(crate) fn refused(&self, arguments: &[&str], input: &str) -> String {
        match self.attempt(arguments, input) {
            Ok(printed) => panic!("kubectl {} should have been refused: {printed}", arguments.join(" ")),
            Err(message) => message,
        }
    }

    /// The JSON document it prints.
    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str], input: &str) -> Value {
        let printed = self.run_with_input(arguments, input);
        serde_json::from_str(&printed).unwrap_or_else(|error| {
            panic!("kubectl {} printed no JSON ({error}): {printed}", arguments.join(" "))
        })
    }
}
