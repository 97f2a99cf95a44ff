//! Everything under `deploy/` that can be applied is valid to the API server.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::support::markdown::{fences, read};
use crate::support::wait::until;
use crate::world::World;

pub(crate) fn base_is_valid(world: &World) {
    assert_valid(world, &world.pullkey.manifests("base"));
}

pub(crate) fn the_default_is_valid(world: &World) {
    assert_valid(world, &world.pullkey.manifests("."));
}

pub(crate) fn overlay_files_is_valid(world: &World) {
    assert_valid(world, &world.pullkey.manifests("overlays/files"));
}

pub(crate) fn overlay_cert_manager_is_valid(world: &World) {
    install_cert_manager_kinds(world);
    assert_valid(world, &world.pullkey.manifests("overlays/cert-manager"));
}

pub(crate) fn component_opt_out_is_valid(world: &World) {
    assert_valid(world, &overlay_with_component(world, "opt-out"));
}

pub(crate) fn component_fail_open_is_valid(world: &World) {
    assert_valid(world, &overlay_with_component(world, "fail-open"));
}

pub(crate) fn component_monitoring_is_valid(world: &World) {
    install_monitoring_kinds(world);
    assert_valid(world, &overlay_with_component(world, "monitoring"));
}

pub(crate) fn the_overlay_in_the_readme_is_valid(world: &World) {
    install_cert_manager_kinds(world);
    let blocks = fences("deploy/README.md", &read("deploy/README.md")).expect("every block ends");
    let overlay = blocks.iter().find(|block| {
        block.language == "yaml" && block.text.starts_with("# my-cluster/kustomization.yaml\n")
    });
    let overlay = &overlay.expect("deploy/README.md shows an overlay").text;
    let folder = world.pullkey.overlay("../my-cluster", overlay);
    let configuration = world.pullkey.manifests("base/config.yaml");
    fs::copy(configuration, Path::new(&folder).join("config.yaml"))
        .expect("the overlay can have a configuration");
    // A dry run stores no Namespace for the rest to be in.
    world.make_namespaces(&[("registry-access", json!({}))]);
    let rendered = assert_valid(world, &folder);
    assert!(!rendered.contains("pullkey-system"), "something stays in the old namespace:\n{rendered}");
}

/// The shipped overlay for certificate files with one component on top; returns its path.
pub(crate) fn overlay_with_component(world: &World, component: &str) -> String {
    let overlay = format!(
        "apiVersion: kustomize.config.k8s.io/v1beta1\n\
         kind: Kustomization\n\
         resources: [../overlays/files]\n\
         components: [../components/{component}]\n"
    );
    world.pullkey.overlay(&format!("with-{component}"), &overlay)
}

/// Has the API server check every object of an overlay as for a real apply; returns what kustomize rendered.
#[track_caller]
fn assert_valid(world: &World, folder: &str) -> String {
    let kubectl = &world.cluster.kubectl;
    let rendered = kubectl.run(&["kustomize", folder]);
    let (_, registration) =
        rendered.split_once("kind: MutatingWebhookConfiguration").expect("kustomize writes it last");
    assert!(
        !registration.contains("caBundle"),
        "the bundle is set in the cluster, an apply must not touch it"
    );
    // As another manager than the one that installed: kubectl offers the same one to take over its own fields, which
    // a dry run cannot do.
    let manager = "--field-manager=validity";
    let arguments = ["apply", "--server-side", "--force-conflicts", manager, "--dry-run=server", "-f", "-"];
    let output = kubectl.output(&arguments, &rendered);
    let (printed, messages) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    // Warnings are there too: an operator would see them at every apply.
    assert_eq!(messages, "", "kubectl apply of {folder}");
    let accepted =
        printed.lines().filter(|line| line.ends_with(" serverside-applied (server dry run)")).count();
    assert_eq!(accepted, rendered.split("\n---\n").count(), "{printed}");
    rendered
}

/// The two kinds of cert-manager that the manifests use.
pub(crate) fn install_cert_manager_kinds(world: &World) {
    install_kinds(world, "cert-manager.io", [("Certificate", "certificates"), ("Issuer", "issuers")]);
}

/// The two kinds of the Prometheus Operator that the manifests use.
pub(crate) fn install_monitoring_kinds(world: &World) {
    let kinds = [("PodMonitor", "podmonitors"), ("PrometheusRule", "prometheusrules")];
    install_kinds(world, "monitoring.coreos.com", kinds);
}

/// Kinds of a group, without their schemas: the API server checks what it can of them.
fn install_kinds(world: &World, group: &str, kinds: [(&str, &str); 2]) {
    let kubectl = &world.cluster.kubectl;
    let definitions = kinds.map(|(kind, plural)| {
        json!({
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("{plural}.{group}")},
            "spec": {
                "group": group,
                "scope": "Namespaced",
                "names": {"kind": kind, "plural": plural},
                "versions": [{
                    "name": "v1",
                    "served": true,
                    "storage": true,
                    "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
                }],
            },
        })
    });
    let list = json!({"apiVersion": "v1", "kind": "List", "items": definitions});
    kubectl.run_with_input(&["apply", "--server-side", "-f", "-"], &list.to_string());
    let served = kinds.map(|(_, plural)| format!("{plural}.{group}")).join(",");
    until("the API server serves the kinds", || kubectl.attempt(&["get", &served], ""));
}
