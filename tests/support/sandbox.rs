//! A place where a cluster can live and die without a trace.
//!
//! The test program starts itself a second time inside a network and a PID namespace of its own.
//! In there every port is free, addresses that are not loopback can be given away, nothing reaches the outside,
//! and the second process is PID 1: when it ends, for whatever reason, the kernel ends everything it started.

use std::env;
use std::fs;
use std::io::{self, Read};
use std::path::PathBuf;
use std::process::{self, Command, ExitCode, Stdio};
use std::thread;

use super::programs::Programs;

/// The address that pullkey and other webhooks listen on.
///
/// The API server refuses endpoints on loopback, so a bridge without ports holds this one;
/// not every kernel has dummy devices.
pub(crate) const ADDRESS: &str = "10.99.0.2";

const FOLDER: &str = "PULLKEY_TEST_SANDBOX_FOLDER";
const PROGRAMS: &str = "PULLKEY_TEST_SANDBOX_PROGRAMS";
const NAMESPACES: [&str; 4] = ["--net", "--pid", "--fork", "--kill-child"];
/// What holds the addresses.
pub(crate) const BRIDGE: &str = "pullkey0";
const ADD_BRIDGE: [&str; 7] = ["ip", "link", "add", "name", BRIDGE, "type", "bridge"];

/// How to make a sandbox on this machine.
#[derive(Debug)]
pub(crate) struct Sandbox {
    flags: Vec<&'static str>,
}

impl Sandbox {
    /// Tries it, as root or as whoever may have user namespaces; or says why there can be none.
    pub(crate) fn probe() -> Result<Self, String> {
        Self::first_that_works(&[&[], &["--user", "--map-root-user"]])
    }

    /// Tries these flags of `unshare` besides ours, one set after the other.
    pub(crate) fn first_that_works(choices: &[&[&'static str]]) -> Result<Self, String> {
        let mut reasons = Vec::new();
        for extra in choices {
            let flags: Vec<_> = NAMESPACES.into_iter().chain(extra.iter().copied()).collect();
            match Command::new("unshare").args(&flags).args(ADD_BRIDGE).stdin(Stdio::null()).output() {
                Ok(output) if output.status.success() => return Ok(Self { flags }),
                Ok(output) => reasons.push(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
                Err(error) => reasons.push(format!("unshare: {error}")),
            }
        }
        Err(format!("no network namespace can be made here ({})", reasons.join("; ")))
    }

    /// Runs this same program inside where that is possible, and otherwise what says why it is not.
    ///
    /// The programs come first: building them may need the network, and there is none inside.
    pub(crate) fn run_inside_or(
        possible: Result<(Programs, Self), String>,
        skipped: impl FnOnce(String) -> ExitCode,
    ) -> ExitCode {
        match possible {
            Ok((programs, sandbox)) => sandbox.run_this_program_inside(&programs).unwrap_or_else(|reason| {
                eprintln!("{reason}");
                ExitCode::FAILURE
            }),
            Err(reason) => skipped(reason),
        }
    }

    /// Runs this same program with the same arguments inside, and returns as it did.
    pub(crate) fn run_this_program_inside(&self, programs: &Programs) -> Result<ExitCode, String> {
        self.run_this_program_with(&[], programs)
    }

    /// The same with these variables in its environment.
    pub(crate) fn run_this_program_with(
        &self,
        variables: &[(&str, &str)],
        programs: &Programs,
    ) -> Result<ExitCode, String> {
        let folder = tempfile::Builder::new()
            .prefix("cluster-")
            .tempdir_in(env!("CARGO_TARGET_TMPDIR"))
            .map_err(|error| format!("{}: {error}", env!("CARGO_TARGET_TMPDIR")))?;
        let this_program = env::current_exe().map_err(|error| format!("the path of this test: {error}"))?;
        let mut child = Command::new("unshare")
            .args(&self.flags)
            .arg("--")
            .arg(this_program)
            .args(env::args_os().skip(1))
            .env(FOLDER, folder.path())
            .env(PROGRAMS, programs.folder())
            .envs(variables.iter().copied())
            // Held open until we end; see `die_with_the_outer_process`.
            .stdin(Stdio::piped())
            .spawn()
            .map_err(|error| format!("unshare: {error}"))?;
        let lifeline = child.stdin.take();
        let status = child.wait().map_err(|error| format!("unshare: {error}"))?;
        drop(lifeline);
        folder.close().map_err(|error| format!("removing the temporary folder: {error}"))?;
        Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
    }
}

/// The inside of a sandbox.
#[derive(Debug)]
pub(crate) struct Inside {
    pub(crate) folder: PathBuf,
    pub(crate) programs: Programs,
}

impl Inside {
    /// Where this process is inside a sandbox, sets up its network and ties its life to the outer process.
    pub(crate) fn enter() -> Option<Self> {
        let folder = PathBuf::from(env::var_os(FOLDER)?);
        let programs = Programs::in_folder(PathBuf::from(env::var_os(PROGRAMS)?));
        assert_eq!(process::id(), 1, "{FOLDER} is set, but this is not the first process of a sandbox");
        die_with_the_outer_process(folder.clone());
        let address = format!("{ADDRESS}/24");
        for command in [
            &["ip", "link", "set", "lo", "up"][..],
            &ADD_BRIDGE[..],
            &["ip", "address", "add", &address, "dev", BRIDGE][..],
            &["ip", "link", "set", BRIDGE, "up"][..],
        ] {
            let status = Command::new(command[0]).args(&command[1..]).stdin(Stdio::null()).status();
            assert!(status.is_ok_and(|status| status.success()), "{} failed", command.join(" "));
        }
        Some(Self { folder, programs })
    }
}

/// Ends this process, and with it all others in the sandbox, when standard input ends.
///
/// The outer process holds the other end, so this also happens when it is killed with SIGKILL.
fn die_with_the_outer_process(folder: PathBuf) {
    thread::spawn(move || {
        let _ = io::stdin().read(&mut [0]);
        // From PID 1 of a PID namespace this reaches every process of the sandbox and none outside.
        // They must be gone before the folder, or they would write into it again.
        let _ = Command::new("sh").args(["-c", "kill -9 -1"]).status();
        let _ = fs::remove_dir_all(folder);
        process::exit(1);
    });
}
