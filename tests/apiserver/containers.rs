//! The places in a Pod that name images.

use serde_json::json;

use crate::pods::{pod, pod_with, pull_secrets};
use crate::world::World;

pub(crate) fn an_init_container_counts(world: &World) {
    world.serve();
    let pair = world.namespaces("init-container");
    let spec = json!({"initContainers": [{"name": "migrate", "image": "registry.example.com/migrate"}]});
    pair.assert_injected(&pod_with("app", &["nginx"], spec), &["registrysecret"]);
}

pub(crate) fn a_native_sidecar_counts(world: &World) {
    world.serve();
    let pair = world.namespaces("native-sidecar");
    let spec = json!({"initContainers": [
        {"name": "proxy", "image": "sidecars.example.net:5000/mesh/proxy:2", "restartPolicy": "Always"},
    ]});
    let stored = pair.assert_injected(&pod_with("app", &["nginx"], spec), &["sidecarsecret"]);
    // A webhook that decodes Pods with an older library would have made an ordinary init container of it.
    assert_eq!(stored["spec"]["initContainers"][0]["restartPolicy"], "Always");
}

pub(crate) fn an_image_volume_counts(world: &World) {
    world.serve();
    let pair = world.namespaces("image-volume");
    let spec = json!({"volumes": [
        {"name": "scratch", "emptyDir": {}},
        {"name": "model", "image": {"reference": "registry.example.com/models/small:3", "pullPolicy": "IfNotPresent"}},
    ]});
    let stored = pair.assert_injected(&pod_with("app", &["nginx"], spec), &["registrysecret"]);
    assert_eq!(stored["spec"]["volumes"][1]["image"]["reference"], "registry.example.com/models/small:3");
}

pub(crate) fn an_image_that_cannot_be_parsed_does_not_keep_the_pod_out(world: &World) {
    world.serve();
    let pair = world.namespaces("unparsable");
    let images = ["https://registry.example.com/app", "registry.example.com/App", "two.example.com/app"];
    pair.assert_injected(&pod("app", &images), &["first", "second"]);
}

pub(crate) fn secrets_come_in_the_order_of_the_configuration(world: &World) {
    world.serve();
    let pair = world.namespaces("order");
    let images =
        ["janedoe/app", "sidecars.example.net:5000/mesh/x", "two.example.com/a", "registry.example.com/a"];
    let names = ["registrysecret", "first", "second", "sidecarsecret", "regcred"];
    pair.assert_injected(&pod("app", &images), &names);
}

pub(crate) fn a_debug_container_changes_no_secrets(world: &World) {
    world.serve();
    let pair = world.namespaces("debug");
    world.create(&pair.opted_in, &pod("app", &["registry.example.com/app"]));
    let target = format!("--namespace={}", pair.opted_in);
    let image = "--image=two.example.com/tools";
    world.cluster.kubectl.run(&["debug", "app", &target, image, "--container=tools", "--profile=general"]);
    let stored = world.get(&pair.opted_in, "pod", "app");
    assert_eq!(stored["spec"]["ephemeralContainers"][0]["image"], "two.example.com/tools");
    assert_eq!(pull_secrets(&stored), ["registrysecret"]);
}
