//! What only a Pod that is tried can show.

use std::net::TcpListener;

use serde_json::{Value, json};

use crate::patient::Patient;
use crate::support::installation::NAMESPACE;
use crate::support::installation::for_an_operator;
use crate::support::patching::serve;
use crate::support::program;
use crate::support::sandbox::ADDRESS;
use crate::support::wait::until;
use crate::tenants::Namespace;

/// Somebody who may see users' namespaces, and nothing of pullkey's own.
const RIGHTS: [(&str, &str); 4] = [
    ("get,list", "namespaces,pods"),
    ("list", "statefulsets.apps,daemonsets.apps,cronjobs.batch"),
    ("get,list", "mutatingwebhookconfigurations.admissionregistration.k8s.io"),
    (
        "list",
        "mutatingadmissionpolicies.admissionregistration.k8s.io,mutatingadmissionpolicybindings.admissionregistration.k8s.io",
    ),
];

/// Waits until this user is told of the namespace, as a problem with a fix that says this.
#[track_caller]
fn until_told(patient: &Patient, guest: &str, severity: &str, fix: &str) -> Value {
    until(&format!("the doctor names a probe with {fix:?}"), || {
        let report = patient.doctor(&[guest, "--namespace=shop"]);
        let is_it = |finding: &&Value| {
            finding["check"] == "probe"
                && finding["severity"] == severity
                && finding["fix"].as_str().is_some_and(|said| said.contains(fix))
        };
        report.findings.iter().find(is_it).cloned().ok_or_else(|| format!("{report:#?}"))
    })
}

/// One who may also try Pods.
fn guest(patient: &Patient) -> String {
    patient.guest(&[&RIGHTS[..], &[("create", "pods")]].concat())
}

pub(crate) fn no_replica_answers(patient: &Patient) {
    let guest = guest(patient);
    patient.kubectl(&["scale", "deployment/pullkey", "-n", NAMESPACE, "--replicas=0"]);
    until_told(patient, &guest, "problem", &format!("kubectl -n {NAMESPACE} get pods"));
    patient.apply();
    patient.kubectl(&["scale", "deployment/pullkey", "-n", NAMESPACE, "--replicas=2"]);
    patient.wait();
    patient.until_healthy();
}

pub(crate) fn pods_slip_through_where_nobody_answers(patient: &Patient) {
    let patch =
        json!([{"op": "replace", "path": "/webhooks/0/failurePolicy", "value": "Ignore"}]).to_string();
    patient.kubectl(&["patch", "mutatingwebhookconfiguration", "pullkey", "--type=json", "-p", &patch]);
    let _away = patient.kubectl(&["scale", "deployment/pullkey", "-n", NAMESPACE, "--replicas=0"]);
    let guest = patient.guest(&[&RIGHTS[..], &[("create", "pods"), ("get,list", "configmaps")]].concat());
    let finding = until_told(patient, &guest, "problem", &format!("kubectl -n {NAMESPACE} get pods"));
    assert!(
        finding["problem"].as_str().is_some_and(|problem| problem.contains("lets such Pods through")),
        "{finding}"
    );
    patient.apply();
    patient.kubectl(&["scale", "deployment/pullkey", "-n", NAMESPACE, "--replicas=2"]);
    patient.wait();
    patient.until_healthy();
}

pub(crate) fn the_registration_leads_nowhere(patient: &Patient) {
    let guest = guest(patient);
    change(
        patient,
        &json!([{"op": "replace", "path": "/webhooks/0/clientConfig/service/name", "value": "nowhere"}]),
    );
    until_told(patient, &guest, "problem", "apply your overlay again");
    patient.apply();
    patient.wait();
    patient.until_healthy();
}

pub(crate) fn the_certificate_is_not_trusted(patient: &Patient) {
    let guest = guest(patient);
    let (port, _) = serve(json!([]));
    // Whatever else is trusted, the certificate behind this address is not.
    change(
        patient,
        &json!([
            {"op": "remove", "path": "/webhooks/0/clientConfig/service"},
            {"op": "add", "path": "/webhooks/0/clientConfig/url", "value": format!("https://{ADDRESS}:{port}/")},
        ]),
    );
    until_told(patient, &guest, "problem", "the API server does not trust the certificate");
    patient.kubectl(&["delete", "mutatingwebhookconfiguration", "pullkey"]);
    patient.apply();
    patient.wait();
    patient.until_healthy();
}

/// Changes the registration by a JSON patch.
#[track_caller]
fn change(patient: &Patient, patch: &Value) {
    let arguments = ["patch", "mutatingwebhookconfiguration", "pullkey", "--type=json", "-p"];
    patient.kubectl(&[&arguments[..], &[&patch.to_string()]].concat());
}

