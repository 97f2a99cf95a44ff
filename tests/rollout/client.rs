//! The Go program of `tests/transport`, which sends the requests and counts what becomes of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::{Child, Command, Stdio};

use serde::Deserialize;

use super::support::script::{script, target};

const BUILD: &str = "tests/transport/build";

/// The running program; it is killed when this value is dropped.
#[derive(Debug)]
pub(crate) struct Client(Option<Child>);

/// What became of its requests.
#[derive(Debug, Deserialize)]
pub(crate) struct Totals {
    pub(crate) sent: u64,
    pub(crate) ok: u64,
    pub(crate) failed: BTreeMap<String, u64>,
    pub(crate) wrong: u64,
    pub(crate) repeated: u64,
    pub(crate) refused: u64,
    pub(crate) seconds: f64,
    pub(crate) connections: u64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) max_ms: f64,
    pub(crate) first_failure_ms: u64,
    pub(crate) last_failure_ms: u64,
    pub(crate) examples: Option<Vec<String>>,
}

impl Client {
    /// Builds the program, or says why there can be none on this machine.
    pub(crate) fn build() -> Result<(), String> {
        let output = script(BUILD).output().map_err(|error| format!("{BUILD}: {error}"))?;
        if output.status.success() { Ok(()) } else { Err(format!("{BUILD} ended with {}", output.status)) }
    }

    /// Starts it in one of its modes.
    pub(crate) fn start(arguments: &[String]) -> Self {
        let program = target().join("transport/transport");
        let child = Command::new(&program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        Self(Some(child))
    }

    /// Tells it that it may end, and returns what it counted when it has.
    pub(crate) fn finish(mut self) -> Totals {
        let mut child = self.0.take().expect("it is taken only here");
        drop(child.stdin.take());
        let output = child.wait_with_output().expect("the client can be waited for");
        assert!(output.status.success(), "the client ended with {}", output.status);
        let text = String::from_utf8_lossy(&output.stdout);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("the client printed {text}: {error}"))
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            // Either call fails only when the process is gone already, which is the aim.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Totals {
    /// How many got no answer, or none that lets the API server go on.
    pub(crate) fn failures(&self) -> u64 {
        self.failed.values().sum()
    }

    /// How many requests it sent per second.
    pub(crate) fn rate(&self) -> String {
        let sent = f64::from(u32::try_from(self.sent).unwrap_or(u32::MAX));
        format!("{:.0}/s", sent / self.seconds)
    }

    /// The failures by their kind, for a table.
    pub(crate) fn kinds(&self) -> String {
        let mut text = self.failures().to_string();
        for (position, (kind, count)) in self.failed.iter().enumerate() {
            let separator = if position == 0 { ": " } else { ", " };
            write!(text, "{separator}{count} {kind}").expect("a string takes any text");
        }
        text
    }

    /// Fails unless each request was answered, and each answer was right.
    pub(crate) fn all_right(&self, what: &str) -> Result<(), String> {
        if self.failures() == 0 && self.wrong == 0 && self.ok + self.refused == self.sent {
            return Ok(());
        }
        let examples = self.examples.clone().unwrap_or_default().join("\n  ");
        Err(format!(
            "{what}: of {} requests {} failed and {} were answered wrongly, for example\n  {examples}",
            self.sent,
            self.kinds(),
            self.wrong
        ))
    }
}
