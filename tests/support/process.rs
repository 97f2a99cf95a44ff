//! Programs that run beside the test.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::wait::until;

/// A command that sees nothing of the developer's environment: no proxy, no kubeconfig, no locale.
pub(crate) fn sealed(program: &Path, home: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("HOME", home).stdin(Stdio::null());
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
}

/// A running program whose output goes to a file; it is killed when this value is dropped.
#[derive(Debug)]
pub(crate) struct Daemon {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// Starts `command` with its output in `<folder>/<name>.log`.
    pub(crate) fn start(name: &str, folder: &Path, command: &mut Command) -> Self {
        let log = folder.join(format!("{name}.log"));
        let output = File::create(&log).unwrap_or_else(|error| panic!("{}: {error}", log.display()));
        let errors = output.try_clone().expect("a file handle can be duplicated");
        let child = command
            .stdout(output)
            .stderr(errors)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", command.get_program().display()));
        Self { name: name.to_owned(), child, log }
    }

    /// Fails with the end of the program's log when it no longer runs.
    #[track_caller]
    pub(crate) fn assert_running(&mut self) {
        if let Some(status) = self.child.try_wait().expect("the state of our own child can be read") {
            panic!("{} ended with {status}; its last lines:\n{}", self.name, self.last_lines());
        }
    }

    /// Asks it to end, as a kubelet does, and waits until it has.
    pub(crate) fn stop(mut self) {
        let id = self.child.id().to_string();
        // The shell's own `kill`, because not every machine has a program of that name.
        let _ = Command::new("sh").args(["-c", r#"kill -s TERM "$1""#, "sh", &id]).status();
        until("it ends when it is asked to", || match self.child.try_wait() {
            Ok(None) => Err(format!("{} still runs:\n{}", self.name, self.last_lines())),
            _ => Ok(()),
        });
    }

    /// The end of what it wrote so far, for the message of a failure.
    pub(crate) fn last_lines(&self) -> String {
        let text =
            fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Either call fails only when the process is gone already, which is the aim.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
