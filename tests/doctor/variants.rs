//! Installations that differ from the default, and with which nothing is wrong either.

use serde_json::{Value, json};

use crate::patient::{Patient, Report};
use crate::support::installation::{NAMESPACE, for_an_operator};
use crate::support::program;
use crate::tenants::{Namespace, pod};

pub(crate) fn every_namespace_is_open(patient: &Patient) {
    let selector = json!([
        {"key": "pullkey.dev/inject", "operator": "NotIn", "values": ["disabled", "false"]},
        {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["kube-system", "pullkey-system"]},
    ]);
    let path = "/webhooks/0/namespaceSelector/matchExpressions";
    let patch = json!([{"op": "replace", "path": path, "value": selector}]).to_string();
    patient.kubectl(&["patch", "mutatingwebhookconfiguration", "pullkey", "--type=json", "-p", &patch]);
    let closed = Namespace::labelled(patient, "pullkey.dev/inject=disabled");
    patient.create(&closed.name, &pod("web", "registry.example.com/web"));
    patient.until_healthy();
    patient.kubectl(&["label", "namespace", &closed.name, "--overwrite", "pullkey.dev/inject=no"]);
    let finding = patient.until_named("namespace-label", &closed.object());
    assert_eq!(finding["severity"], "warning", "{finding}");
    drop(closed);
    patient.apply();
    patient.until_healthy();
}

pub(crate) fn conditions_on_images_keep_others_away(patient: &Patient) {
    let configuration = patient.cluster.folder.join("operator/my-cluster/config.yaml");
    let mut command = for_an_operator(&program::under_test(), &patient.cluster);
    let output = command.args(["registration", "--match-conditions", "--config"]).arg(configuration).output();
    let output = output.expect("pullkey can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let rendered = String::from_utf8_lossy(&output.stdout);
    patient.cluster.kubectl.run_with_input(&["apply", "-f", "-"], &rendered);
    let namespace = Namespace::sent(patient);
    patient.create(&namespace.name, &pod("web", "quay.io/web"));
    patient.until_healthy();
    let stored = ["get", "mutatingwebhookconfiguration", "pullkey", "-o", "json"];
    let stored: Value = patient.cluster.kubectl.json(&stored, "");
    assert_eq!(stored["webhooks"][0]["matchConditions"].as_array().map(Vec::len), Some(2));
    patient.apply();
    patient.until_healthy();
}

pub(crate) fn the_rights_that_are_shipped_are_enough(patient: &Patient) {
    let file = patient.cluster.folder.join("operator/deploy/doctor/access.yaml");
    patient.kubectl(&["apply", "-f", &file.display().to_string()]);
    let guest = patient.guest(&[("create", "pods")]);
    let account = guest.rsplit('/').next().unwrap_or_default();
    let account = format!("--serviceaccount=default:{account}");
    patient.kubectl(&[
        "create",
        "clusterrolebinding",
        "the-doctor",
        "--clusterrole=pullkey-doctor",
        &account,
    ]);
    let role = ["create", "rolebinding", "the-doctor", "-n", NAMESPACE, "--role=pullkey-doctor", &account];
    patient.kubectl(&role);
    for arguments in [&[&*guest][..], &[&guest, "--namespace=shop"]] {
        let Report { findings, exit } = patient.doctor(arguments);
        assert_eq!((findings, exit), (Vec::new(), Some(0)));
    }
    patient.kubectl(&["delete", "-f", &file.display().to_string()]);
    patient.kubectl(&["delete", "clusterrolebinding", "the-doctor"]);
    patient.kubectl(&["delete", "rolebinding", "the-doctor", "-n", NAMESPACE]);
}
