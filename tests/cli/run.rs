//! Running the program in a folder of its own, so that no message has a path of this machine.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use assert_cmd::cargo::cargo_bin_cmd;
use tempfile::TempDir;

/// Bounds a failure only: a command that should have refused to start must not hang the tests.
const RUN_MAX: Duration = Duration::from_secs(60);

/// A folder with files, in which commands run.
#[derive(Debug)]
pub(crate) struct Folder(TempDir);

/// What a command did.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self(TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder can be made"))
    }

    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        let folder = Self::new();
        for (name, content) in files {
            folder.write(name, content.as_bytes());
        }
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, name: &str, content: &[u8]) {
        fs::write(self.0.path().join(name), content).expect("a file can be written");
    }

    /// Runs the program; it sees nothing of the developer's environment.
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        self.run_with_stdin(arguments, "")
    }

    pub(crate) fn run_with_stdin(&self, arguments: &[&str], stdin: &str) -> Run {
        let output = cargo_bin_cmd!("pullkey")
            .args(arguments)
            .current_dir(self.path())
            .env_clear()
            .write_stdin(stdin)
            .timeout(RUN_MAX)
            .output()
            .expect("the program starts");
        Run {
            code: output.status.code().unwrap_or_else(|| panic!("{arguments:?} did not end: {output:?}")),
            stdout: String::from_utf8(output.stdout).expect("results are text"),
            stderr: String::from_utf8(output.stderr).expect("messages are text"),
        }
    }
}

impl Run {
    /// The result of a command that did what it was told to.
    #[track_caller]
    pub(crate) fn result(self) -> String {
        assert_eq!((self.code, self.stderr.as_str()), (0, ""), "{}", self.stdout);
        self.stdout
    }

    /// The negative answer of a command that did what it was told to: exit code 1.
    #[track_caller]
    pub(crate) fn negative(self) -> String {
        assert_eq!((self.code, self.stderr.as_str()), (1, ""), "{}", self.stdout);
        self.stdout
    }

    /// The one message of a command that refused: exit code 2, and no result.
    #[track_caller]
    pub(crate) fn error(self) -> String {
        assert_eq!((self.code, self.stdout.as_str()), (2, ""), "{}", self.stderr);
        for noise in ["panicked", "backtrace", "stack trace", "RUST_"] {
            assert!(!self.stderr.contains(noise), "{}", self.stderr);
        }
        assert!(self.stderr.ends_with('\n') && !self.stderr.trim().is_empty(), "{:?}", self.stderr);
        self.stderr
    }
}

/// Several runs as one text: what was given, and what came out.
#[derive(Debug, Default)]
pub(crate) struct Report(String);

impl Report {
    pub(crate) fn add(&mut self, given: &str, came_out: &str) {
        let mut separator = "";
        if !self.0.is_empty() {
            separator = "\n";
        }
        let _ = write!(self.0, "{separator}### {}\n{came_out}", given.trim_end());
        if !self.0.ends_with('\n') {
            self.0.push('\n');
        }
    }

    #[track_caller]
    pub(crate) fn assert(&self, name: &str) {
        assert_text(name, &self.0);
    }
}

/// Compares a text with the snapshot of this name.
#[track_caller]
pub(crate) fn assert_text(name: &str, text: &str) {
    for path in [env!("CARGO_MANIFEST_DIR"), env!("CARGO_TARGET_TMPDIR")] {
        assert!(!text.contains(path), "a path of this machine is in the text of {name}: {text}");
    }
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}
