//! `pullkey serve` as a process of its own, on free loopback ports.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use serde_json::Value;

use super::wait::until;

/// The running program; it is killed when this value is dropped.
#[derive(Debug)]
pub(crate) struct Serving {
    child: Child,
    log: PathBuf,
    /// The TLS port.
    pub(crate) listen: SocketAddr,
    /// The port of `/livez`, `/readyz` and `/metrics`.
    pub(crate) admin_listen: SocketAddr,
}

impl Serving {
    /// Starts it with these arguments in a folder, where its log goes, and returns once it serves.
    #[track_caller]
    pub(crate) fn start(folder: &Path, arguments: &[&str]) -> Self {
        let log = folder.join("serve.log");
        let stderr = File::create(&log).unwrap_or_else(|error| panic!("{}: {error}", log.display()));
        let child = Command::new(env!("CARGO_BIN_EXE_pullkey"))
            .args(["serve", "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0"])
            .args(arguments)
            // Every flag could come from the environment too.
            .env_clear()
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr)
            .spawn()
            .expect("the program starts");
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        let mut serving = Self { child, log, listen: nowhere, admin_listen: nowhere };
        let line = until("pullkey serves", || {
            serving.assert_running();
            serving.line("serving")
        });
        let address = |field: &str| line[field].as_str().and_then(|address| address.parse().ok());
        serving.listen = address("listen").unwrap_or_else(|| panic!("no TLS address in {line}"));
        serving.admin_listen =
            address("admin_listen").unwrap_or_else(|| panic!("no admin address in {line}"));
        serving
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
        let id = self.child.id().to_string();
        // The shell's own `kill`, because not every machine has a program of that name.
        let script = r#"kill -s "$1" "$2""#;
        let status = Command::new("/bin/sh").args(["-c", script, "sh", name, &id]).status();
        assert!(status.is_ok_and(|status| status.success()), "SIG{name} cannot be sent");
    }

    /// Waits until it has ended by itself.
    #[track_caller]
    pub(crate) fn ended(&mut self) -> ExitStatus {
        until("pullkey ends", || self.exit_status().ok_or_else(|| self.log_text()))
    }

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

impl Drop for Serving {
    fn drop(&mut self) {
        // Either call fails only when the process is gone already, which is the aim.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
