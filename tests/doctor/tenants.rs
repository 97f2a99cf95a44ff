//! Namespaces, Pods and people that the trials make.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::patient::Patient;
use crate::support::cluster::ADMIN_TOKEN;
use crate::support::installation::for_an_operator;
use crate::support::wait::until;

static COUNT: AtomicUsize = AtomicUsize::new(0);

/// A namespace of one trial, which is deleted with it.
pub(crate) struct Namespace<'p> {
    patient: &'p Patient,
    pub(crate) name: String,
}

impl<'p> Namespace<'p> {
    pub(crate) fn make(patient: &'p Patient) -> Self {
        let name = format!("team-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        patient.kubectl(&["create", "namespace", &name]);
        until("the namespace has its account", || {
            patient.cluster.kubectl.attempt(&["get", "serviceaccount", "default", "-n", &name], "")
        });
        Self { patient, name }
    }

    /// With a label such as `pullkey.dev/inject=enable`.
    pub(crate) fn labelled(patient: &'p Patient, label: &str) -> Self {
        let namespace = Self::make(patient);
        patient.kubectl(&["label", "namespace", &namespace.name, label]);
        namespace
    }

    /// Opted in, and the API server knows it.
    pub(crate) fn sent(patient: &'p Patient) -> Self {
        let namespace = Self::labelled(patient, "pullkey.dev/inject=enabled");
        let canary = pod("canary", "registry.example.com/canary").to_string();
        let arguments = ["create", "-n", &namespace.name, "--dry-run=server", "-o", "json", "-f", "-"];
        until("Pods of the namespace get their secrets", || {
            let printed = patient.cluster.kubectl.attempt(&arguments, &canary)?;
            if printed.contains("registrysecret") { Ok(()) } else { Err(printed) }
        });
        namespace
    }

    pub(crate) fn object(&self) -> String {
        format!("Namespace {}", self.name)
    }
}

impl Drop for Namespace<'_> {
    fn drop(&mut self) {
        // One that stays after a failure shows in the trials that follow.
        let arguments = ["delete", "namespace", &self.name, "--wait=false"];
        let _ = self.patient.cluster.kubectl.attempt(&arguments, "");
    }
}

impl Patient {
    /// Creates an object in a namespace.
    #[track_caller]
    pub(crate) fn create(&self, namespace: &str, object: &Value) {
        self.cluster.kubectl.run_with_input(&["create", "-n", namespace, "-f", "-"], &object.to_string());
    }

    #[track_caller]
    pub(crate) fn apply_json(&self, object: &Value) {
        self.cluster.kubectl.run_with_input(&["apply", "-f", "-"], &object.to_string());
    }

    /// Runs a command as an operator types it.
    #[track_caller]
    pub(crate) fn shell(&self, command: &str) {
        let output =
            for_an_operator(&PathBuf::from("/bin/sh"), &self.cluster).args(["-ec", command]).output();
        let output = output.expect("a shell can be run");
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Runs the fix of a finding.
    #[track_caller]
    pub(crate) fn carry_out(&self, finding: &Value) {
        self.shell(finding["fix"].as_str().unwrap_or_default());
    }

    #[track_caller]
    pub(crate) fn until_problem(&self, check: &str, object: &str) -> Value {
        self.until_severity("problem", check, object)
    }

    #[track_caller]
    pub(crate) fn until_warning(&self, check: &str, object: &str) -> Value {
        self.until_severity("warning", check, object)
    }

    #[track_caller]
    fn until_severity(&self, severity: &str, check: &str, object: &str) -> Value {
        until(&format!("{check} of {object} is a {severity}"), || {
            let finding = self.until_named(check, object);
            if finding["severity"] == severity { Ok(finding) } else { Err(finding.to_string()) }
        })
    }

    /// The argument with which the doctor runs as somebody with these rights only: verbs and resources.
    #[track_caller]
    pub(crate) fn guest(&self, rights: &[(&str, &str)]) -> String {
        let name = format!("guest-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let account = format!("--serviceaccount=default:{name}");
        self.kubectl(&["create", "serviceaccount", &name, "-n", "default"]);
        for (number, (verbs, resources)) in rights.iter().enumerate() {
            let role = format!("{name}-{number}");
            let (verbs, resources) = (format!("--verb={verbs}"), format!("--resource={resources}"));
            self.kubectl(&["create", "clusterrole", &role, &verbs, &resources]);
            let bound = format!("--clusterrole={role}");
            self.kubectl(&["create", "clusterrolebinding", &role, &bound, &account]);
        }
        let token = self.kubectl(&["create", "token", &name, "-n", "default"]);
        let kubeconfig = fs::read_to_string(&self.cluster.kubectl.kubeconfig).expect("the kubeconfig");
        let file = self.cluster.folder.join(&name);
        let kubeconfig = kubeconfig.replace(ADMIN_TOKEN, token.trim());
        fs::write(&file, kubeconfig).expect("a kubeconfig can be written");
        format!("--kubeconfig={}", file.display())
    }
}

/// A Pod of one container.
pub(crate) fn pod(name: &str, image: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"containers": [{"name": "main", "image": image}]},
    })
}

/// What a kubelet writes when it cannot pull the image of that container.
pub(crate) fn waiting(image: &str, message: &str) -> Value {
    let waiting = json!({"reason": "ImagePullBackOff", "message": message});
    let status = json!({
        "name": "main", "image": image, "imageID": "", "ready": false, "restartCount": 0,
        "state": {"waiting": waiting},
    });
    json!({"status": {"containerStatuses": [status]}})
}
