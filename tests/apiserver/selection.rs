//! Which Pods pullkey changes at all.

use serde_json::{Value, json};

use crate::pods::{pod, pod_with, pod_with_metadata, pull_secrets};
use crate::support::installation::NAMESPACE;
use crate::world::{World, restricted};

const NONE: [&str; 0] = [];

pub(crate) fn a_pod_in_an_opted_in_namespace_gets_the_secret(world: &World) {
    world.serve();
    let pair = world.namespaces("opted-in");
    pair.assert_injected(&pod("app", &["registry.example.com/team/app:1.0"]), &["registrysecret"]);
}

pub(crate) fn both_opt_in_values_work(world: &World) {
    world.serve();
    world.make_namespaces(&[("opted-in-true", json!({"pullkey.dev/inject": "true"}))]);
    let stored = world.create("opted-in-true", &pod("app", &["registry.example.com/app"]));
    assert_eq!(pull_secrets(&stored), ["registrysecret"]);
}

pub(crate) fn a_pod_in_another_namespace_stays_as_it_is(world: &World) {
    world.serve();
    let labels: [(&str, Value); 4] = [
        ("unlabelled", json!({})),
        ("opted-out", json!({"pullkey.dev/inject": "disabled"})),
        ("opted-out-false", json!({"pullkey.dev/inject": "false"})),
        ("misspelt", json!({"pullkey.dev/inject": "Enabled"})),
    ];
    world.make_namespaces(&labels);
    for (namespace, _) in labels {
        let stored = world.create(namespace, &pod("app", &["registry.example.com/app"]));
        assert_eq!(pull_secrets(&stored), NONE, "in {namespace}");
    }
}

pub(crate) fn a_pod_opts_out_by_label(world: &World) {
    world.serve();
    let pair = world.namespaces("pod-opt-out");
    for value in ["disabled", "false"] {
        let labels = json!({"labels": {"pullkey.dev/inject": value}});
        pair.assert_injected(&pod_with_metadata(value, &["registry.example.com/app"], labels), &NONE);
    }
    // Any other value, also the one of the namespaces, leaves the choice to the namespace.
    let labels = json!({"labels": {"pullkey.dev/inject": "enabled"}});
    pair.assert_injected(
        &pod_with_metadata("enabled", &["registry.example.com/app"], labels),
        &["registrysecret"],
    );
}

pub(crate) fn pullkeys_own_namespace_and_kube_system_cannot_opt_in(world: &World) {
    world.serve();
    for namespace in [NAMESPACE, "kube-system"] {
        world.cluster.kubectl.run(&[
            "label",
            "namespace",
            namespace,
            "pullkey.dev/inject=enabled",
            "--overwrite",
        ]);
        let account =
            json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "cannot-opt-in"}});
        world.create(namespace, &account);
        let mut spec = restricted("registry.example.com/app");
        spec["serviceAccountName"] = json!("cannot-opt-in");
        let stored = world.create(namespace, &pod_with("cannot-opt-in", &[], spec));
        world.cluster.kubectl.run(&["label", "namespace", namespace, "pullkey.dev/inject-"]);
        assert_eq!(pull_secrets(&stored), NONE, "in {namespace}");
    }
}

pub(crate) fn a_mirror_pod_is_left_alone_and_accepted(world: &World) {
    world.serve();
    let pair = world.namespaces("mirror");
    let mut mirror = pod_with("static", &["registry.example.com/app"], json!({"nodeName": "node"}));
    mirror["metadata"]["annotations"] = json!({"kubernetes.io/config.mirror": "4f5b0c"});
    // The API server refuses a mirror Pod that names a Secret, so being stored is half of the proof.
    pair.assert_injected(&mirror, &NONE);
}

pub(crate) fn a_pod_whose_images_match_nothing_stays_as_it_is(world: &World) {
    world.serve();
    let pair = world.namespaces("no-match");
    let images =
        ["quay.io/org/app", "nginx", "other.registry.example.com/app", "registry.example.com:5000/app"];
    pair.assert_injected(&pod("app", &images), &NONE);
}
