//! The real Helm, in both versions that people use, built from source by `tests/helm/build`.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::script::script;

const BUILD: &str = "tests/helm/build";

/// One version of Helm.
#[derive(Clone, Debug)]
pub(crate) struct Helm {
    pub(crate) program: PathBuf,
    /// Where it may keep what it likes.
    home: PathBuf,
}

impl Helm {
    /// Versions 4 and 3. Where Go cannot run, says so and returns nothing; in CI it fails instead.
    #[track_caller]
    pub(crate) fn both_or_skip(test: &str, home: &Path) -> Option<[Self; 2]> {
        let output = script(BUILD).output().unwrap_or_else(|error| panic!("{BUILD}: {error}"));
        if output.status.success() {
            let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim_end());
            let version = |name| Self { program: folder.join(name), home: home.to_owned() };
            return Some(["helm4", "helm3"].map(version));
        }
        let in_ci = env::var_os("CI").is_some_and(|value| !value.is_empty());
        let cannot_run = output.status.code() == Some(3);
        assert!(cannot_run && !in_ci, "{BUILD} ended with {}", output.status);
        println!("SKIPPED {test}: Helm cannot be built, see above");
        None
    }

    /// What it prints, or its message when it fails. It sees nothing of the developer's own Helm.
    pub(crate) fn attempt(&self, arguments: &[&str]) -> Result<String, String> {
        let mut command = Command::new(&self.program);
        command.env_clear().env("HOME", &self.home).stdin(Stdio::null()).args(arguments);
        let output = command.output();
        let output = output.unwrap_or_else(|error| panic!("{}: {error}", self.program.display()));
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Err(message(&output))
        }
    }
}

/// What a failed Helm says, without its lines on the symbolic links in the chart.
fn message(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    text.lines().filter(|line| !line.contains("found symbolic link")).collect::<Vec<_>>().join("\n")
}
