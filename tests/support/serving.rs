//! `pullkey serve` as a process of its own, on free loopback ports.

use std::fs::File;
use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::process::{Command, Stdio};

use super::running::Running;
use super::wait::until;

/// The running program; it is killed when this value is dropped.
#[derive(Debug)]
pub(crate) struct Serving {
    running: Running,
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
        let mut serving = Self { running: Running::new(child, log), listen: nowhere, admin_listen: nowhere };
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
}

impl Deref for Serving {
    type Target = Running;

    fn deref(&self) -> &Running {
        &self.running
    }
}

impl DerefMut for Serving {
    fn deref_mut(&mut self) -> &mut Running {
        &mut self.running
    }
}
