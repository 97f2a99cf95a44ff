//! Faults of the Service behind the registration.

use serde_json::{Value, json};

use crate::patient::Patient;
use crate::support::installation::NAMESPACE;

const OBJECT: &str = "Service pullkey-system/pullkey";

/// Changes the Service, and mends it as the finding says.
#[track_caller]
fn break_and_mend(patient: &Patient, check: &str, patch: &Value) -> Value {
    patient.patch("service", "pullkey", patch);
    let finding = patient.until_only("problem", check, OBJECT);
    patient.carry_out(&finding);
    patient.until_healthy();
    finding
}

/// What is asked of the port in JSON Patch.
fn port(path: &str, value: &Value) -> Value {
    json!([{"op": "replace", "path": format!("/spec/ports/{path}"), "value": value}])
}

pub(crate) fn it_is_missing(patient: &Patient) {
    patient.kubectl(&["delete", "service", "pullkey", "-n", NAMESPACE]);
    let finding = patient.until_only("problem", "service", OBJECT);
    assert!(finding["fix"].as_str().is_some_and(|fix| fix.contains("apply your overlay")), "{finding}");
    patient.apply();
    patient.until_healthy();
}

pub(crate) fn it_has_another_port(patient: &Patient) {
    let finding = break_and_mend(patient, "service-port", &port("0/port", &json!(444)));
    assert!(finding["problem"].as_str().is_some_and(|problem| problem.contains("no port 443")), "{finding}");
}

pub(crate) fn it_lacks_one_of_its_ports(patient: &Patient) {
    let others =
        json!([{"name": "https", "port": 444}, {"name": "metrics", "port": 8080, "targetPort": "admin"}]);
    break_and_mend(
        patient,
        "service-port",
        &json!([{"op": "replace", "path": "/spec/ports", "value": others}]),
    );
    // What was added has another name than the shipped one.
    patient.kubectl(&["delete", "service", "pullkey", "-n", NAMESPACE]);
    patient.apply();
    patient.until_healthy();
}

pub(crate) fn it_leads_to_a_port_that_no_container_has(patient: &Patient) {
    let finding = break_and_mend(patient, "service-port", &port("0/targetPort", &json!("webhook")));
    assert!(
        finding["problem"].as_str().is_some_and(|problem| problem.contains(r#"called "webhook""#)),
        "{finding}"
    );
    patient.apply();
}

pub(crate) fn it_leads_to_a_port_where_nobody_listens(patient: &Patient) {
    let finding = break_and_mend(patient, "service-port", &port("0/targetPort", &json!("admin")));
    let said = "leads to port 8080 of the Pods, and pullkey listens on 8443";
    assert!(finding["problem"].as_str().is_some_and(|problem| problem.contains(said)), "{finding}");
    break_and_mend(patient, "service-port", &port("0/targetPort", &json!(443)));
    patient.apply();
}

pub(crate) fn it_selects_nothing(patient: &Patient) {
    let finding =
        break_and_mend(patient, "service-selector", &json!({"spec": {"selector": {"app": "pullkey"}}}));
    assert!(finding["problem"].as_str().is_some_and(|problem| problem.contains("selects none")), "{finding}");
}

/// A Pod in pullkey's namespace that is not pullkey; no node runs it.
fn stranger(labels: &Value) -> Value {
    let security = json!({
        "allowPrivilegeEscalation": false,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": true,
        "seccompProfile": {"type": "RuntimeDefault"},
    });
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "stranger", "namespace": NAMESPACE, "labels": labels},
        "spec": {"containers": [
            {"name": "main", "image": "registry.example.com/web", "securityContext": security},
        ]},
    })
}

pub(crate) fn it_also_selects_somebody_else(patient: &Patient) {
    patient.create(NAMESPACE, &stranger(&json!({"app.kubernetes.io/name": "pullkey"})));
    patient.until_healthy();
    let wide = json!({"spec": {"selector": {"app.kubernetes.io/component": null}}});
    let finding = break_and_mend(patient, "service-selector", &wide);
    assert!(finding["problem"].as_str().is_some_and(|problem| problem.contains("(stranger)")), "{finding}");
    patient.kubectl(&["delete", "pod", "stranger", "-n", NAMESPACE]);
}

pub(crate) fn somebody_else_has_the_labels_of_its_pods(patient: &Patient) {
    let labels = json!({"app.kubernetes.io/name": "pullkey", "app.kubernetes.io/component": "webhook"});
    patient.create(NAMESPACE, &stranger(&labels));
    let finding = patient.until_only("problem", "service-selector", OBJECT);
    // No selector of the Service would tell them apart.
    let fix = finding["fix"].as_str().unwrap_or_default();
    assert!(fix.contains("app.kubernetes.io/component=webhook"), "{finding}");
    patient.kubectl(&["label", "pod", "stranger", "-n", NAMESPACE, "app.kubernetes.io/component-"]);
    patient.until_healthy();
    patient.kubectl(&["delete", "pod", "stranger", "-n", NAMESPACE]);
}

pub(crate) fn it_has_no_endpoint(patient: &Patient) {
    let slices = ["get", "endpointslices", "-n", NAMESPACE, "-o", "json"];
    let mut slices = patient.cluster.kubectl.json(&slices, "");
    patient.kubectl(&["delete", "endpointslices", "--all", "-n", NAMESPACE]);
    let finding = patient.until_only("problem", "endpoints", OBJECT);
    patient.carry_out(
        &json!({"fix": finding["fix"].as_str().and_then(|fix| fix.split_once(": ")).map(|(_, fix)| fix)}),
    );
    let items = slices["items"].as_array_mut().expect("a list");
    for slice in items {
        let metadata = &slice["metadata"];
        let metadata =
            json!({"name": metadata["name"], "namespace": NAMESPACE, "labels": metadata["labels"]});
        slice["metadata"] = metadata;
    }
    // The controller that would write them again does not run here.
    patient.cluster.kubectl.run_with_input(&["apply", "--server-side", "-f", "-"], &slices.to_string());
    patient.until_healthy();
}
