//! Faults of the registration.

use serde_json::{Value, json};

use crate::patient::Patient;
use crate::support::installation::for_an_operator;
use crate::support::program;

const OBJECT: &str = "MutatingWebhookConfiguration pullkey";

pub(crate) fn it_is_missing(patient: &Patient) {
    patient.kubectl(&["delete", "mutatingwebhookconfiguration", "pullkey"]);
    let finding = patient.until_named("registration", OBJECT);
    assert!(finding["fix"].as_str().is_some_and(|fix| fix.contains("install")), "{finding}");
    patient.apply();
    patient.until_healthy();
}

pub(crate) fn it_has_another_name(patient: &Patient) {
    let report = patient.doctor(&["--registration=other"]);
    assert_eq!(report.exit, Some(1));
    assert_eq!(report.findings[0]["fix"], json!("name the one that there is: --registration pullkey"));
}

/// Breaks members of the webhook, by their names, and mends them by carrying out what the finding says.
#[track_caller]
fn broken(patient: &Patient, severity: &str, check: &str, members: &[(&str, Value)]) -> Value {
    let finding = planted(patient, severity, check, members);
    patient.carry_out(&finding);
    patient.until_healthy();
    finding
}

#[track_caller]
fn planted(patient: &Patient, severity: &str, check: &str, members: &[(&str, Value)]) -> Value {
    let operations = members
        .iter()
        .map(|(member, value)| json!({"op": "add", "path": format!("/webhooks/0/{member}"), "value": value}));
    let patch = Value::from(operations.collect::<Vec<_>>()).to_string();
    patient.kubectl(&["patch", "mutatingwebhookconfiguration", "pullkey", "--type=json", "-p", &patch]);
    let finding = patient.until_named(check, OBJECT);
    assert_eq!(finding["severity"], severity, "{finding}");
    finding
}

/// The one rule that is right, with one member changed.
fn rule(member: &str, value: Value) -> (&'static str, Value) {
    let mut rule = json!({
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "operations": ["CREATE"],
        "resources": ["pods"],
        "scope": "Namespaced",
    });
    rule[member] = value;
    ("rules", json!([rule]))
}

pub(crate) fn its_rules_do_not_cover_pods(patient: &Patient) {
    for (member, value) in
        [("resources", json!(["configmaps"])), ("operations", json!(["UPDATE"])), ("scope", json!("Cluster"))]
    {
        broken(patient, "problem", "registration-rules", &[rule(member, value)]);
    }
}

pub(crate) fn its_rules_send_too_much(patient: &Patient) {
    let more = [
        ("operations", json!(["CREATE", "UPDATE"])),
        ("resources", json!(["pods", "pods/ephemeralcontainers"])),
    ];
    for (member, value) in more {
        broken(patient, "warning", "registration-rules", &[rule(member, value)]);
    }
}

pub(crate) fn it_can_be_sent_what_it_depends_on(patient: &Patient) {
    let inject = json!({"key": "pullkey.dev/inject", "operator": "In", "values": ["enabled", "true"]});
    for (left_out, forgotten) in
        [("kube-system", "pullkey's own Pods"), ("pullkey-system", "what the cluster needs")]
    {
        let name = json!({"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": [left_out]});
        let selector = json!({"matchExpressions": [inject, name]});
        let named = "registration-namespaces";
        let finding = broken(patient, "problem", named, &[("namespaceSelector", selector)]);
        assert!(finding["problem"].as_str().is_some_and(|problem| problem.contains(forgotten)), "{finding}");
    }
}

pub(crate) fn pods_cannot_opt_out(patient: &Patient) {
    broken(patient, "warning", "registration-pods", &[("objectSelector", json!({}))]);
}

pub(crate) fn its_timeout_is_not_sensible(patient: &Patient) {
    for seconds in [1, 30] {
        broken(patient, "warning", "registration-timeout", &[("timeoutSeconds", json!(seconds))]);
    }
}

pub(crate) fn it_speaks_another_version(patient: &Patient) {
    let versions = ("admissionReviewVersions", json!(["v1beta1"]));
    broken(patient, "problem", "registration-versions", &[versions]);
}

pub(crate) fn it_does_not_look_again(patient: &Patient) {
    let never = ("reinvocationPolicy", json!("Never"));
    broken(patient, "warning", "registration-reinvocation", &[never]);
}

pub(crate) fn it_leads_to_another_path(patient: &Patient) {
    let path = ("clientConfig/service/path", json!("/inject"));
    broken(patient, "problem", "registration-path", &[path]);
}

pub(crate) fn it_is_sent_mirror_pods(patient: &Patient) {
    planted(patient, "warning", "registration-conditions", &[("matchConditions", json!([]))]);
    patient.apply();
    patient.until_healthy();
}

pub(crate) fn its_condition_is_of_another_configuration(patient: &Patient) {
    let mut pullkey = for_an_operator(&program::under_test(), &patient.cluster);
    let config = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/yandex/config.yaml");
    let printed = pullkey.args(["registration", "--match-conditions", "--config", config]).output();
    let printed = printed.expect("pullkey can be run").stdout;
    patient.cluster.kubectl.run_with_input(&["apply", "-f", "-"], &String::from_utf8_lossy(&printed));
    let finding = patient.until_named("registration-conditions", OBJECT);
    assert_eq!(finding["severity"], "problem", "{finding}");
    patient.apply();
    patient.until_healthy();
}
