//! Prometheus' own promtool, built from source by `tests/promtool/build`.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use super::script::script;

const BUILD: &str = "tests/promtool/build";

/// Builds promtool if necessary. Where Go cannot run, says so and returns nothing; in CI it fails instead.
pub(crate) fn promtool() -> Option<PathBuf> {
    let output = script(BUILD).output().unwrap_or_else(|error| panic!("{BUILD}: {error}"));
    if output.status.success() {
        return Some(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim_end()));
    }
    let in_ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty());
    let cannot_run = output.status.code() == Some(3);
    assert!(cannot_run && !in_ci, "{BUILD} ended with {}", output.status);
    println!("SKIPPED: promtool cannot be built, see above");
    None
}

/// Runs it to its end with this on its standard input.
pub(crate) fn run(command: &mut Command, input: &str) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool starts");
    child.stdin.take().expect("its input is a pipe").write_all(input.as_bytes()).expect("it reads its input");
    child.wait_with_output().expect("it is a child of this process")
}
