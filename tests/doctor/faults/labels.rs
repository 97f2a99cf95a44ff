//! Labels that were meant to open or to close, and do neither.

use serde_json::json;

use crate::patient::Patient;
use crate::support::installation::NAMESPACE;
use crate::tenants::{Namespace, pod};

const NAMED: &str = "namespace-label";

pub(crate) fn a_namespace_has_a_key_that_is_nearly_right(patient: &Patient) {
    for key in ["pullkey.dev/injection", "pullkey.io/inject", "inject.pullkey.dev"] {
        let namespace = Namespace::labelled(patient, &format!("{key}=enabled"));
        let finding = patient.until_named(NAMED, &namespace.object());
        assert_eq!(finding["severity"], "problem", "{finding}");
        let fix = format!(
            "kubectl label namespace {} --overwrite pullkey.dev/inject=enabled {key}-",
            namespace.name
        );
        assert_eq!(finding["fix"], fix);
        patient.carry_out(&finding);
        patient.until_healthy();
    }
}

pub(crate) fn a_namespace_has_a_value_that_is_nearly_right(patient: &Patient) {
    for value in ["enable", "Enabled", "yes", "1"] {
        let namespace = Namespace::labelled(patient, &format!("pullkey.dev/inject={value}"));
        let finding = patient.until_named(NAMED, &namespace.object());
        assert_eq!(finding["severity"], "problem", "{finding}");
        patient.carry_out(&finding);
        patient.until_healthy();
    }
}

pub(crate) fn a_namespace_has_a_value_that_says_nothing(patient: &Patient) {
    let namespace = Namespace::labelled(patient, "pullkey.dev/inject=blue");
    let finding = patient.until_named(NAMED, &namespace.object());
    assert_eq!(finding["severity"], "warning", "{finding}");
    patient.carry_out(&finding);
    patient.until_healthy();
}

pub(crate) fn the_label_of_a_namespace_is_an_annotation(patient: &Patient) {
    let namespace = Namespace::make(patient);
    patient.kubectl(&["annotate", "namespace", &namespace.name, "pullkey.dev/inject=enabled"]);
    let finding = patient.until_named(NAMED, &namespace.object());
    assert_eq!(finding["severity"], "problem", "{finding}");
    patient.carry_out(&finding);
    patient.until_healthy();
}

pub(crate) fn namespaces_that_are_never_sent_are_opted_in(patient: &Patient) {
    for name in ["kube-system", NAMESPACE] {
        patient.kubectl(&["label", "namespace", name, "pullkey.dev/inject=enabled"]);
        let finding = patient.until_named(NAMED, &format!("Namespace {name}"));
        assert_eq!(finding["severity"], "warning", "{finding}");
        assert_eq!(finding["fix"], format!("kubectl label namespace {name} pullkey.dev/inject-"));
        patient.carry_out(&finding);
        patient.until_healthy();
    }
}

pub(crate) fn no_namespace_is_opted_in(patient: &Patient) {
    patient.kubectl(&["label", "namespace", "shop", "pullkey.dev/inject-"]);
    let finding = patient.until_named("no-namespace", "MutatingWebhookConfiguration pullkey");
    assert_eq!(finding["fix"], "open one: kubectl label namespace NAME pullkey.dev/inject=enabled");
    let asked = patient.doctor(&["--namespace=shop"]);
    let fix = "kubectl label namespace shop --overwrite pullkey.dev/inject=enabled";
    assert_eq!(asked.findings[0]["fix"], fix, "{asked:#?}");
    patient.kubectl(&["label", "namespace", "shop", "pullkey.dev/inject=enabled"]);
    patient.until_healthy();
}

pub(crate) fn the_label_stands_on_a_workload_instead_of_its_namespace(patient: &Patient) {
    let namespace = Namespace::make(patient);
    let template = json!({
        "metadata": {"labels": {"app": "web", "pullkey.dev/inject": "enabled"}},
        "spec": {"containers": [{"name": "main", "image": "registry.example.com/web"}]},
    });
    patient.create(&namespace.name, &json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, "strategy": {"type": "Recreate"}, "template": template},
    }));
    let object = format!("Deployment {}/web", namespace.name);
    let finding = patient.until_named("pod-label", &object);
    assert_eq!(finding["severity"], "problem", "{finding}");
    patient.carry_out(&finding);
    patient.make_secret(&namespace.name, "registrysecret", "registry.example.com");
    // What was created before stays as it was.
    let finding = patient.until_named("pod-secrets", &object);
    patient.carry_out(&finding);
    patient.until_healthy();
}

pub(crate) fn a_pod_that_meant_to_opt_out_is_injected(patient: &Patient) {
    let mut web = pod("opted-out", "registry.example.com/web");
    web["metadata"]["labels"] = json!({"pullkey.dev/inject": "disable"});
    patient.create("shop", &web);
    let finding = patient.until_named("pod-label", "Pod shop/opted-out");
    assert_eq!(finding["severity"], "warning", "{finding}");
    patient.kubectl(&["delete", "pod", "opted-out", "-n", "shop"]);
    web["metadata"]["labels"] = json!({"pullkey.dev/inject": "disabled"});
    patient.create("shop", &web);
    patient.until_healthy();
    patient.kubectl(&["delete", "pod", "opted-out", "-n", "shop"]);
}
