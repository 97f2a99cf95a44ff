//! Faults of the installed configuration.

use std::fs;

use serde_json::{Value, json};

use crate::patient::Patient;
use crate::support::installation::NAMESPACE;

/// What is wrong in it is not wrong in the file.
const INVALID: &str = "apiVersion: pullkey.dev/v1alpha1\nkind: InjectorConfiguration\nregistries:\n  \
                       - matchImages: [registry]\n    pullSecrets: [registrysecret]\n";

/// The name of the `ConfigMap` that the Deployment mounts.
#[track_caller]
fn config_map(patient: &Patient) -> String {
    let path =
        "jsonpath={.spec.template.spec.volumes[?(@.name==\"files\")].projected.sources[0].configMap.name}";
    patient.kubectl(&["get", "deployment", "pullkey", "-n", NAMESPACE, "-o", path])
}

#[track_caller]
fn change(patient: &Patient, name: &str, data: &Value) {
    let patch = json!({"data": data}).to_string();
    patient.kubectl(&["patch", "configmap", name, "-n", NAMESPACE, "--type=merge", "-p", &patch]);
}

pub(crate) fn it_is_missing(patient: &Patient) {
    let name = config_map(patient);
    patient.kubectl(&["delete", "configmap", &name, "-n", NAMESPACE]);
    patient.until_problem("configuration", &format!("ConfigMap {NAMESPACE}/{name}"));
    patient.apply();
    patient.until_healthy();
}

pub(crate) fn its_key_is_missing(patient: &Patient) {
    let name = config_map(patient);
    change(patient, &name, &json!({"config.yaml": null, "config.yml": INVALID}));
    let finding = patient.until_problem("configuration", &format!("ConfigMap {NAMESPACE}/{name}"));
    assert!(finding["problem"].as_str().is_some_and(|problem| problem.contains("config.yaml")), "{finding}");
    patient.kubectl(&["delete", "configmap", &name, "-n", NAMESPACE]);
    patient.apply();
    patient.until_healthy();
}

pub(crate) fn it_is_not_valid(patient: &Patient) {
    let name = config_map(patient);
    change(patient, &name, &json!({"config.yaml": INVALID}));
    let finding = patient.until_problem("configuration", &format!("ConfigMap {NAMESPACE}/{name}"));
    let said = "registries[0].matchImages[0] (line 4, column 19)";
    assert!(finding["problem"].as_str().is_some_and(|problem| problem.contains(said)), "{finding}");
    patient.apply();
    patient.until_healthy();
}

pub(crate) fn it_has_a_warning(patient: &Patient) {
    let name = config_map(patient);
    change(patient, &name, &json!({"config.yaml": INVALID.replace("[registry]", "[hub.docker.com]")}));
    patient.until_warning("configuration", &format!("ConfigMap {NAMESPACE}/{name}"));
    patient.apply();
    patient.until_healthy();
}

pub(crate) fn it_was_changed_in_place(patient: &Patient) {
    let name = config_map(patient);
    change(patient, &name, &json!({"config.yaml": INVALID.replace("[registry]", "[registry.example.com]")}));
    let pods = patient.kubectl(&["get", "pods", "-n", NAMESPACE, "-o", "jsonpath={.items[*].metadata.name}"]);
    for pod in pods.split_whitespace() {
        let finding = patient.until_problem("configuration-in-use", &format!("Pod {NAMESPACE}/{pod}"));
        assert!(finding["fix"].as_str().is_some_and(|fix| fix.contains("rollout restart")), "{finding}");
    }
    patient.apply();
    patient.until_healthy();
}

pub(crate) fn it_is_not_the_one_that_is_meant(patient: &Patient) {
    let file = patient.cluster.folder.join("meant.yaml");
    fs::write(&file, INVALID.replace("[registry]", "[registry.example.net]")).expect("a file can be written");
    let report = patient.doctor(&["--config", &file.display().to_string()]);
    let [finding] = &report.findings[..] else { panic!("{report:#?}") };
    assert_eq!((&finding["check"], &finding["severity"]), (&json!("configuration-meant"), &json!("warning")));
    let file = patient.cluster.folder.join("operator/my-cluster/config.yaml");
    let report = patient.doctor(&["--config", &file.display().to_string()]);
    assert_eq!(report.findings, [Value::Null; 0], "{report:#?}");
}
