//! What pullkey's absence means, and for whom it means nothing.

use serde_json::{Value, json};

use crate::manifests::overlay_with_component;
use crate::pods::{pod, pod_with, pull_secrets};
use crate::support::installation::NAMESPACE;
use crate::support::wait::until;
use crate::world::{World, repository, restricted};

const NONE: [&str; 0] = [];

pub(crate) fn a_pod_is_refused_with_a_clear_message(world: &World) {
    world.pullkey.crash();
    let pair = world.namespaces("down");
    // Also one that would need no secret: only pullkey knows that.
    for image in ["registry.example.com/app", "nginx"] {
        let manifest = pod("app", &[image]).to_string();
        let message = world.cluster.kubectl.refused(&["create", "-n", &pair.opted_in, "-f", "-"], &manifest);
        assert!(message.contains("failed calling webhook \"inject.pullkey.dev\""), "{message}");
        assert!(message.contains("https://pullkey.pullkey-system.svc:443/mutate?timeout=5s"), "{message}");
        assert!(message.contains("connection refused"), "{message}");
    }
    let pods = world.cluster.kubectl.run(&["get", "pods", "-n", &pair.opted_in, "-o", "name"]);
    assert_eq!(pods, "");
}

pub(crate) fn pods_of_other_namespaces_are_created(world: &World) {
    world.pullkey.crash();
    let pair = world.namespaces("down-elsewhere");
    assert_eq!(pull_secrets(&world.create(&pair.plain, &pod("app", &["registry.example.com/app"]))), NONE);
    // So is one that opted out where others did not.
    let mut opted_out = pod("app", &["registry.example.com/app"]);
    opted_out["metadata"]["labels"] = json!({"pullkey.dev/inject": "disabled"});
    assert_eq!(pull_secrets(&world.create(&pair.opted_in, &opted_out)), NONE);
}

pub(crate) fn pods_of_pullkey_itself_and_of_kube_system_are_created(world: &World) {
    world.pullkey.crash();
    for namespace in [NAMESPACE, "kube-system"] {
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "down"}});
        world.create(namespace, &account);
        let mut spec = restricted("registry.example.com/app");
        spec["serviceAccountName"] = json!("down");
        // With a namespace label that would open any other namespace.
        world.cluster.kubectl.run(&["label", "namespace", namespace, "pullkey.dev/inject=enabled"]);
        let stored = world.create(namespace, &pod_with("down", &[], spec));
        world.cluster.kubectl.run(&["label", "namespace", namespace, "pullkey.dev/inject-"]);
        assert_eq!(pull_secrets(&stored), NONE);
    }
}

pub(crate) fn pods_that_exist_can_be_changed_debugged_and_deleted(world: &World) {
    world.serve();
    let pair = world.namespaces("down-later");
    world.create(&pair.opted_in, &pod("app", &["registry.example.com/app"]));
    world.pullkey.crash();
    let kubectl = &world.cluster.kubectl;
    let namespace = format!("--namespace={}", pair.opted_in);
    kubectl.run(&["label", "pod", "app", "changed=yes", &namespace]);
    kubectl.run(&["debug", "app", &namespace, "--image=nginx", "--container=tools", "--profile=general"]);
    kubectl.run(&["delete", "pod", "app", &namespace]);
}

pub(crate) fn under_fail_open_a_pod_is_created_without_the_secret(world: &World) {
    world.pullkey.crash();
    let pair = world.namespaces("fail-open");
    let kubectl = &world.cluster.kubectl;
    let manifest = pod("app", &["registry.example.com/app"]).to_string();
    let create = ["create", "-n", &pair.opted_in, "--dry-run=server", "-o", "json", "-f", "-"];

    kubectl.run(&["apply", "-k", &overlay_with_component(world, "fail-open")]);
    let stored = until("the API server lets Pods through", || kubectl.attempt(&create, &manifest));
    let stored: Value = serde_json::from_str(&stored).expect("kubectl prints JSON");
    let with_pullkey = until("pullkey is asked when it is there", || {
        world.pullkey.serve(&world.cluster, &repository("tests/apiserver/config.yaml"));
        // An apply without the key keeps the bundle; without it every call would fail, silently here.
        let stored = kubectl.json(&create, &manifest);
        if pull_secrets(&stored).is_empty() { Err("no secret was added".to_owned()) } else { Ok(stored) }
    });
    world.pullkey.crash();
    kubectl.run(&["apply", "-k", &world.pullkey.manifests("overlays/files")]);
    until("the API server refuses Pods again", || match kubectl.attempt(&create, &manifest) {
        Ok(_) => Err("a Pod was let through".to_owned()),
        Err(message) => Ok(message),
    });

    assert_eq!(pull_secrets(&stored), NONE);
    assert_eq!(pull_secrets(&with_pullkey), ["registrysecret"]);
}
