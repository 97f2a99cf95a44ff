//! Faults of what the API server trusts, and of what the replicas serve.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::replicas::pods;
use crate::patient::Patient;
use crate::support::installation::NAMESPACE;
use crate::support::wait::until;

const OBJECT: &str = "MutatingWebhookConfiguration pullkey";
const BEGIN: &str = "-----BEGIN CERTIFICATE-----";

/// The certificates that are trusted, as PEM.
#[track_caller]
fn trusted(patient: &Patient) -> String {
    let path = "jsonpath={.webhooks[0].clientConfig.caBundle}";
    let encoded = patient.kubectl(&["get", "mutatingwebhookconfiguration", "pullkey", "-o", path]);
    String::from_utf8(BASE64_STANDARD.decode(encoded).expect("base64")).expect("PEM")
}

/// Has these certificates trusted, while nobody may mend that.
#[track_caller]
fn trust(patient: &Patient, pem: &str) {
    patient.kubectl(&["delete", "clusterrolebinding", "pullkey", "--ignore-not-found"]);
    let path = "/webhooks/0/clientConfig/caBundle";
    let patch = json!([{"op": "add", "path": path, "value": BASE64_STANDARD.encode(pem)}]);
    patient.patch("mutatingwebhookconfiguration", "pullkey", &patch);
}

/// A certificate that nobody serves.
fn foreign() -> String {
    let made = rcgen::generate_simple_self_signed(["foreign.example.com".to_owned()]);
    made.expect("a certificate can be made").cert.pem()
}

/// Waits for this one finding, and gives the right back.
#[track_caller]
fn name_and_mend(patient: &Patient, severity: &str, check: &str, object: &str) -> Value {
    let finding = patient.until_only(severity, check, object);
    patient.apply();
    patient.until_healthy();
    finding
}

/// What the finding says to try: whether the replicas may mend it.
#[track_caller]
fn assert_says_who_may_not(patient: &Patient, finding: &Value) {
    let fix = finding["fix"].as_str().unwrap_or_default();
    let (_, commands) = fix.split_once(": ").unwrap_or_else(|| panic!("{finding}"));
    let (asked, log) = commands.split_once("; ").unwrap_or_else(|| panic!("{finding}"));
    let arguments: Vec<&str> = asked.split(' ').skip(1).collect();
    let output = patient.cluster.kubectl.output(&arguments, "");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "no", "{finding}");
    assert_eq!(log, format!("kubectl -n {NAMESPACE} logs deployment/pullkey"));
}

pub(crate) fn the_bundle_is_empty(patient: &Patient) {
    trust(patient, "");
    let finding = patient.until_only("problem", "bundle", OBJECT);
    assert!(finding["problem"].as_str().is_some_and(|problem| problem.contains("is empty")), "{finding}");
    assert_says_who_may_not(patient, &finding);
    name_and_mend(patient, "problem", "bundle", OBJECT);
}

pub(crate) fn the_bundle_is_no_certificate(patient: &Patient) {
    trust(patient, "pullkey's CA");
    let finding = name_and_mend(patient, "problem", "bundle", OBJECT);
    assert!(
        finding["problem"].as_str().is_some_and(|problem| problem.contains("no certificate")),
        "{finding}"
    );
}

pub(crate) fn the_bundle_lacks_a_line_end(patient: &Patient) {
    let pem = trusted(patient).replace(&format!("\n{BEGIN}"), BEGIN);
    trust(patient, &pem);
    let finding = name_and_mend(patient, "problem", "bundle", OBJECT);
    assert!(finding["problem"].as_str().is_some_and(|problem| problem.contains("line end")), "{finding}");
}

pub(crate) fn the_bundle_is_too_long(patient: &Patient) {
    let foreign: String = (0..64).map(|_| foreign()).collect();
    trust(patient, &format!("{foreign}{}", trusted(patient)));
    let finding = patient.until_only("warning", "bundle", OBJECT);
    patient.apply();
    patient.carry_out(&finding);
    patient.wait();
    patient.until_healthy();
}

pub(crate) fn one_is_not_trusted(patient: &Patient) {
    let pods = pods(patient);
    let proxy = format!("/api/v1/namespaces/{NAMESPACE}/pods/{}:8080/proxy/certificate", pods[0]);
    let served = patient.kubectl(&["get", "--raw", &proxy]);
    trust(patient, &format!("{}{served}", foreign()));
    let object = format!("Pod {NAMESPACE}/{}", pods[1]);
    let finding = patient.until_only("problem", "certificate-trust", &object);
    assert_says_who_may_not(patient, &finding);
    name_and_mend(patient, "problem", "certificate-trust", &object);
}

pub(crate) fn none_is_trusted(patient: &Patient) {
    trust(patient, &foreign());
    name_and_mend(patient, "problem", "certificate-trust", OBJECT);
}

/// Replaces an argument of the Pods, or adds it.
#[track_caller]
fn set_argument(patient: &Patient, flag: &str, value: &str) {
    let path = "jsonpath={.spec.template.spec.containers[0].args}";
    let arguments = patient.kubectl(&["get", "deployment", "pullkey", "-n", NAMESPACE, "-o", path]);
    let mut arguments: Vec<String> = serde_json::from_str(&arguments).expect("a list");
    arguments.retain(|argument| !argument.starts_with(flag));
    arguments.push(format!("{flag}={value}"));
    let path = "/spec/template/spec/containers/0/args";
    patient.patch("deployment", "pullkey", &json!([{"op": "replace", "path": path, "value": arguments}]));
    patient.wait();
}

pub(crate) fn it_is_for_another_name(patient: &Patient) {
    set_argument(patient, "--dns-name", "pullkey.default.svc");
    let finding =
        patient.until_only("problem", "certificate-name", &format!("Deployment {NAMESPACE}/pullkey"));
    let fix = finding["fix"].as_str().unwrap_or_default();
    assert!(fix.contains("--dns-name=pullkey.pullkey-system.svc"), "{finding}");
    set_argument(patient, "--dns-name", "pullkey.pullkey-system.svc");
    patient.until_healthy();
    patient.apply();
    patient.wait();
    patient.until_healthy();
}

pub(crate) fn it_is_not_renewed(patient: &Patient) {
    set_argument(patient, "--certificate-life", "30s");
    patient.kubectl(&["delete", "clusterrolebinding", "pullkey"]);
    until("the doctor says that a certificate ends", || {
        let report = patient.doctor(&[]);
        let late = report.findings.iter().find(|finding| finding["check"] == "certificate-time");
        let late = late.ok_or_else(|| format!("{report:#?}"))?;
        assert_says_who_may_not(patient, late);
        Ok::<_, String>(())
    });
    // Both serve it until it ends, and are not ready any more.
    until("the doctor says only that both have ended", || {
        let report = patient.doctor(&["--secrets"]);
        let has_expired = |finding: &Value| {
            finding["check"] == "certificate-time"
                && finding["severity"] == "problem"
                && finding["problem"].as_str().is_some_and(|problem| problem.contains("expired at"))
        };
        let are_named = report.findings.len() == 2 && report.findings.iter().all(has_expired);
        if are_named { Ok(()) } else { Err(format!("{report:#?}")) }
    });
    // That nobody is ready is no further finding.
    until("the API server is led to nobody", || {
        let ready = pods(patient).into_iter().find(|pod| patient.kubelet.is_ready(pod));
        ready.map_or(Ok(()), Err)
    });
    let report = patient.doctor(&["--secrets"]);
    assert_eq!(report.findings.len(), 2, "{report:#?}");
    patient.apply();
    patient.wait();
    patient.until_healthy();
}
