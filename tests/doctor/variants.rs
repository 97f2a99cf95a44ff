//! Installations that differ from the default, and with which nothing is wrong either.

use serde_json::{Value, json};

use crate::patient::Patient;
use crate::support::installation::for_an_operator;
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
