//! Faults of the objects that concern pullkey's Pods from outside.

use serde_json::{Value, json};

use crate::patient::Patient;
use crate::support::installation::NAMESPACE;

pub(crate) fn nobody_limits_a_drain(patient: &Patient) {
    patient.kubectl(&["delete", "poddisruptionbudget", "pullkey", "-n", NAMESPACE]);
    let finding =
        patient.until_only("warning", "disruption-budget", &format!("Deployment {NAMESPACE}/pullkey"));
    assert!(finding["fix"].as_str().is_some_and(|fix| fix.contains("apply your overlay")), "{finding}");
    patient.apply();
    patient.until_healthy();
}

pub(crate) fn a_drain_never_ends(patient: &Patient) {
    for spec in [
        json!({"maxUnavailable": 0, "minAvailable": null}),
        json!({"maxUnavailable": "0%", "minAvailable": null}),
        json!({"maxUnavailable": null, "minAvailable": 2}),
        json!({"maxUnavailable": null, "minAvailable": "100%"}),
    ] {
        patient.patch("poddisruptionbudget", "pullkey", &json!({"spec": spec}));
        let object = format!("PodDisruptionBudget {NAMESPACE}/pullkey");
        let finding = patient.until_only("warning", "disruption-budget", &object);
        patient.carry_out(&finding);
        patient.until_healthy();
    }
    patient.patch(
        "poddisruptionbudget",
        "pullkey",
        &json!({"spec": {"maxUnavailable": null, "minAvailable": 1}}),
    );
    patient.until_healthy();
    patient.kubectl(&["delete", "poddisruptionbudget", "pullkey", "-n", NAMESPACE]);
    patient.apply();
    patient.until_healthy();
}

/// Leaves these ports open.
#[track_caller]
fn open(patient: &Patient, ports: &Value) {
    let patch = json!({"spec": {"ingress": [{"ports": ports}]}});
    patient.patch("networkpolicy", "pullkey", &patch);
}

pub(crate) fn nobody_may_connect(patient: &Patient) {
    let object = format!("NetworkPolicy {NAMESPACE}/pullkey");
    for ports in [
        json!([{"port": "admin", "protocol": "TCP"}]),
        json!([{"port": 443, "protocol": "TCP"}]),
        json!([{"port": "https", "protocol": "UDP"}]),
        json!([{"port": 8000, "endPort": 8442, "protocol": "TCP"}]),
    ] {
        open(patient, &ports);
        let finding = patient.until_only("problem", "network-policy", &object);
        patient.carry_out(&finding);
        patient.until_healthy();
    }
    // Without a rule nobody may.
    patient.patch("networkpolicy", "pullkey", &json!({"spec": {"ingress": null}}));
    let finding = patient.until_only("problem", "network-policy", &object);
    patient.carry_out(&finding);
    patient.until_healthy();
    for ports in [
        json!([{"port": 8443, "protocol": "TCP"}]),
        json!([{"port": 8000, "endPort": 9000, "protocol": "TCP"}]),
        json!([{"protocol": "TCP"}]),
    ] {
        open(patient, &ports);
        patient.until_healthy();
    }
    patient.apply();
    patient.until_healthy();
}

pub(crate) fn policies_add_up(patient: &Patient) {
    patient.apply_json(&json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "default-deny", "namespace": NAMESPACE},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
    }));
    // What one allows, the other does not take away.
    patient.until_healthy();
    patient.kubectl(&["delete", "networkpolicy", "pullkey", "-n", NAMESPACE]);
    patient.until_only("problem", "network-policy", &format!("NetworkPolicy {NAMESPACE}/default-deny"));
    patient.kubectl(&["delete", "networkpolicy", "default-deny", "-n", NAMESPACE]);
    // Where there is none, everything is allowed.
    patient.until_healthy();
    patient.apply();
    patient.until_healthy();
}
