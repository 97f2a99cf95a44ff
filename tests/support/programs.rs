//! The programs of a cluster, built from source on first use.

use std::path::{Path, PathBuf};

use super::script::script;

const BUILD: &str = "tests/cluster/build";

/// The folder that holds etcd, kubectl and the parts of Kubernetes.
#[derive(Debug, Clone)]
pub(crate) struct Programs(PathBuf);

impl Programs {
    /// Those in `KUBEBUILDER_ASSETS`, or those that `tests/cluster/build` makes.
    pub(crate) fn find_or_build() -> Result<Self, String> {
        Self::find_or_build_all(&[], &["etcd", "kubectl", "kube-apiserver"])
    }

    /// The same with these programs built, or those that the script builds by default; those that are needed must
    /// be there afterwards.
    pub(crate) fn find_or_build_all(wanted: &[&str], needed: &[&str]) -> Result<Self, String> {
        let output = script(BUILD).args(wanted).output().map_err(|error| format!("{BUILD}: {error}"))?;
        if !output.status.success() {
            return Err(format!("{BUILD} ended with {}", output.status));
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
