//! The real kubectl with the program as its plugin.

use std::env;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use assert_cmd::cargo::cargo_bin;

use super::run::Folder;
use super::script::script;

/// The real kubectl; where it cannot be built, says so and returns nothing; in CI it fails instead.
#[track_caller]
pub(crate) fn kubectl_or_skip(test: &str) -> Option<PathBuf> {
    let built = script("tests/cluster/build").arg("kubectl").output();
    let built = built.unwrap_or_else(|error| panic!("tests/cluster/build: {error}"));
    if built.status.success() {
        return Some(Path::new(String::from_utf8_lossy(&built.stdout).trim_end()).join("kubectl"));
    }
    let in_ci = env::var_os("CI").is_some_and(|value| !value.is_empty());
    assert!(!in_ci, "tests/cluster/build ended with {}", built.status);
    println!("SKIPPED {test}: kubectl cannot be built, see above");
    None
}

/// A folder with the two links, and where kubectl is.
#[derive(Debug)]
pub(crate) struct Plugin {
    pub(crate) folder: Folder,
    kubectl: PathBuf,
}

impl Plugin {
    #[track_caller]
    pub(crate) fn install_or_skip(test: &str) -> Option<Self> {
        let kubectl = kubectl_or_skip(test)?;
        let folder = Folder::with(&[("config.yaml", include_str!("../../examples/config.yaml"))]);
        for name in ["kubectl-pullkey", "kubectl_complete-pullkey"] {
            symlink(cargo_bin!("pullkey"), folder.path().join(name)).expect("a link can be made");
        }
        Some(Self { folder, kubectl })
    }

    /// Runs kubectl, which finds the links and nothing of the developer's.
    pub(crate) fn kubectl(&self, arguments: &[&str]) -> Output {
        Command::new(&self.kubectl)
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("HOME", self.folder.path())
            .env("PATH", self.folder.path())
            .stdin(Stdio::null())
            .output()
            .expect("kubectl starts")
    }

    /// What kubectl's own completion offers for these words of a line, and its number for the shell.
    #[track_caller]
    pub(crate) fn completed(&self, words: &[&str]) -> (Vec<String>, String) {
        let output = self.kubectl(&[&["__complete"], words].concat());
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).expect("candidates are text");
        let (candidates, directive) = text.trim_end().rsplit_once('\n').unwrap_or(("", text.trim_end()));
        (candidates.lines().map(str::to_owned).collect(), directive.to_owned())
    }
}
