//! Installations that differ from the default, and with which nothing is wrong either.

use serde_json::{Value, json};

use crate::patient::{Patient, Report};
use crate::support::installation::{NAMESPACE, for_an_operator};
use crate::support::program;
use crate::support::wait::until;
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
    for (kind, namespace) in [("clusterrole", "default"), ("role", NAMESPACE)] {
        each_right_is_needed(patient, &guest, kind, namespace);
    }
    patient.kubectl(&["delete", "-f", &file.display().to_string()]);
    patient.kubectl(&["delete", "clusterrolebinding", "the-doctor"]);
    patient.kubectl(&["delete", "rolebinding", "the-doctor", "-n", NAMESPACE]);
}

/// Takes one resource after the other out of a role, and looks that something is missed each time.
fn each_right_is_needed(patient: &Patient, guest: &str, kind: &str, namespace: &str) {
    let get = ["get", kind, "pullkey-doctor", "-n", namespace, "-o", "json"];
    let whole: Value = patient.cluster.kubectl.json(&get, "");
    let change = |rules: &Value| {
        let patch = json!({"rules": rules}).to_string();
        patient.kubectl(&["patch", kind, "pullkey-doctor", "-n", namespace, "--type=merge", "-p", &patch]);
    };
    for (place, rule) in whole["rules"].as_array().into_iter().flatten().enumerate() {
        // The cluster has none of these, and to whoever may not list them that is not told.
        if ["kyverno", "gatekeeper"].iter().any(|theirs| rule["apiGroups"].to_string().contains(theirs)) {
            continue;
        }
        for resource in rule["resources"].as_array().into_iter().flatten() {
            let mut rules = whole["rules"].clone();
            let left = rules[place]["resources"].as_array_mut().expect("a rule has resources");
            left.retain(|other| other != resource);
            if left.is_empty() {
                rules.as_array_mut().expect("a role has rules").remove(place);
            }
            change(&rules);
            until(&format!("{resource} is missed"), || {
                let report = patient.doctor(&[guest]);
                let is_missed = report.findings.iter().any(|finding| finding["severity"] == "unseen");
                if is_missed { Ok(()) } else { Err(format!("{report:#?}")) }
            });
        }
    }
    change(&whole["rules"]);
    until("nothing is missed any more", || {
        let report = patient.doctor(&[guest]);
        if report.findings.is_empty() { Ok(()) } else { Err(format!("{report:#?}")) }
    });
}
