//! pullkey installed as its README tells an operator to, with the process itself outside the cluster.

use std::env;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::json;

use super::cluster::Cluster;
use super::process::{Daemon, sealed};
use super::program;
use super::sandbox::ADDRESS;
use super::wait::until;

pub(crate) const NAMESPACE: &str = "pullkey-system";

const PORT: u16 = 8443;
const ADMIN_ADDRESS: &str = "127.0.0.1:8080";

/// The applied manifests, and the process that the API server finds behind them.
#[derive(Debug)]
pub(crate) struct Installation {
    folder: PathBuf,
    /// The configuration that the running process was started with.
    running: Mutex<Option<(PathBuf, Daemon)>>,
}

impl Installation {
    /// Says why it cannot be made on this machine.
    pub(crate) fn probe() -> Result<(), String> {
        let output = Command::new("openssl").arg("version").output();
        output.map(drop).map_err(|error| format!("openssl, which certs/make-certs needs: {error}"))
    }

    /// Applies `deploy/overlays/files` unchanged and tells the API server where pullkey will listen.
    pub(crate) fn apply(cluster: &Cluster) -> Self {
        // The certificate script writes beside the manifests; the shipped folders stay clean.
        let folder = cluster.folder.join("shipped");
        copy_parts(&["deploy", "certs"], &folder);
        let installation = Self { folder, running: Mutex::new(None) };
        installation.run_script(cluster, "certs/make-certs");
        installation.install(cluster);
        installation
    }

    /// What follows once there is a certificate: the first time, and after [`Self::remove`].
    pub(crate) fn install(&self, cluster: &Cluster) {
        // The commands of certs/README.md, but with the shipped overlay itself instead of an operator's own.
        cluster.kubectl.run(&["apply", "-k", &self.manifests("overlays/files")]);
        self.run_script(cluster, "certs/set-ca");

        // What the EndpointSlice controller would write if a Pod of pullkey were ready.
        let endpoints = json!({
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": "pullkey-outside",
                "namespace": NAMESPACE,
                "labels": {"kubernetes.io/service-name": "pullkey"},
            },
            "addressType": "IPv4",
            "endpoints": [{"addresses": [ADDRESS], "conditions": {"ready": true}}],
            "ports": [{"name": "https", "port": PORT, "protocol": "TCP"}],
        });
        cluster.kubectl.run_with_input(&["create", "-f", "-"], &endpoints.to_string());
    }

    /// Takes pullkey out of the cluster, whoever installed it, and returns when nothing of it is left.
    ///
    /// The registration goes first, so that no Pod waits for a webhook that is gone. It needs the controllers:
    /// one of them empties a namespace that is deleted.
    pub(crate) fn remove(&self, cluster: &Cluster) {
        self.crash();
        for (kind, name) in [
            ("mutatingwebhookconfiguration", "pullkey"),
            ("namespace", NAMESPACE),
            // Those of the default are of no namespace, and Helm takes over nothing that it did not make.
            ("validatingadmissionpolicybinding", "pullkey"),
            ("validatingadmissionpolicy", "pullkey"),
            ("clusterrolebinding", "pullkey"),
            ("clusterrole", "pullkey"),
        ] {
            cluster.kubectl.run(&["delete", kind, name, "--ignore-not-found"]);
        }
    }

    /// The path of a part of the copied `deploy/`.
    pub(crate) fn manifests(&self, part: &str) -> String {
        self.folder.join("deploy").join(part).display().to_string()
    }

    /// Writes a kustomization into a folder beside the copied ones and returns the folder's path.
    pub(crate) fn overlay(&self, name: &str, kustomization: &str) -> String {
        let folder = self.folder.join("deploy").join(name);
        let write = || {
            fs::create_dir_all(&folder)?;
            fs::write(folder.join("kustomization.yaml"), kustomization)
        };
        write().unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        folder.display().to_string()
    }

    /// Runs a script of `certs/` with the cluster's kubectl.
    fn run_script(&self, cluster: &Cluster, script: &str) {
        let output = for_an_operator(&self.folder.join(script), cluster)
            .output()
            .unwrap_or_else(|error| panic!("{script}: {error}"));
        assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Has pullkey serve with this configuration and returns when it is ready.
    ///
    /// The trials come one after another, so one that asks for what is running already gets it at once.
    pub(crate) fn serve(&self, cluster: &Cluster, configuration: &Path) {
        let mut running = self.running.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some((current, daemon)) = running.as_mut()
            && current == configuration
        {
            daemon.assert_running();
            return;
        }
        // The old process must have let go of the port before the new one asks for it.
        drop(running.take());
        let mut daemon = Daemon::start("pullkey", &cluster.folder, &mut self.command(cluster, configuration));
        until("pullkey is ready", || {
            daemon.assert_running();
            readiness(ADMIN_ADDRESS).map_err(|reason| format!("{reason}\n{}", daemon.last_lines()))
        });
        *running = Some((configuration.to_owned(), daemon));
    }

    /// Ends pullkey as a crash would.
    pub(crate) fn crash(&self) {
        drop(self.running.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take());
    }

    fn command(&self, cluster: &Cluster, configuration: &Path) -> Command {
        let certificates = self.folder.join("deploy/overlays/files");
        let mut command = sealed(&program::under_test(), &cluster.folder);
        command.arg("serve").arg("--config").arg(configuration);
        command.arg(format!("--listen={ADDRESS}:{PORT}")).arg(format!("--admin-listen={ADMIN_ADDRESS}"));
        command.arg("--tls-cert").arg(certificates.join("tls.crt"));
        command.arg("--tls-key").arg(certificates.join("tls.key"));
        command
    }
}

