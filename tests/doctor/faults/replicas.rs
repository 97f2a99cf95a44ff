//! Faults of the Deployment and its replicas.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use serde_json::{Value, json};

use crate::patient::Patient;
use crate::support::installation::NAMESPACE;
use crate::support::sandbox::ADDRESS;
use crate::support::wait::until;

const OBJECT: &str = "Deployment pullkey-system/pullkey";

/// The names of pullkey's Pods.
#[track_caller]
pub(crate) fn pods(patient: &Patient) -> Vec<String> {
    let names = ["get", "pods", "-n", NAMESPACE, "-o", "jsonpath={.items[*].metadata.name}"];
    patient.kubectl(&names).split_whitespace().map(str::to_owned).collect()
}

/// Changes what the Pods are made of.
#[track_caller]
pub(crate) fn change_template(patient: &Patient, template: &Value) {
    patient.patch("deployment", "pullkey", &json!({"spec": {"template": template}}));
}

#[track_caller]
fn mend_by_applying(patient: &Patient) {
    patient.apply();
    patient.wait();
    patient.until_healthy();
}

pub(crate) fn there_is_no_deployment(patient: &Patient) {
    patient.kubectl(&["delete", "deployment", "pullkey", "-n", NAMESPACE]);
    // Nobody removes here what belongs to it, and its controller may not know yet that it is gone.
    until("nobody makes Pods any more", || {
        patient.kubectl(&["delete", "replicasets,pods", "--all", "-n", NAMESPACE]);
        let report = patient.doctor(&[]);
        let is_named = report.findings.iter().any(|finding| finding["check"] == "deployment");
        if is_named { Ok(()) } else { Err(format!("{report:#?}")) }
    });
    let finding = patient.until_only("problem", "deployment", &format!("Namespace {NAMESPACE}"));
    assert!(finding["fix"].as_str().is_some_and(|fix| fix.contains("apply your overlay")), "{finding}");
    mend_by_applying(patient);
}

pub(crate) fn there_are_none(patient: &Patient) {
    patient.kubectl(&["scale", "deployment/pullkey", "-n", NAMESPACE, "--replicas=0"]);
    let finding = patient.until_only("problem", "replicas", OBJECT);
    patient.carry_out(&finding);
    patient.wait();
    patient.until_healthy();
}

pub(crate) fn there_is_one(patient: &Patient) {
    patient.kubectl(&["scale", "deployment/pullkey", "-n", NAMESPACE, "--replicas=1"]);
    let finding = patient.until_only("warning", "one-replica", OBJECT);
    patient.carry_out(&finding);
    patient.wait();
    patient.until_healthy();
}

/// Begins a rollout to Pods that cannot start, and returns the name of the first once it is there.
#[track_caller]
fn stall(patient: &Patient, image: &str) -> String {
    let before = pods(patient);
    let patch = json!([
        {"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": image},
        {"op": "add", "path": "/spec/template/spec/containers/0/args/-", "value": "--not-a-flag"},
    ]);
    patient.patch("deployment", "pullkey", &patch);
    until("the rollout begins", || {
        let mut pods = pods(patient).into_iter();
        pods.find(|pod| !before.contains(pod)).ok_or_else(|| "there is no new Pod".to_owned())
    })
}

pub(crate) fn a_rollout_stalls(patient: &Patient) {
    let pod = stall(patient, "registry.example.com/pullkey:newer");
    let finding = patient.until_only("warning", "replicas", &format!("Pod {NAMESPACE}/{pod}"));
    let fix = finding["fix"].as_str().unwrap_or_default();
    assert!(fix.contains(&format!("logs {pod}")), "{finding}");
    mend_by_applying(patient);
}

