//! A process of pullkey whose log goes to a file: what it says, and how it ends.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, ExitStatus};

use serde_json::Value;

use super::signal::signal;
use super::wait::until;

/// The process; it is killed when this value is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    log: PathBuf,
}

impl Running {
    pub(crate) fn new(child: Child, log: PathBuf) -> Self {
        Self { child, log }
    }

    /// The number of the process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The lines of the log so far, each of which must be a JSON object.
    #[track_caller]
    pub(crate) fn lines(&self) -> Vec<Value> {
        let text = self.log_text();
        // What stands behind the last line end is still being written.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let parse = |line| {
            let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            assert!(value.is_object(), "{line}");
            value
        };
        whole.lines().map(parse).collect()
    }

    /// The first line of the log with this message.
    pub(crate) fn line(&self, message: &str) -> Result<Value, String> {
        let found = self.lines().into_iter().find(|line| line["message"] == message);
        found.ok_or_else(|| format!("no line {message:?} in the log:\n{}", self.log_text()))
    }

    /// The log as it is.
    pub(crate) fn log_text(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_else(|error| panic!("{}: {error}", self.log.display()))
    }

    /// Sends a signal by its name, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        assert!(signal(name, self.id()), "SIG{name} cannot be sent");
    }

    /// Waits until it has ended by itself.
    #[track_caller]
    pub(crate) fn ended(&mut self) -> ExitStatus {
        until("pullkey ends", || self.exit_status().ok_or_else(|| self.log_text()))
    }

    /// Fails when it has ended.
    #[track_caller]
    pub(crate) fn assert_running(&mut self) {
        if let Some(status) = self.exit_status() {
            panic!("pullkey ended with {status}; its log:\n{}", self.log_text());
        }
    }

    fn exit_status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the state of our own child can be read")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Either call fails only when the process is gone already, which is the aim.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
