//! One replica: a process of pullkey on ports of its own.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::sync::atomic::{AtomicU16, Ordering};

use super::support::installation::readiness;
use super::support::process::sealed;
use super::support::program;
use super::support::signal::signal;

/// In the sandbox every port is free.
static NEXT_PORT: AtomicU16 = AtomicU16::new(20_000);

/// The running process; it is killed when this value is dropped.
#[derive(Debug)]
pub(crate) struct Replica {
    pub(crate) name: String,
    pub(crate) tls: SocketAddr,
    pub(crate) admin: SocketAddr,
    child: Child,
    log: PathBuf,
}

impl Replica {
    /// Starts it with these arguments and returns at once.
    pub(crate) fn start(folder: &Path, arguments: &[String], environment: &[(String, String)]) -> Self {
        let port = NEXT_PORT.fetch_add(2, Ordering::Relaxed);
        let [tls, admin] = [port, port + 1].map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        let name = format!("pullkey-{port}");
        let log = folder.join(format!("{name}.log"));
        let output = File::create(&log).unwrap_or_else(|error| panic!("{}: {error}", log.display()));
        let child = sealed(&program::under_test(), folder)
            .arg("serve")
            .args(arguments)
            .args([format!("--listen={tls}"), format!("--admin-listen={admin}")])
            .envs(environment.iter().cloned())
            .stdout(output.try_clone().expect("a file handle can be duplicated"))
            .stderr(output)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", program::under_test().display()));
        Self { name, tls, admin, child, log }
    }

    /// Fails with its log when it has ended, and says what it lacks when it is not ready.
    #[track_caller]
    pub(crate) fn ready(&mut self) -> Result<(), String> {
        if let Some(status) = self.ended() {
            panic!("{} ended with {status}; its last lines:\n{}", self.name, self.last_lines());
        }
        readiness(&self.admin.to_string()).map_err(|reason| format!("{reason}\n{}", self.last_lines()))
    }

    /// Whether and how it has ended.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the state of our own child can be read")
    }

    /// Sends a signal by its name, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        assert!(signal(name, self.child.id()), "SIG{name} cannot be sent");
    }

    /// The end of what it wrote so far.
    pub(crate) fn last_lines(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(10)..].join("\n")
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        // Either call fails only when the process is gone already, which is the aim.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