pub(crate) fn a_rollout_stalls_at_its_configuration(patient: &Patient) {
    patient.kubectl(&[
        "create",
        "configmap",
        "worse",
        "-n",
        NAMESPACE,
        "--from-literal=config.yaml=registries: x",
    ]);
    let source = json!({"configMap": {"name": "worse"}});
    let path = "/spec/template/spec/volumes/0/projected/sources/0";
    patient.patch("deployment", "pullkey", &json!([{"op": "replace", "path": path, "value": source}]));
    until("the rollout begins", || if pods(patient).len() > 2 { Ok(()) } else { Err(String::new()) });
    // The Pod that does not start is no finding of its own.
    patient.until_only("problem", "configuration", &format!("ConfigMap {NAMESPACE}/worse"));
    mend_by_applying(patient);
    patient.kubectl(&["delete", "configmap", "worse", "-n", NAMESPACE]);
}

pub(crate) fn one_cannot_pull_its_image(patient: &Patient) {
    let image = "registry.example.com/pullkey:none";
    let pod = stall(patient, image);
    // What a kubelet writes.
    let waiting = json!({"reason": "ErrImagePull", "message": "pull access denied"});
    let status = json!({
        "name": "pullkey", "image": image, "imageID": "", "ready": false, "restartCount": 0,
        "state": {"waiting": waiting},
    });
    let status = json!({"status": {"containerStatuses": [status]}}).to_string();
    patient.kubectl(&["patch", "pod", &pod, "-n", NAMESPACE, "--subresource=status", "-p", &status]);
    let object = format!("Pod {NAMESPACE}/{pod}");
    let finding = until("the doctor says what the kubelet says", || {
        let finding = patient.until_only("warning", "replicas", &object);
        let is_said =
            finding["problem"].as_str().is_some_and(|problem| problem.contains("pull access denied"));
        if is_said { Ok(finding) } else { Err(finding.to_string()) }
    });
    assert!(
        finding["fix"].as_str().is_some_and(|fix| fix.contains("an image that its node can pull")),
        "{finding}"
    );
    mend_by_applying(patient);
}

pub(crate) fn one_is_not_made(patient: &Patient) {
    patient.patch("resourcequota", "pullkey-critical-pods", &json!({"spec": {"hard": {"pods": "1"}}}));
    patient.kubectl(&["delete", "pod", &pods(patient)[0], "-n", NAMESPACE]);
    let finding = patient.until_only("warning", "replicas", OBJECT);
    let problem = finding["problem"].as_str().unwrap_or_default();
    assert!(problem.contains("exceeded quota: pullkey-critical-pods"), "{finding}");
    patient.carry_out(
        &json!({"fix": finding["fix"].as_str().and_then(|fix| fix.split_once(": ")).map(|(_, fix)| fix)}),
    );
    mend_by_applying(patient);
}

/// A Node that takes Pods.
#[track_caller]
fn make_node(patient: &Patient, name: &str, labels: &Value) {
    patient.apply_json(
        &json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}}),
    );
    // A new one waits for its kubelet.
    patient.kubectl(&["taint", "node", name, "node.kubernetes.io/not-ready:NoSchedule-"]);
}

pub(crate) fn all_are_on_one_node(patient: &Patient) {
    let linux = json!({"kubernetes.io/os": "linux"});
    make_node(patient, "first", &linux);
    // They are not for this one.
    make_node(patient, "other", &json!({"kubernetes.io/os": "windows"}));
    let bound = pods(patient);
    for pod in &bound {
        let target = json!({"apiVersion": "v1", "kind": "Node", "name": "first"});
        let binding =
            json!({"apiVersion": "v1", "kind": "Binding", "metadata": {"name": pod}, "target": target});
        let path = format!("/api/v1/namespaces/{NAMESPACE}/pods/{pod}/binding");
        patient.cluster.kubectl.run_with_input(&["create", "--raw", &path, "-f", "-"], &binding.to_string());
    }
    patient.until_healthy();
    make_node(patient, "second", &linux);
    let finding = patient.until_only("warning", "spread", OBJECT);
    assert!(
        finding["problem"].as_str().is_some_and(|problem| problem.contains("the node first")),
        "{finding}"
    );
    patient.kubectl(&["cordon", "second"]);
    patient.until_healthy();
    patient.kubectl(&["uncordon", "second"]);
    patient.carry_out(&finding);
    patient.wait();
    patient.until_healthy();
    patient.kubectl(&["delete", "node", "first", "second", "other"]);
    // No kubelet says that they have ended.
    let delete = ["delete", "pod", "-n", NAMESPACE, "--ignore-not-found", "--force", "--grace-period=0"];
    let bound: Vec<&str> = bound.iter().map(String::as_str).collect();
    patient.kubectl(&[&delete[..], &bound].concat());
}

