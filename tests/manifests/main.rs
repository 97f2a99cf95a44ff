//! What `deploy/` says when a real kubectl renders it: the base, every overlay and every combination of them.

#[path = "../support/helm.rs"]
mod helm;
#[path = "../support/script.rs"]
mod script;

mod chart;
mod following;
mod labels;
mod monitoring;
mod publishing;
mod render;
mod values;

use std::fs;
use std::process::Command;
use std::sync::OnceLock;

use serde_json::{Value, json};

use labels::{labels, selects};
use render::{Deploy, Rendered, files_in, repository};

const OPT_IN: &str = "pullkey.dev/inject";

/// Where the certificate comes from: the default, and the overlays for the other ways.
pub(crate) const SOURCES: [&str; 3] = ["self-issued", "files", "cert-manager"];

/// The folder of `deploy/` that installs pullkey with certificates from there.
pub(crate) fn folder(source: &str) -> String {
    if source == "self-issued" { String::new() } else { format!("overlays/{source}") }
}

/// The base, the default, the overlays, and each with what can be put on top; rendered once for all tests.
fn every_rendering(test: &str) -> Option<&'static [(String, Rendered)]> {
    static ALL: OnceLock<Vec<(String, Rendered)>> = OnceLock::new();
    let deploy = Deploy::copy_or_skip(test)?;
    Some(ALL.get_or_init(|| render_all(&deploy)))
}

fn render_all(deploy: &Deploy) -> Vec<(String, Rendered)> {
    let mut all = vec![("base".to_owned(), deploy.render("base"))];
    for overlay in SOURCES {
        all.push((overlay.to_owned(), deploy.render(&folder(overlay))));
        for components in [&["opt-out"][..], &["fail-open"], &["opt-out", "fail-open"]] {
            let name = format!("{overlay} with {}", components.join(" and "));
            all.push((name, deploy.render_own(&with_components(overlay, components))));
        }
        all.push((format!("{overlay} renamed"), deploy.render_own(&renamed(overlay))));
    }
    all
}

fn with_components(overlay: &str, components: &[&str]) -> String {
    let components: Vec<_> = components.iter().map(|name| format!("../deploy/components/{name}")).collect();
    format!("resources: [../deploy/{}]\ncomponents: [{}]\n", folder(overlay), components.join(", "))
}

/// An overlay that changes the namespace, as deploy/README.md tells an operator to.
fn renamed(overlay: &str) -> String {
    let follow = if overlay == "cert-manager" {
        "transformers: [../deploy/transformers/certificate-names]\n"
    } else {
        // Nothing but the one line.
        ""
    };
    format!("namespace: registry-access\nresources: [../deploy/{}]\n{follow}", folder(overlay))
}

#[test]
fn no_rendering_sets_the_key_ca_bundle() {
    let Some(all) = every_rendering("manifests: caBundle") else { return };
    for (name, rendered) in all {
        // Not even in a ConfigMap or a comment. Only the policy has to name it.
        for document in &rendered.documents {
            let is_policy = document["kind"] == "ValidatingAdmissionPolicy";
            assert!(is_policy || !document.to_string().contains("caBundle"), "{name}: {document}");
        }
    }
}

#[test]
fn only_the_kinds_that_are_needed_are_created_and_only_publishing_grants_a_right() {
    let Some(all) = every_rendering("manifests: kinds") else { return };
    let base = [
        "ConfigMap",
        "Deployment",
        "MutatingWebhookConfiguration",
        "Namespace",
        "NetworkPolicy",
        "PodDisruptionBudget",
        "ResourceQuota",
        "Service",
        "ServiceAccount",
    ];
    for (name, rendered) in all {
        let mut kinds: Vec<_> =
            rendered.documents.iter().map(|document| render::text(&document["kind"])).collect();
        kinds.retain(|kind| !base.contains(kind));
        let expected: &[&str] = match name.split(' ').next() {
            Some("self-issued") => &[
                "ClusterRole",
                "ClusterRoleBinding",
                "ValidatingAdmissionPolicy",
                "ValidatingAdmissionPolicyBinding",
            ],
            Some("files") => &["Secret"],
            Some("cert-manager") => &["Certificate", "Certificate", "Issuer", "Issuer"],
            _ => &[],
        };
        assert_eq!(kinds, expected, "{name}");
        for kind in base {
            assert_eq!(rendered.names(kind).len(), 1, "{name}: {kind}");
        }
    }
}

