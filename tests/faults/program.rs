//! `pullkey serve` as a process of its own, started as a row wants it.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::process::{ChildStderr, Command, Stdio};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::built;
use super::running::Running;
use super::wait::until;

/// The running program; it is killed when this value is dropped.
#[derive(Debug)]
pub(crate) struct Program {
    running: Running,
    /// Its standard error, when that is a pipe which nobody reads.
    unread: Option<BufReader<ChildStderr>>,
    /// The TLS port.
    pub(crate) listen: SocketAddr,
    /// The port of `/livez`, `/readyz` and `/metrics`.
    pub(crate) admin_listen: SocketAddr,
}

/// A shell that does this first, for example `ulimit -n 64`, and is then replaced by `pullkey serve`.
pub(crate) fn command(preparation: &str, folder: &Path, flags: &[&str]) -> Command {
    let mut shell = Command::new("/bin/sh");
    let script = format!("{preparation}\nexec \"$0\" \"$@\"");
    shell.args(["-ec", &script]).arg(built::under_test());
    shell
        .args(["serve", "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0", "--log-format=json"])
        .args(flags);
    // Every flag could come from the environment too, so there is nothing in it but what the image brings.
    shell
        .env_clear()
        .envs(image_environment())
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    shell
}

/// What the last stage of the Dockerfile sets, for example for the allocator.
fn image_environment() -> Vec<(String, String)> {
    let dockerfile = concat!(env!("CARGO_MANIFEST_DIR"), "/Dockerfile");
    let dockerfile = fs::read_to_string(dockerfile).unwrap_or_else(|error| panic!("{dockerfile}: {error}"));
    let stage = dockerfile.rsplit("\nFROM ").next().unwrap_or_default();
    let settings = stage.lines().filter_map(|line| line.strip_prefix("ENV ")?.split_once('='));
    settings.map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned())).collect()
}

impl Program {
    /// Starts it with its log in the folder, and returns once it says that it serves.
    pub(crate) fn start(preparation: &str, folder: &Path, flags: &[&str]) -> anyhow::Result<Self> {
        let log = folder.join("serve.log");
        let child = command(preparation, folder, flags).stderr(File::create(&log)?).spawn()?;
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        let mut program =
            Self { running: Running::new(child, log), unread: None, listen: nowhere, admin_listen: nowhere };
        let line = until("pullkey serves", || {
            program.assert_running();
            program.line("serving")
        });
        (program.listen, program.admin_listen) = addresses(&line)?;
        Ok(program)
    }

    /// Starts it with standard output and standard error as pipes that nobody reads once it serves.
    pub(crate) fn start_unread(folder: &Path, flags: &[&str]) -> anyhow::Result<Self> {
        let mut child = command("", folder, flags).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let mut unread = BufReader::new(child.stderr.take().context("standard error is a pipe")?);
        let (listen, admin_listen) = loop {
            let mut line = String::new();
            ensure!(unread.read_line(&mut line)? > 0, "the log ends before it serves");
            let line: Value = serde_json::from_str(&line).with_context(|| line.clone())?;
            if line["message"] == "serving" {
                break addresses(&line)?;
            }
        };
        let log = folder.join("serve.log");
        File::create(&log)?;
        Ok(Self { running: Running::new(child, log), unread: Some(unread), listen, admin_listen })
    }

    /// Nobody will ever read its standard error.
    pub(crate) fn close_standard_error(&mut self) {
        self.unread = None;
    }
}

impl Deref for Program {
    type Target = Running;

    fn deref(&self) -> &Running {
        &self.running
    }
}

impl DerefMut for Program {
    fn deref_mut(&mut self) -> &mut Running {
        &mut self.running
    }
}

/// The two addresses in the line that says that it serves.
pub(crate) fn addresses(line: &Value) -> anyhow::Result<(SocketAddr, SocketAddr)> {
    let address = |field: &str| {
        line[field]
            .as_str()
            .and_then(|address| address.parse().ok())
            .with_context(|| format!("no {field} in {line}"))
    };
    Ok((address("listen")?, address("admin_listen")?))
}
