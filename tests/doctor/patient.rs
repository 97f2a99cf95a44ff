//! The installation that the trials break, and the doctor that looks at it.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::cluster::Cluster;
use crate::support::installation::{NAMESPACE, copy_parts, for_an_operator};
use crate::support::kubelet::Kubelet;
use crate::support::program;
use crate::support::sandbox::Inside;
use crate::support::wait::until;

/// What the Pods of two registries need.
const CONFIGURATION: &str = "\
apiVersion: pullkey.dev/v1alpha1
kind: InjectorConfiguration
registries:
  - matchImages: [registry.example.com]
    pullSecrets: [registrysecret]
  - matchImages: [docker.io]
    exceptImages: [docker.io/library]
    pullSecrets: [regcred]
";

/// The cluster, with the shipped default in it and a namespace that opted in.
#[derive(Debug)]
pub(crate) struct Patient {
    pub(crate) cluster: Cluster,
    pub(crate) kubelet: Kubelet,
    overlay: PathBuf,
}

/// What the doctor said.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) exit: Option<i32>,
    pub(crate) findings: Vec<Value>,
}

impl Patient {
    pub(crate) fn install(inside: &Inside) -> Self {
        let cluster = Cluster::start(inside);
        let folder = cluster.folder.join("operator");
        copy_parts(&["deploy"], &folder);
        let overlay = folder.join("my-cluster");
        write(&overlay.join("config.yaml"), CONFIGURATION);
        let kustomization = json!({
            "resources": ["../deploy"],
            "configMapGenerator": [
                {"name": "pullkey-config", "namespace": NAMESPACE, "behavior": "replace", "files": ["config.yaml"]},
            ],
        });
        // YAML reads JSON.
        write(&overlay.join("kustomization.yaml"), &kustomization.to_string());
        let kubelet = Kubelet::start(&cluster, NAMESPACE, folder.join("node"));
        kubelet.load_the_image();
        let patient = Self { cluster, kubelet, overlay };
        patient.apply();
        patient.kubectl(&["create", "namespace", "shop"]);
        patient.kubectl(&["label", "namespace", "shop", "pullkey.dev/inject=enabled"]);
        patient.make_secret("shop", "registrysecret", "registry.example.com");
        patient.wait();
        patient
    }

    /// `kubectl apply -k`, as it was installed.
    #[track_caller]
    pub(crate) fn apply(&self) {
        self.kubectl(&["apply", "-k", &self.overlay.display().to_string()]);
    }

    /// Returns when both replicas serve and are trusted.
    #[track_caller]
    pub(crate) fn wait(&self) {
        let rollout = ["rollout", "status", "deployment/pullkey", "-n", NAMESPACE, "--timeout=120s"];
        let waited = self.cluster.kubectl.attempt(&rollout, "");
        waited.unwrap_or_else(|reason| panic!("{reason}\n{}", self.kubelet.trouble()));
    }

    #[track_caller]
    pub(crate) fn kubectl(&self, arguments: &[&str]) -> String {
        self.cluster.kubectl.run(arguments)
    }

    /// A pull secret with a login for one registry.
    #[track_caller]
    pub(crate) fn make_secret(&self, namespace: &str, name: &str, registry: &str) {
        let server = format!("--docker-server={registry}");
        let login = ["--docker-username=shop", "--docker-password=pw-shop"];
        let arguments = ["create", "secret", "docker-registry", name, "-n", namespace, &server];
        self.kubectl(&[&arguments[..], &login[..]].concat());
    }

    /// Asks the doctor with these arguments.
    #[track_caller]
    pub(crate) fn doctor(&self, arguments: &[&str]) -> Report {
        let mut command = for_an_operator(&program::under_test(), &self.cluster);
        let output = command.args(["doctor", "-o", "json"]).args(arguments).output();
        let output = output.expect("pullkey can be run");
        let printed = String::from_utf8_lossy(&output.stdout);
        let said = String::from_utf8_lossy(&output.stderr);
        let mut report: Value =
            serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}{said}"));
        let Value::Array(findings) = report["findings"].take() else {
            panic!("no findings: {printed}{said}")
        };
        Report { exit: output.status.code(), findings }
    }

    /// Waits until the doctor says this, and nothing that is worse, and returns the finding.
    #[track_caller]
    pub(crate) fn until_named(&self, check: &str, object: &str) -> Value {
        until(&format!("the doctor names {check} of {object}"), || {
            let report = self.doctor(&["--secrets"]);
            let named = report.findings.iter().find(|one| one["check"] == check && one["object"] == object);
            named.cloned().ok_or_else(|| format!("{report:#?}"))
        })
    }

    /// Waits until the doctor says this and nothing else, and returns the finding.
    ///
    /// What comes of a cause is no finding of its own.
    #[track_caller]
    pub(crate) fn until_only(&self, severity: &str, check: &str, object: &str) -> Value {
        until(&format!("the doctor names only {check} of {object}, a {severity}"), || {
            let report = self.doctor(&["--secrets"]);
            match &report.findings[..] {
                [one] if one["check"] == check && one["object"] == object && one["severity"] == severity => {
                    Ok(one.clone())
                }
                _ => Err(format!("{report:#?}\n{}", self.kubelet.trouble())),
            }
        })
    }

    /// Changes an object of pullkey's namespace: by JSON Patch where it is a list of steps.
    #[track_caller]
    pub(crate) fn patch(&self, kind: &str, name: &str, patch: &Value) {
        let form = if patch.is_array() { "--type=json" } else { "--type=merge" };
        self.kubectl(&["patch", kind, name, "-n", NAMESPACE, form, "-p", &patch.to_string()]);
    }

    /// Waits until the doctor finds nothing at all.
    #[track_caller]
    pub(crate) fn until_healthy(&self) {
        until("the doctor finds nothing", || {
            let report = self.doctor(&["--secrets"]);
            let is_healthy = report.findings.is_empty() && report.exit == Some(0);
            if is_healthy { Ok(()) } else { Err(format!("{report:#?}\n{}", self.kubelet.trouble())) }
        });
    }
}

fn write(path: &std::path::Path, text: &str) {
    let write = || {
        std::fs::create_dir_all(path.parent().unwrap_or(path))?;
        std::fs::write(path, text)
    };
    write().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
