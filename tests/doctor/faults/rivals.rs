//! Others that write the list of pull secrets.

use serde_json::{Value, json};

use crate::other_webhook::OtherWebhook;
use crate::patient::{Patient, Report};
use crate::support::wait::until;
use crate::tenants::{Namespace, pod};

/// What replaces the list, as a step of a JSON patch.
fn replacing() -> Value {
    json!([{"op": "add", "path": "/spec/imagePullSecrets", "value": [{"name": "theirs"}]}])
}

pub(crate) fn a_webhook_replaces_the_list(patient: &Patient) {
    let namespace = Namespace::sent(patient);
    let other = OtherWebhook::install(&patient.cluster.kubectl, &namespace.name, &replacing());
    let finding = patient.until_named("rival", &namespace.object());
    assert_eq!(finding["severity"], "problem", "{finding}");
    let fix = finding["fix"].as_str().unwrap_or_default();
    assert!(fix.contains(&format!("{} (other.example.com)", other.registration())), "{finding}");
    // A Pod that comes without its secret because of that is no second finding.
    patient.make_secret(&namespace.name, "registrysecret", "registry.example.com");
    patient.create(&namespace.name, &pod("web", "registry.example.com/web"));
    let Report { findings, .. } = patient.doctor(&["--secrets"]);
    assert_eq!(findings, [finding]);
    drop(other);
    patient.until_named("pod-secrets", &format!("Pod {}/web", namespace.name));
    patient.kubectl(&["delete", "pod", "web", "-n", &namespace.name]);
    patient.until_healthy();
}

/// A policy with these steps in one namespace.
fn policy(patient: &Patient, namespace: &str, name: &str, expression: &str) {
    let matched = json!({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}});
    let mut constraints = matched.clone();
    constraints["resourceRules"] =
        json!([{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}]);
    patient.apply_json(&json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "matchConstraints": constraints,
            "failurePolicy": "Fail",
            "reinvocationPolicy": "IfNeeded",
            "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": expression}}],
        },
    }));
    patient.apply_json(&json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": {"policyName": name, "matchResources": matched},
    }));
}

fn remove(patient: &Patient, kind: &str, name: &str) {
    patient.kubectl(&["delete", kind, name]);
}

pub(crate) fn a_policy_replaces_the_list(patient: &Patient) {
    let namespace = Namespace::sent(patient);
    let name = "sets-the-list";
    let expression = "[JSONPatch{op: 'add', path: '/spec/imagePullSecrets', value: [{'name': 'theirs'}]}]";
    policy(patient, &namespace.name, name, expression);
    let finding = patient.until_named("rival", &namespace.object());
    assert_eq!(finding["severity"], "problem", "{finding}");
    let fix = finding["fix"].as_str().unwrap_or_default();
    assert!(fix.contains(&format!("MutatingAdmissionPolicy {name}")), "{finding}");
    remove(patient, "mutatingadmissionpolicybinding", name);
    // Without a binding it does nothing, and nothing is said of it.
    patient.until_healthy();
    remove(patient, "mutatingadmissionpolicy", name);
}

pub(crate) fn a_policy_adds_to_the_list(patient: &Patient) {
    let namespace = Namespace::sent(patient);
    let name = "adds-to-the-list";
    let expression = "has(object.spec.imagePullSecrets) && !object.spec.imagePullSecrets.exists(s, s.name == 'theirs') ? \
                      [JSONPatch{op: 'add', path: '/spec/imagePullSecrets/-', value: {'name': 'theirs'}}] : []";
    policy(patient, &namespace.name, name, expression);
    let finding = patient.until_named("rival", &format!("MutatingAdmissionPolicy {name}"));
    assert_eq!(finding["severity"], "warning", "{finding}");
    remove(patient, "mutatingadmissionpolicybinding", name);
    remove(patient, "mutatingadmissionpolicy", name);
    patient.until_healthy();
}

/// Defines a kind of its own group, so that the API server stores what another project's would.
fn define(patient: &Patient, group: &str, kind: &str, plural: &str) {
    let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    patient.apply_json(&json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.{group}")},
        "spec": {
            "group": group,
            "scope": "Cluster",
            "names": {"kind": kind, "plural": plural},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}],
        },
    }));
    until("the kind is served", || {
        patient.cluster.kubectl.attempt(&["get", &format!("{plural}.{group}")], "")
    });
}

pub(crate) fn kyverno_writes_the_list(patient: &Patient) {
    define(patient, "kyverno.io", "ClusterPolicy", "clusterpolicies");
    let rule = |name: &str, what: &str| json!({"name": name, what: {"patchStrategicMerge": {"spec": {"imagePullSecrets": [{"name": "theirs"}]}}}});
    let with = |rule: Value| json!({"apiVersion": "kyverno.io/v1", "kind": "ClusterPolicy", "metadata": {"name": "pull"}, "spec": {"rules": [rule]}});
    // One that only checks the list is no rival.
    patient.apply_json(&with(rule("check", "validate")));
    patient.until_healthy();
    patient.apply_json(&with(rule("write", "mutate")));
    let finding = patient.until_named("rival", "ClusterPolicy pull");
    assert_eq!(finding["severity"], "warning", "{finding}");
    remove(patient, "crd", "clusterpolicies.kyverno.io");
    patient.until_healthy();
}

pub(crate) fn gatekeeper_writes_the_list(patient: &Patient) {
    define(patient, "mutations.gatekeeper.sh", "Assign", "assign");
    patient.apply_json(&json!({
        "apiVersion": "mutations.gatekeeper.sh/v1",
        "kind": "Assign",
        "metadata": {"name": "pull"},
        "spec": {"location": "spec.imagePullSecrets", "parameters": {"assign": {"value": [{"name": "theirs"}]}}},
    }));
    let finding = patient.until_named("rival", "Assign pull");
    assert_eq!(finding["severity"], "warning", "{finding}");
    remove(patient, "crd", "assign.mutations.gatekeeper.sh");
    patient.until_healthy();
}

pub(crate) fn another_pullkey_is_asked_about_the_same_pods(patient: &Patient) {
    let arguments = ["get", "mutatingwebhookconfiguration", "pullkey", "-o", "json"];
    let mut other = patient.cluster.kubectl.json(&arguments, "");
    let selector = other["webhooks"][0]["namespaceSelector"].clone();
    other["metadata"] = json!({"name": "pullkey-other"});
    // With a value of its own, it is a second installation as it should be.
    other["webhooks"][0]["namespaceSelector"] = json!({"matchLabels": {"pullkey.dev/inject": "blue"}});
    patient.apply_json(&other);
    let blue = Namespace::labelled(patient, "pullkey.dev/inject=blue");
    patient.until_healthy();
    other["webhooks"][0]["namespaceSelector"] = selector;
    patient.apply_json(&other);
    patient.kubectl(&["label", "namespace", &blue.name, "pullkey.dev/inject-"]);
    let finding = patient.until_named("rival", "MutatingWebhookConfiguration pullkey-other");
    assert_eq!(finding["severity"], "warning", "{finding}");
    remove(patient, "mutatingwebhookconfiguration", "pullkey-other");
    patient.until_healthy();
}
