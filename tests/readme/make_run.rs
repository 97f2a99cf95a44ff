//! `make run`, as somebody has it who tries pullkey for the first time.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::iter;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use super::markdown::Kind;
use super::shell::Shell;
use super::{LIMIT, bash, blocks};

/// How long it may build, optimized, on a machine that is busy with other things; it only bounds a failure.
const BUILD_LIMIT: Duration = Duration::from_secs(1800);

/// The number of the signal that Ctrl-C sends.
const SIGINT: i32 = 2;

#[test]
fn make_run_shows_what_the_readme_shows_and_ends_with_ctrl_c() {
    let [block] = &blocks(Kind::Try)[..] else { panic!("not one block is marked with try") };
    let expected = block.expected.as_deref().expect("README.md shows what make run prints");
    let mut make = as_typed();
    // Any free port.
    make.env_remove("PORT");
    let mut running = Shell::start(make, &block.text, Path::new(env!("CARGO_TARGET_TMPDIR")));
    wait(&mut running, BUILD_LIMIT, "until Ctrl-C");
    let shown = running.written("stdout");
    assert!(shown.contains(expected), "{}: make run prints:\n{shown}", block.place);
    // The claim between the two: "The reason for each image follows".
    assert!(shown.contains("pull secrets: yc-registry-secret"), "{shown}");

    let started = below(running.id());
    assert!(started.values().any(|command| command.contains("serve")), "{started:?}");
    running.signal("INT");
    let ended = running.end(LIMIT).unwrap_or_else(|reason| panic!("{reason}"));
    // GNU make passes an interrupt on to itself when what it called has ended. That this ended well, it says by saying
    // nothing.
    let interrupted = ended.status.signal() == Some(SIGINT) || ended.status.code() == Some(128 + SIGINT);
    assert!(ended.status.success() || interrupted, "{}\n{}", ended.status, ended.stderr);
    assert!(!ended.stderr.contains("***"), "{}", ended.stderr);
    assert!(ended.stdout.trim_end().ends_with("\"message\":\"stopped\"}"), "{}", ended.stdout);
    for (process, command) in started {
        assert!(!Path::new("/proc").join(process.to_string()).exists(), "{command} is left");
    }
}

/// A shell that does not know of the Cargo and make above this test: both would leave their own settings to it.
fn as_typed() -> Command {
    let mut command = bash();
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        let of_cargo = ["CARGO_PKG_", "CARGO_BIN_", "CARGO_MANIFEST_", "CARGO_TARGET_", "MAKE", "MFLAGS"];
        let names = ["CARGO", "CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE", "RUSTUP_TOOLCHAIN"];
        if of_cargo.iter().any(|start| text.starts_with(start)) || names.contains(&&*text) {
            command.env_remove(&name);
        }
    }
    command
}

/// Waits until its standard output has this text.
#[track_caller]
fn wait(running: &mut Shell, limit: Duration, text: &str) {
    let start = Instant::now();
    while !running.written("stdout").contains(text) {
        let ended = running.status();
        assert!(
            ended.is_none() && start.elapsed() < limit,
            "{ended:?}, and nothing says {text:?}:\n{}\n{}",
            running.written("stdout"),
            running.written("stderr")
        );
        thread::sleep(Duration::from_millis(100));
    }
}

/// The processes that belong to `make run`, with their command lines.
/// They are found by their parents, because the server has a process group of its own.
fn below(shell: u32) -> BTreeMap<u32, String> {
    let entries = fs::read_dir("/proc").expect("the processes can be listed");
    let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    let parents: BTreeMap<u32, u32> =
        numbers.filter_map(|process| Some((process, parent(process)?))).collect();
    let belongs = |&process: &u32| {
        let mut ancestors = iter::successors(Some(process), |process| parents.get(process).copied());
        ancestors.any(|ancestor| ancestor == shell)
    };
    parents.keys().copied().filter(belongs).map(|process| (process, command_line(process))).collect()
}

fn parent(process: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}

fn command_line(process: u32) -> String {
    let bytes = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\0', " ")
}