/// Answers as the admin port of a replica of another version, as long as the test runs, and returns its port.
fn serve_metrics(version: &str) -> u16 {
    let listener = TcpListener::bind((ADDRESS, 0)).expect("the sandbox has this address");
    let port = listener.local_addr().expect("it is bound").port();
    let metrics = format!("pullkey_build_info{{version=\"{version}\"}} 1\n");
    thread::spawn(move || {
        for connection in listener.incoming() {
            // A failed answer shows as a finding that does not come.
            let _ = connection.and_then(|mut connection| {
                let _ = connection.read(&mut [0; 4096])?;
                let length = metrics.len();
                write!(
                    connection,
                    "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{metrics}"
                )
            });
        }
    });
    port
}

pub(crate) fn they_are_of_different_versions(patient: &Patient) {
    let port = serve_metrics("0.0.9");
    let template = ["get", "deployment", "pullkey", "-n", NAMESPACE, "-o", "json"];
    let mut pod = patient.cluster.kubectl.json(&template, "")["spec"]["template"].take();
    pod["apiVersion"] = json!("v1");
    pod["kind"] = json!("Pod");
    let labels = json!({
        "app.kubernetes.io/name": "pullkey",
        "app.kubernetes.io/component": "webhook",
        "pullkey.dev/inject": "disabled",
    });
    // Without the label of the shipped manifests no process runs for it.
    pod["metadata"] = json!({"name": "older", "namespace": NAMESPACE, "labels": labels});
    pod["spec"]["containers"][0]["args"] = json!(["serve", format!("--admin-listen=[::]:{port}")]);
    patient.create(NAMESPACE, &pod);
    let condition = json!({"type": "Ready", "status": "True"});
    let status = json!({"status": {
        "phase": "Running", "conditions": [condition], "podIP": ADDRESS, "podIPs": [{"ip": ADDRESS}],
    }});
    patient.kubectl(&[
        "patch",
        "pod",
        "older",
        "-n",
        NAMESPACE,
        "--subresource=status",
        "-p",
        &status.to_string(),
    ]);
    let finding = patient.until_only("warning", "versions", OBJECT);
    let both = format!("0.0.9, {}", env!("CARGO_PKG_VERSION"));
    assert!(finding["problem"].as_str().is_some_and(|problem| problem.contains(&both)), "{finding}");
    assert!(finding["fix"].as_str().is_some_and(|fix| fix.contains("rollout status")), "{finding}");
    patient.kubectl(&["delete", "pod", "older", "-n", NAMESPACE]);
    patient.until_healthy();
}

pub(crate) fn they_do_not_opt_out(patient: &Patient) {
    change_template(patient, &json!({"metadata": {"labels": {"pullkey.dev/inject": null}}}));
    patient.wait();
    let finding = patient.until_only("warning", "own-pods", OBJECT);
    patient.carry_out(&finding);
    patient.wait();
    patient.until_healthy();
}

pub(crate) fn they_are_killed_while_they_drain(patient: &Patient) {
    change_template(patient, &json!({"spec": {"terminationGracePeriodSeconds": 45}}));
    patient.wait();
    let finding = patient.until_only("warning", "grace", OBJECT);
    patient.carry_out(&finding);
    patient.wait();
    patient.until_healthy();
}