#[test]
fn the_namespaces_that_pullkey_depends_on_are_never_selected() {
    let Some(all) = every_rendering("manifests: namespaces") else { return };
    for (name, rendered) in all {
        let selector = &rendered.webhook()["namespaceSelector"];
        let own = render::text(&rendered.the("Namespace")["metadata"]["name"]);
        for namespace in [own, "kube-system"] {
            for value in ["enabled", "true", "other"] {
                let labels = [(OPT_IN, value), ("kubernetes.io/metadata.name", namespace)];
                assert!(!selects(selector, &labels), "{name}: {namespace} labelled {value}");
            }
            assert!(!selects(selector, &[("kubernetes.io/metadata.name", namespace)]), "{name}: {namespace}");
        }
    }
}

#[test]
fn a_namespace_opts_in_or_out_by_label() {
    let Some(all) = every_rendering("manifests: opt-in") else { return };
    for (name, rendered) in all {
        let selector = &rendered.webhook()["namespaceSelector"];
        let team = ("kubernetes.io/metadata.name", "team-a");
        let all = name.contains("opt-out");
        assert_eq!(selects(selector, &[team]), all, "{name}: no label");
        for (value, selected) in
            [("enabled", true), ("true", true), ("disabled", false), ("false", false), ("other", all)]
        {
            assert_eq!(selects(selector, &[team, (OPT_IN, value)]), selected, "{name}: {value}");
        }
    }
}

#[test]
fn a_pod_opts_out_by_label_and_pullkeys_own_pods_do() {
    let Some(all) = every_rendering("manifests: Pods") else { return };
    for (name, rendered) in all {
        let selector = &rendered.webhook()["objectSelector"];
        assert!(selects(selector, &[]), "{name}: no label");
        assert!(selects(selector, &[(OPT_IN, "enabled")]), "{name}: enabled");
        assert!(!selects(selector, &[(OPT_IN, "disabled")]), "{name}: disabled");
        assert!(!selects(selector, &[(OPT_IN, "false")]), "{name}: false");
        assert!(!selects(selector, &labels(rendered.pod())), "{name}: pullkey's own Pods");
    }
}

#[test]
fn a_component_changes_only_what_it_is_for() {
    let Some(deploy) = Deploy::copy_or_skip("manifests: components") else { return };
    let first = "/webhooks/0/namespaceSelector/matchExpressions/0";
    for overlay in SOURCES {
        let plain = deploy.render(&folder(overlay));
        let opt_out = deploy.render_own(&with_components(overlay, &["opt-out"]));
        assert_eq!(
            differences(&plain, &opt_out),
            [format!("{first}/operator"), format!("{first}/values/0"), format!("{first}/values/1")],
            "{overlay}"
        );
        let fail_open = deploy.render_own(&with_components(overlay, &["fail-open"]));
        assert_eq!(differences(&plain, &fail_open), ["/webhooks/0/failurePolicy"], "{overlay}");
        assert_eq!(fail_open.webhook()["failurePolicy"], "Ignore", "{overlay}");
    }
}

#[test]
fn the_command_prints_the_registration_of_every_rendering() {
    let Some(deploy) = Deploy::copy_or_skip("manifests: registration") else { return };
    for (kustomization, arguments) in [
        ("resources: [../deploy]\n".to_owned(), &[][..]),
        (with_components("self-issued", &["opt-out"]), &["--namespaces=opt-out"]),
        (with_components("self-issued", &["fail-open"]), &["--fail-policy=ignore"]),
        (
            with_components("self-issued", &["opt-out", "fail-open"]),
            &["--namespaces=opt-out", "--fail-policy=ignore"],
        ),
        (renamed("self-issued"), &["--service=pullkey.registry-access"]),
    ] {
        let rendered = deploy.render_own(&kustomization);
        let shipped = rendered.the("MutatingWebhookConfiguration");
        let mut printed = registration(arguments);
        // Kustomize puts its labels on every object.
        printed["metadata"]["labels"] = shipped["metadata"]["labels"].clone();
        assert_eq!(&printed, shipped, "{arguments:?}");
    }
}