pub(crate) fn somebody_else_refuses(patient: &Patient) {
    patient.apply_json(&json!({
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "none", "namespace": "shop"},
        "spec": {"hard": {"pods": "0"}},
    }));
    let finding = patient.until_named("probe", "Namespace shop");
    assert_eq!(finding["severity"], "unseen", "{finding}");
    assert!(finding["problem"].as_str().is_some_and(|problem| problem.contains("quota")), "{finding}");
    patient.kubectl(&["delete", "resourcequota", "none", "-n", "shop"]);
    patient.until_healthy();
}

pub(crate) fn the_strictest_level_admits_it(patient: &Patient) {
    let namespace = Namespace::sent(patient);
    let level = "pod-security.kubernetes.io/enforce=restricted";
    patient.kubectl(&["label", "namespace", &namespace.name, level]);
    patient.apply_json(&json!({
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "some", "namespace": namespace.name},
        "spec": {"hard": {"pods": "9", "requests.cpu": "1", "requests.memory": "1Gi", "limits.cpu": "1", "limits.memory": "1Gi"}},
    }));
    patient.until_healthy();
}

pub(crate) fn the_user_may_create_no_pods(patient: &Patient) {
    let guest = patient.guest(&RIGHTS);
    until_told(patient, &guest, "unseen", "who may create pods in shop");
}

pub(crate) fn whoever_may_see_little_is_told_what_he_missed(patient: &Patient) {
    let guest =
        patient.guest(&[("get", "namespaces,mutatingwebhookconfigurations.admissionregistration.k8s.io")]);
    let report = patient.doctor(&[&guest, "--namespace=shop", "--secrets"]);
    assert_eq!(report.exit, Some(0), "{report:#?}");
    assert!(report.findings.iter().all(|finding| finding["severity"] == "unseen"), "{report:#?}");
    for (check, object, right) in [
        ("pod-secrets", "Namespace shop", "cronjobs, daemonsets, deployments, pods, statefulsets"),
        ("rival", "MutatingAdmissionPolicy", "mutatingadmissionpolicies"),
        ("probe", "Namespace shop", "create pods in shop"),
    ] {
        let is_it = |finding: &&Value| finding["check"] == check && finding["object"] == object;
        let finding = report.findings.iter().find(is_it).unwrap_or_else(|| panic!("{check}: {report:#?}"));
        assert!(finding["fix"].as_str().is_some_and(|fix| fix.contains(right)), "{finding}");
    }
    // Without a name, the namespaces cannot be listed, and that of the context is looked at.
    let report = patient.doctor(&[&guest]);
    let is_it =
        |finding: &&Value| finding["check"] == "no-namespace" && finding["object"] == "all namespaces";
    assert!(report.findings.iter().any(|finding| is_it(&finding)), "{report:#?}");
}

pub(crate) fn whoever_is_not_known_sees_no_report(patient: &Patient) {
    let guest = patient.guest(&[("get", "namespaces")]);
    let file = guest.trim_start_matches("--kubeconfig=");
    let kubeconfig = std::fs::read_to_string(file).expect("the kubeconfig of the guest");
    std::fs::write(file, kubeconfig.replace("token: ", "token: expired")).expect("it can be changed");
    let mut command = for_an_operator(&program::under_test(), &patient.cluster);
    let output = command.args(["doctor", &guest]).output().expect("pullkey can be run");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(2), &b""[..]), "{said}");
    assert!(said.contains("cannot read https://") && said.contains("401"), "{said}");
}

pub(crate) fn another_webhook_never_answers(patient: &Patient) {
    let namespace = Namespace::sent(patient);
    // It is connected to, and says nothing.
    let silent = TcpListener::bind((ADDRESS, 0)).expect("the sandbox has this address");
    let url = format!("https://{}/", silent.local_addr().expect("it is bound"));
    patient.apply_json(&json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": "silent"},
        "webhooks": [{
            "name": "silent.example.com",
            "admissionReviewVersions": ["v1"],
            "clientConfig": {"url": url},
            "failurePolicy": "Ignore",
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace.name}},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
            "sideEffects": "None",
            "timeoutSeconds": 30,
        }],
    }));
    let finding = patient.until_named("probe", &namespace.object());
    assert_eq!(finding["severity"], "unseen", "{finding}");
    assert!(
        finding["problem"].as_str().is_some_and(|problem| problem.contains("no answer within")),
        "{finding}"
    );
    patient.kubectl(&["delete", "mutatingwebhookconfiguration", "silent"]);
    drop(silent);
    patient.until_healthy();
}
