//! Many namespaces with the same fault, and more than are asked one by one.

use serde_json::{Value, json};

use crate::patient::{Patient, Report};
use crate::support::wait::until;
use crate::tenants::pod;

const COUNT: usize = 60;
/// How many of a kind are shown.
const SHOWN: usize = 20;

fn name(number: usize) -> String {
    format!("many-{number}")
}

fn list(items: impl Iterator<Item = Value>) -> Value {
    json!({"apiVersion": "v1", "kind": "List", "items": items.collect::<Vec<_>>()})
}

fn namespaces(value: &str) -> Value {
    list((0..COUNT).map(|number| {
        let metadata = json!({"name": name(number), "labels": {"pullkey.dev/inject": value}});
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    }))
}

/// Waits until this check has the first few and one finding that counts the others, and nothing else is said.
#[track_caller]
fn until_shortened(patient: &Patient, check: &str) {
    until(&format!("{check} is shown {SHOWN} times"), || {
        let Report { findings, .. } = patient.doctor(&["--secrets"]);
        let others = format!("{} more", COUNT - SHOWN);
        let is_short = findings.len() == SHOWN + 1
            && findings.iter().all(|finding| finding["check"] == check)
            && findings[SHOWN]["object"] == others.as_str();
        if is_short { Ok(()) } else { Err(format!("{} findings: {findings:#?}", findings.len())) }
    });
}

pub(crate) fn the_first_few_are_shown_and_the_others_counted(patient: &Patient) {
    patient.apply_json(&namespaces("enable"));
    until_shortened(patient, "namespace-label");
    let pods = (0..COUNT).map(|number| {
        let mut pod = pod("web", "registry.example.com/web");
        pod["metadata"]["namespace"] = json!(name(number));
        // Not every namespace has got its account yet.
        pod["spec"]["serviceAccountName"] = json!("default");
        pod
    });
    let pods = list(pods).to_string();
    until("the Pods are made", || patient.cluster.kubectl.attempt(&["apply", "-f", "-"], &pods));
    patient.apply_json(&namespaces("enabled"));
    let secrets = (0..COUNT).map(|number| {
        json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "registrysecret", "namespace": name(number)},
            "type": "kubernetes.io/dockerconfigjson",
            "stringData": {".dockerconfigjson": r#"{"auths": {"registry.example.com": {"username": "shop"}}}"#},
        })
    });
    patient.apply_json(&list(secrets));
    until_shortened(patient, "pod-secrets");
    let names: Vec<String> = (0..COUNT).map(name).collect();
    let arguments = ["delete", "namespace", "--wait=false"];
    let arguments: Vec<&str> = arguments.into_iter().chain(names.iter().map(String::as_str)).collect();
    patient.kubectl(&arguments);
    patient.until_healthy();
}