#[test]
fn a_printed_registration_with_conditions_is_a_patch_for_an_overlay() {
    let Some(deploy) = Deploy::copy_or_skip("manifests: conditions") else { return };
    let condition = ["--match-conditions", "--config=examples/yandex/config.yaml"];
    for (kustomization, flags) in [
        ("resources: [../deploy]\n".to_owned(), &[][..]),
        (
            with_components("self-issued", &["opt-out", "fail-open"]),
            &["--namespaces=opt-out", "--fail-policy=ignore"],
        ),
        (renamed("self-issued"), &[]),
    ] {
        let printed = registration(&[&condition[..], flags].concat());
        let plain = deploy.render_own(&kustomization);
        let patches = json!([{"patch": printed.to_string()}]);
        let patched = deploy.render_own(&format!("{kustomization}patches: {patches}\n"));
        assert_eq!(
            differences(&plain, &patched),
            ["/metadata/annotations", "/webhooks/0/matchConditions/1"],
            "{kustomization}"
        );
        let conditions = "/webhooks/0/matchConditions";
        let shipped = patched.the("MutatingWebhookConfiguration");
        assert_eq!(shipped.pointer(conditions), printed.pointer(conditions), "{kustomization}");
    }
}

/// What `pullkey registration` prints.
#[track_caller]
fn registration(arguments: &[&str]) -> Value {
    let printed = Command::new(env!("CARGO_BIN_EXE_pullkey"))
        .current_dir(repository())
        .args(["registration", "-o", "json"])
        .args(arguments)
        .output()
        .expect("pullkey starts");
    serde_json::from_slice(&printed.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&printed.stderr)))
}

#[test]
fn a_certificate_overlay_only_adds_to_the_base() {
    let Some(deploy) = Deploy::copy_or_skip("manifests: certificate overlays") else { return };
    let base = deploy.render("base");
    let container = "/spec/template/spec/containers/0/args";
    let volume = "/spec/template/spec/volumes/0/projected/sources/1".to_owned();
    let deployment = [format!("{container}/4"), format!("{container}/5"), volume];
    assert_eq!(differences(&base, &deploy.render("overlays/files")), deployment);
    let annotation = ["/metadata/annotations".to_owned()];
    assert_eq!(
        differences(&base, &deploy.render("overlays/cert-manager")),
        deployment.iter().chain(&annotation).cloned().collect::<Vec<_>>()
    );
}

#[test]
fn self_issuing_only_adds_to_the_base_and_opens_what_it_needs() {
    let Some(deploy) = Deploy::copy_or_skip("manifests: self-issued") else { return };
    let (spec, container) = ("/spec/template/spec", "/spec/template/spec/containers/0");
    let expected = [
        format!("{spec}/automountServiceAccountToken"),
        format!("{container}/args/4"),
        format!("{container}/args/5"),
        format!("{container}/args/6"),
        format!("{container}/volumeMounts/1"),
        format!("{container}/env"),
        format!("{spec}/volumes/1"),
        "/spec/egress".to_owned(),
    ];
    let mut found = differences(&deploy.render("base"), &deploy.render(""));
    found.sort();
    let mut expected = expected.to_vec();
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn every_manifest_says_first_what_it_is() {
    for file in
        files_in(&repository().join("deploy")).iter().filter(|file| file.extension() == Some("yaml".as_ref()))
    {
        let content = fs::read_to_string(file).expect("a manifest can be read");
        let first = content.lines().next().unwrap_or_default();
        // In a template of the chart, as a comment that is not rendered.
        let says = first.strip_prefix("{{- /* ").or_else(|| first.strip_prefix("# ")).unwrap_or_default();
        assert!(says.contains(": "), "{}: {first:?}", file.display());
    }
}

/// The JSON pointers, in any of the objects that both have, at which they differ.
fn differences(left: &Rendered, right: &Rendered) -> Vec<String> {
    let mut found = Vec::new();
    for document in &left.documents {
        let (kind, name) = (render::text(&document["kind"]), render::text(&document["metadata"]["name"]));
        let other = right.find(kind, name).unwrap_or_else(|| panic!("{kind} {name} is gone"));
        compare(document, other, "", &mut found);
    }
    found
}

fn compare(left: &Value, right: &Value, pointer: &str, found: &mut Vec<String>) {
    match (left, right) {
        (Value::Object(left), Value::Object(right)) => {
            let new = right.keys().filter(|key| !left.contains_key(*key));
            for key in left.keys().chain(new) {
                let nothing = Value::Null;
                let (left, right) = (left.get(key).unwrap_or(&nothing), right.get(key).unwrap_or(&nothing));
                compare(left, right, &format!("{pointer}/{key}"), found);
            }
        }
        (Value::Array(left), Value::Array(right)) => {
            for index in 0..left.len().max(right.len()) {
                let nothing = Value::Null;
                let (left, right) =
                    (left.get(index).unwrap_or(&nothing), right.get(index).unwrap_or(&nothing));
                compare(left, right, &format!("{pointer}/{index}"), found);
            }
        }
        _ if left != right => found.push(pointer.to_owned()),
        _ => {}
    }
}