/// A program that finds kubectl and pullkey in its PATH, and the cluster behind them.
pub(crate) fn for_an_operator(program: &Path, cluster: &Cluster) -> Command {
    let kubectl = &cluster.kubectl;
    let folders = [kubectl.program.clone(), program::under_test()]
        .map(|program| program.parent().expect("a program stands in a folder").to_owned());
    let path = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths(folders.into_iter().chain(env::split_paths(&path)));
    let mut command = sealed(program, &cluster.folder);
    command.env("PATH", path.expect("the folders of the programs can stand in PATH"));
    command.env("KUBECONFIG", &kubectl.kubeconfig);
    command
}

/// Asks the admin port, as a kubelet would.
pub(crate) fn readiness(admin_address: &str) -> Result<(), String> {
    let answer = ask(admin_address, "/readyz")?;
    if answer.starts_with("HTTP/1.1 200 ") { Ok(()) } else { Err(format!("/readyz: {answer}")) }
}

/// A counter of pullkey's, over all its labels.
pub(crate) fn metric(name: &str) -> Result<u64, String> {
    let answer = ask(ADMIN_ADDRESS, "/metrics")?;
    let samples =
        answer.lines().filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with('{')));
    let values = samples.map(|line| line.rsplit(' ').next().unwrap_or_default().parse::<u64>());
    values.sum::<Result<u64, _>>().map_err(|error| format!("{name}: {error}: {answer}"))
}

fn ask(admin_address: &str, path: &str) -> Result<String, String> {
    let answer = || -> std::io::Result<String> {
        let mut connection = TcpStream::connect(admin_address)?;
        connection.set_read_timeout(Some(Duration::from_secs(5)))?;
        write!(connection, "GET {path} HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer)?;
        Ok(answer)
    };
    answer().map_err(|error| format!("{path}: {error}"))
}

/// Copies these parts of the repository, so that an operator's commands may write beside them.
pub(crate) fn copy_parts(parts: &[&str], folder: &Path) {
    for part in parts {
        copy_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join(part), &folder.join(part));
    }
}

fn copy_folder(from: &Path, to: &Path) {
    let copy = || -> std::io::Result<()> {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            let target = to.join(entry.file_name());
            // Also through the symbolic links of the chart.
            if entry.path().is_dir() {
                copy_folder(&entry.path(), &target);
            } else {
                // The permissions go along, and with them the executable bit of the script.
                fs::copy(entry.path(), target)?;
            }
        }
        Ok(())
    };
    copy().unwrap_or_else(|error| panic!("copying {}: {error}", from.display()));
}
