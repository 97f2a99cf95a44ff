//! Pods that lack what pullkey would add, or cannot pull although they lack nothing.

use crate::patient::Patient;
use crate::tenants::{Namespace, pod, waiting};

const IMAGE: &str = "registry.example.com/web";

/// A Pod that is older than the label of its namespace.
fn older(patient: &Patient) -> Namespace<'_> {
    let namespace = Namespace::make(patient);
    patient.create(&namespace.name, &pod("web", IMAGE));
    patient.kubectl(&["label", "namespace", &namespace.name, "pullkey.dev/inject=enabled"]);
    patient.make_secret(&namespace.name, "registrysecret", "registry.example.com");
    namespace
}

fn set_status(patient: &Patient, namespace: &str, message: &str) {
    let status = waiting(IMAGE, message).to_string();
    patient.kubectl(&["patch", "pod", "web", "-n", namespace, "--subresource=status", "-p", &status]);
}

pub(crate) fn one_is_older_than_the_label(patient: &Patient) {
    let namespace = older(patient);
    let object = format!("Pod {}/web", namespace.name);
    let finding = patient.until_named("pod-secrets", &object);
    assert_eq!(finding["severity"], "warning", "{finding}");
    let fix = finding["fix"].as_str().unwrap_or_default();
    let (_, command) = fix.split_once(": ").expect("a command");
    patient.shell(command);
    patient.until_healthy();
}

pub(crate) fn one_that_lacks_a_secret_cannot_pull(patient: &Patient) {
    let namespace = older(patient);
    set_status(patient, &namespace.name, "Back-off pulling image");
    let finding = patient.until_problem("pod-secrets", &format!("Pod {}/web", namespace.name));
    assert!(finding["problem"].as_str().is_some_and(|problem| problem.contains(IMAGE)), "{finding}");
    patient.kubectl(&["delete", "pod", "web", "-n", &namespace.name]);
    patient.until_healthy();
}

pub(crate) fn one_that_lacks_nothing_cannot_pull(patient: &Patient) {
    let namespace = Namespace::sent(patient);
    patient.create(&namespace.name, &pod("web", IMAGE));
    patient.make_secret(&namespace.name, "registrysecret", "registry.example.com");
    set_status(patient, &namespace.name, "failed to authorize: 401 Unauthorized");
    let object = format!("Pod {}/web", namespace.name);
    let finding = patient.until_problem("pull", &object);
    assert!(
        finding["problem"].as_str().is_some_and(|problem| problem.contains("401 Unauthorized")),
        "{finding}"
    );
    let without = patient.doctor(&[]);
    let fix = format!("look into the Secrets: pullkey doctor --namespace {} --secrets", namespace.name);
    assert_eq!(without.findings[0]["fix"], fix.as_str(), "{without:#?}");
    // An image that is not there is nobody's secret.
    set_status(patient, &namespace.name, "registry.example.com/web:latest: not found");
    let finding = patient.until_warning("pull", &object);
    assert!(finding["fix"].as_str().is_some_and(|fix| fix.contains("has this image")), "{finding}");
    patient.kubectl(&["delete", "pod", "web", "-n", &namespace.name]);
    patient.until_healthy();
}
