//! What becomes of pull secrets that are there already.

use serde_json::json;

use crate::pods::{assert_differ_only_in_pull_secrets, pod, pod_with, pull_secrets, references};
use crate::support::wait::until;
use crate::world::World;

pub(crate) fn existing_secrets_stay_in_front(world: &World) {
    world.serve();
    let pair = world.namespaces("existing");
    let spec = json!({"imagePullSecrets": references(&["mine", "yours"])});
    let manifest = pod_with("app", &["registry.example.com/app"], spec);
    let opted_in = world.create(&pair.opted_in, &manifest);
    let plain = world.create(&pair.plain, &manifest);
    assert_differ_only_in_pull_secrets(&opted_in, &plain);
    assert_eq!(pull_secrets(&plain), ["mine", "yours"]);
    assert_eq!(pull_secrets(&opted_in), ["mine", "yours", "registrysecret"]);
}

pub(crate) fn a_secret_that_is_there_already_is_not_repeated(world: &World) {
    world.serve();
    let pair = world.namespaces("not-repeated");
    for (name, image, existing, expected) in [
        ("the-only-one", "registry.example.com/app", &["registrysecret"][..], &["registrysecret"][..]),
        ("the-first", "two.example.com/app", &["first"], &["first", "second"]),
        ("the-second", "two.example.com/app", &["second"], &["second", "first"]),
        ("both-and-more", "two.example.com/app", &["second", "mine", "first"], &["second", "mine", "first"]),
    ] {
        let manifest = pod_with(name, &[image], json!({"imagePullSecrets": references(existing)}));
        assert_eq!(pull_secrets(&world.create(&pair.opted_in, &manifest)), expected, "{name}");
    }
}

pub(crate) fn secrets_of_the_service_account_stay_in_front(world: &World) {
    world.serve();
    let pair = world.namespaces("account");
    let patch = json!({"imagePullSecrets": references(&["from-the-account", "second"])}).to_string();
    for namespace in [&pair.opted_in, &pair.plain] {
        world.cluster.kubectl.run(&["patch", "serviceaccount", "default", "-n", namespace, "-p", &patch]);
    }
    let manifest = pod("app", &["two.example.com/app"]);
    // The API server copies the account's secrets from a cache that may be a moment behind the patch.
    let stored_with_account_secrets = |namespace: &str| {
        until("the API server knows the account's secrets", || {
            let arguments = ["create", "-n", namespace, "--dry-run=server", "-o", "json", "-f", "-"];
            let stored = world.cluster.kubectl.json(&arguments, &manifest.to_string());
            let names = pull_secrets(&stored);
            if names.contains(&"from-the-account") { Ok(()) } else { Err(format!("{names:?}")) }
        });
        world.create(namespace, &manifest)
    };
    let plain = stored_with_account_secrets(&pair.plain);
    let opted_in = stored_with_account_secrets(&pair.opted_in);
    assert_differ_only_in_pull_secrets(&opted_in, &plain);
    assert_eq!(pull_secrets(&plain), ["from-the-account", "second"]);
    assert_eq!(pull_secrets(&opted_in), ["from-the-account", "second", "first"]);
}

pub(crate) fn a_secret_that_does_not_exist_does_not_keep_the_pod_out(world: &World) {
    world.serve();
    let pair = world.namespaces("absent-secret");
    let secrets = world.cluster.kubectl.run(&["get", "secrets", "-n", &pair.opted_in, "-o", "name"]);
    assert_eq!(secrets, "", "nobody made one");
    pair.assert_injected(&pod("app", &["registry.example.com/app"]), &["registrysecret"]);
}

pub(crate) fn names_for_always_need_no_matching_image(world: &World) {
    world.serve();
    let pair = world.namespaces("always-here");
    pair.assert_injected(&pod("app", &["quay.io/org/app"]), &["debug-tools"]);
    pair.assert_injected(&pod("both", &["registry.example.com/app"]), &["registrysecret", "debug-tools"]);
}
