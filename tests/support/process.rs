//! Programs that run beside the test.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::signal::signal;

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
        Self { name: name.to_owned(), child: spawn(command, &log), log }
    }

    /// Starts it once more after it has ended; the log goes on.
    pub(crate) fn start_again(&mut self, command: &mut Command) {
        self.child = spawn(command, &self.log);
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it no longer runs.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("the state of our own child can be read").is_some()
    }

    /// Whether it ended as a program that did what it should, once it has ended.
    pub(crate) fn success(&mut self) -> Option<bool> {
        let status = self.child.try_wait().expect("the state of our own child can be read");
        status.map(|status| status.success())
    }

    /// Fails with the end of the program's log when it runs, or ended otherwise than a program that was asked to.
    #[track_caller]
    pub(crate) fn assert_ended_well(&mut self) {
        let status = self.child.try_wait().expect("the state of our own child can be read");
        let ended_well = status.is_some_and(|status| status.success());
        assert!(ended_well, "{}: {status:?}; its last lines:\n{}", self.name, self.last_lines());
    }

    /// Fails with the end of the program's log when it no longer runs.
    #[track_caller]
    pub(crate) fn assert_running(&mut self) {
        if let Some(status) = self.child.try_wait().expect("the state of our own child can be read") {
            panic!("{} ended with {status}; its last lines:\n{}", self.name, self.last_lines());
        }
    }

    /// Asks it to end, as a kubelet does.
    pub(crate) fn terminate(&self) {
        signal("TERM", self.id());
    }

    /// What it wrote so far.
    pub(crate) fn written(&self) -> String {
        fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// The end of what it wrote so far, for the message of a failure.
    pub(crate) fn last_lines(&self) -> String {
        let text = self.written();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }
}

fn spawn(command: &mut Command, log: &Path) -> Child {
    let output = File::options().create(true).append(true).open(log);
    let output = output.unwrap_or_else(|error| panic!("{}: {error}", log.display()));
    let errors = output.try_clone().expect("a file handle can be duplicated");
    command
        .stdout(output)
        .stderr(errors)
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}", command.get_program().display()))
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Either call fails only when the process is gone already, which is the aim.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
