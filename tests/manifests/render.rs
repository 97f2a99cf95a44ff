//! The manifests as a real kubectl renders them.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

/// A copy of `deploy/` in which a certificate lies where `certs/make-certs` puts it.
#[derive(Debug)]
pub(crate) struct Deploy {
    kubectl: OsString,
    folder: TempDir,
}

impl Deploy {
    /// Where there is no kubectl, it says so and returns nothing; in CI it fails instead.
    pub(crate) fn copy_or_skip(test: &str) -> Option<Self> {
        let Some(kubectl) = find_kubectl() else {
            let reason = "no kubectl in KUBECTL, in the target folder (tests/cluster/build) or on the PATH";
            assert!(
                env::var_os("CI").is_none_or(|ci| ci.is_empty()),
                "{reason}; in CI nothing may be skipped"
            );
            // Past the test harness, which would swallow it.
            let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {reason}");
            return None;
        };
        let folder = TempDir::new().expect("a temporary folder can be made");
        copy_folder(&repository().join("deploy"), &folder.path().join("deploy"));
        let deploy = Self { kubectl, folder };
        // Kustomize only carries them; what is in them, tests/certs.rs checks.
        deploy.write("deploy/overlays/files/tls.crt", "a certificate");
        deploy.write("deploy/overlays/files/tls.key", "a key");
        Some(deploy)
    }

    /// Renders a folder of `deploy/`.
    #[track_caller]
    pub(crate) fn render(&self, folder: &str) -> Rendered {
        self.kustomize(&format!("deploy/{folder}"))
    }

    /// Renders an overlay that an operator keeps beside `deploy/`, with a configuration of their own.
    #[track_caller]
    pub(crate) fn render_own(&self, kustomization: &str) -> Rendered {
        self.write("my-cluster/kustomization.yaml", kustomization);
        self.write("my-cluster/config.yaml", "the operator's configuration");
        self.kustomize("my-cluster")
    }

    #[track_caller]
    fn kustomize(&self, folder: &str) -> Rendered {
        let output = Command::new(&self.kubectl)
            .arg("kustomize")
            .arg(self.folder.path().join(folder))
            .output()
            .expect("kubectl starts");
        assert!(
            output.status.success(),
            "kubectl kustomize {folder}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Rendered::parse(String::from_utf8(output.stdout).expect("kubectl writes UTF-8"))
    }

    fn write(&self, path: &str, content: &str) {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a file has a folder")).expect("a folder can be made");
        fs::write(path, content).expect("a file can be written");
    }
}

/// The documents of one rendering.
#[derive(Debug)]
pub(crate) struct Rendered {
    pub(crate) text: String,
    pub(crate) documents: Vec<Value>,
}

impl Rendered {
    pub(crate) fn parse(text: String) -> Self {
        let documents = serde_saphyr::from_multiple(&text).expect("kubectl and Helm write YAML");
        Self { text, documents }
    }

    /// The only document of its kind.
    #[track_caller]
    pub(crate) fn the(&self, kind: &str) -> &Value {
        let found: Vec<_> = self.documents.iter().filter(|document| document["kind"] == kind).collect();
        let [document] = found[..] else { panic!("{} documents of kind {kind}", found.len()) };
        document
    }

    pub(crate) fn find(&self, kind: &str, name: &str) -> Option<&Value> {
        self.documents
            .iter()
            .find(|document| document["kind"] == kind && document["metadata"]["name"] == name)
    }

    /// The names of all documents of a kind.
    pub(crate) fn names(&self, kind: &str) -> Vec<&str> {
        let documents = self.documents.iter().filter(|document| document["kind"] == kind);
        documents.map(|document| text(&document["metadata"]["name"])).collect()
    }

    pub(crate) fn webhook(&self) -> &Value {
        let webhooks = self.the("MutatingWebhookConfiguration")["webhooks"].as_array().expect("a list");
        let [webhook] = &webhooks[..] else { panic!("{} webhooks", webhooks.len()) };
        webhook
    }

    pub(crate) fn pod(&self) -> &Value {
        &self.the("Deployment")["spec"]["template"]
    }
}

/// A value that must be text.
#[track_caller]
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("not text: {value}"))
}

/// The elements of a value that must be a list.
#[track_caller]
pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("not a list: {value}"))
}

pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The paths of all files in a folder, at any depth.
pub(crate) fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files = Vec::new();
    for path in entries.map(|entry| entry.expect("a folder can be read").path()) {
        if path.is_dir() {
            files.extend(files_in(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn find_kubectl() -> Option<OsString> {
    if let Some(named) = env::var_os("KUBECTL").filter(|named| !named.is_empty()) {
        return Some(named);
    }
    let built = Path::new(env!("CARGO_TARGET_TMPDIR")).parent()?.join("cluster/kubectl");
    if built.is_file() {
        return Some(built.into());
    }
    let on_path = Command::new("kubectl").args(["version", "--client"]).output();
    on_path.is_ok_and(|output| output.status.success()).then(|| "kubectl".into())
}

fn copy_folder(from: &Path, to: &Path) {
    for file in files_in(from) {
        let target = to.join(file.strip_prefix(from).expect("a file is in its folder"));
        fs::create_dir_all(target.parent().expect("a file has a folder")).expect("a folder can be made");
        fs::copy(&file, target).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    }
}
