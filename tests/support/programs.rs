//! The programs of a cluster, built from source on first use.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The folder that holds etcd, kubectl and the parts of Kubernetes.
#[derive(Debug, Clone)]
pub(crate) struct Programs(PathBuf);

impl Programs {
    /// Those in `KUBEBUILDER_ASSETS`, or those that `tests/cluster/build` makes.
    ///
    /// Its progress goes to the terminal, because the first build takes minutes.
    pub(crate) fn find_or_build() -> Result<Self, String> {
        Self::find_or_build_all(&[], &["etcd", "kubectl", "kube-apiserver"])
    }

    /// The same with these programs built, or those that the script builds by default; those that are needed must
    /// be there afterwards.
    pub(crate) fn find_or_build_all(wanted: &[&str], needed: &[&str]) -> Result<Self, String> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cluster/build");
        let mut command = Command::new(&script);
        if env::var_os("CARGO_TARGET_DIR").is_none()
            && let Some(target) = Path::new(env!("CARGO_TARGET_TMPDIR")).parent()
        {
            command.env("CARGO_TARGET_DIR", target);
        }
        let output = command
            .args(wanted)
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| format!("{}: {error}", script.display()))?;
        if !output.status.success() {
            return Err(format!("{} ended with {}", script.display(), output.status));
        }
        let folder = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
        let programs = Self::in_folder(PathBuf::from(folder));
        for needed in needed {
            if programs.optional(needed).is_none() {
                return Err(format!("{}: no such program", programs.path(needed).display()));
            }
        }
        Ok(programs)
    }

    pub(crate) fn in_folder(folder: PathBuf) -> Self {
        Self(folder)
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.0
    }

    pub(crate) fn path(&self, program: &str) -> PathBuf {
        self.0.join(program)
    }

    /// A program that a foreign folder may lack: envtest's has no controller manager.
    pub(crate) fn optional(&self, program: &str) -> Option<PathBuf> {
        Some(self.path(program)).filter(|path| path.is_file())
    }
}
