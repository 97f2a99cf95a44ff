//! The files of a test: certificates, a configuration, and folders as a kubelet mounts them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use rcgen::CertifiedKey;
use rustls::pki_types::CertificateDer;
use tempfile::TempDir;

/// How often a test's program compares its files.
pub(crate) const POLL: &str = "--poll-interval=100ms";

/// A temporary folder below `target/`.
pub(crate) fn folder() -> TempDir {
    TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder can be made")
}

/// A configuration that gives every image of `registry.example.com` this secret.
pub(crate) fn configuration(secret: &str) -> String {
    format!(
        "apiVersion: pullkey.dev/v1alpha1\nkind: InjectorConfiguration\nregistries:\n  \
         - matchImages: [registry.example.com]\n    pullSecrets: [{secret}]\n"
    )
}

/// A self-signed certificate for `localhost`, which a client may trust.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) der: CertificateDer<'static>,
    pub(crate) cert: String,
    pub(crate) key: String,
}

impl Pair {
    pub(crate) fn new() -> Self {
        let CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate can be made");
        Self { der: cert.der().clone(), cert: cert.pem(), key: signing_key.serialize_pem() }
    }
}

/// A folder as a kubelet mounts a Secret or a `ConfigMap`: each file is a symbolic link through
/// `..data`, which is another link to a folder with a time for its name.
#[derive(Debug)]
pub(crate) struct Volume {
    path: PathBuf,
    generation: usize,
}

impl Volume {
    pub(crate) fn new(path: PathBuf) -> Self {
        fs::create_dir(&path).expect("a folder can be made");
        Self { path, generation: 0 }
    }

    /// Replaces all files at once, as the kubelet's `AtomicWriter` does.
    pub(crate) fn swap(&mut self, files: &[(&str, &str)]) {
        self.generation += 1;
        let current = format!("..2026_11_21_05_00_{:02}.4711", self.generation);
        let former = fs::read_link(self.path.join("..data")).ok();
        let folder = self.path.join(&current);
        fs::create_dir(&folder).expect("a folder can be made");
        for (name, content) in files {
            fs::write(folder.join(name), content).expect("a file can be written");
        }
        symlink(&current, self.path.join("..data_tmp")).expect("a link can be made");
        fs::rename(self.path.join("..data_tmp"), self.path.join("..data")).expect("a link can be renamed");
        for (name, _) in files {
            if fs::symlink_metadata(self.path.join(name)).is_err() {
                symlink(format!("..data/{name}"), self.path.join(name)).expect("a link can be made");
            }
        }
        if let Some(former) = former {
            fs::remove_dir_all(self.path.join(former)).expect("the former folder can be removed");
        }
    }

    pub(crate) fn swap_pair(&mut self, cert: &str, key: &str) {
        self.swap(&[("tls.crt", cert), ("tls.key", key)]);
    }

    pub(crate) fn file(&self, name: &str) -> String {
        text(&self.path.join(name))
    }
}

/// Writes a file whole, so that a reader finds the former text or the new one.
pub(crate) fn write(path: &Path, content: &str) {
    let partial = path.with_extension("partial");
    fs::write(&partial, content).and_then(|()| fs::rename(&partial, path)).expect("a file can be written");
}

/// A path as an argument.
pub(crate) fn text(path: &Path) -> String {
    path.to_str().expect("the path of a test is UTF-8").to_owned()
}
