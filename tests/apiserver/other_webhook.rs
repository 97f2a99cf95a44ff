//! A second webhook that changes the Pod after pullkey has seen it.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::audit::annotations;
use crate::pods::{pod, pull_secrets};
use crate::support::patching::serve;
use crate::support::sandbox::ADDRESS;
use crate::support::wait::until;
use crate::world::World;

pub(crate) fn a_container_added_afterwards_brings_its_secret(world: &World) {
    world.serve();
    let sidecar = json!({"name": "mesh", "image": "sidecars.example.net:5000/mesh/proxy"});
    let patch = json!([{"op": "add", "path": "/spec/containers/-", "value": sidecar}]);
    let namespace = "sidecar-of-another-registry";
    let _other = OtherWebhook::install(world, namespace, patch);

    // The configuration lists the sidecar's registry before Docker Hub; in the second round it can only be appended.
    let stored = world.create(namespace, &pod("app", &["janedoe/app"]));
    assert_eq!(pull_secrets(&stored), ["regcred", "sidecarsecret"]);
    assert_eq!(stored["spec"]["containers"].as_array().map(Vec::len), Some(2));

    // pullkey had nothing to do in the first round and is called in the second all the same.
    let stored = world.create(namespace, &pod("public", &["nginx"]));
    assert_eq!(pull_secrets(&stored), ["sidecarsecret"]);
    let called_again = second_call(world, namespace, "public");
    assert!(called_again.contains("\"mutated\":true"), "{called_again}");
}

pub(crate) fn a_container_added_from_the_same_registry_repeats_nothing(world: &World) {
    world.serve();
    let sidecar = json!({"name": "mesh", "image": "registry.example.com/mesh/proxy"});
    let patch = json!([{"op": "add", "path": "/spec/containers/-", "value": sidecar}]);
    let namespace = "sidecar-of-the-same-registry";
    let _other = OtherWebhook::install(world, namespace, patch);
    let stored = world.create(namespace, &pod("app", &["registry.example.com/app"]));
    assert_eq!(pull_secrets(&stored), ["registrysecret"]);
    let called_again = second_call(world, namespace, "app");
    assert!(called_again.contains("\"mutated\":false"), "{called_again}");
}

pub(crate) fn secrets_added_afterwards_stay_and_are_not_repeated(world: &World) {
    world.serve();
    let sidecar = json!({"name": "mesh", "image": "two.example.com/mesh/proxy"});
    let patch = json!([
        {"op": "add", "path": "/spec/containers/-", "value": sidecar},
        {"op": "add", "path": "/spec/imagePullSecrets/-", "value": {"name": "mesh"}},
        {"op": "add", "path": "/spec/imagePullSecrets/-", "value": {"name": "second"}},
    ]);
    let namespace = "sidecar-with-secrets";
    let _other = OtherWebhook::install(world, namespace, patch);
    let stored = world.create(namespace, &pod("app", &["registry.example.com/app"]));
    assert_eq!(pull_secrets(&stored), ["registrysecret", "mesh", "second", "first"]);
}

/// A sidecar injector: it answers each Pod of one namespace with the same patch.
struct OtherWebhook<'world> {
    world: &'world World,
    name: String,
}

impl<'world> OtherWebhook<'world> {
    /// Makes the namespace, registers the webhook for it and returns when the API server calls it.
    fn install(world: &'world World, namespace: &str, patch: Value) -> Self {
        world.make_namespaces(&[(namespace, json!({"pullkey.dev/inject": "enabled"}))]);
        let (port, certificate) = serve(patch);
        // The API server calls registrations in the order of their names, so this one comes after pullkey.
        let webhook = Self { world, name: format!("zz-{namespace}") };
        let registration = json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "MutatingWebhookConfiguration",
            "metadata": {"name": webhook.name},
            "webhooks": [{
                "name": "sidecar.example.com",
                "admissionReviewVersions": ["v1"],
                "clientConfig": {
                    "url": format!("https://{ADDRESS}:{port}/"),
                    "caBundle": BASE64_STANDARD.encode(certificate),
                },
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
                "sideEffects": "None",
            }],
        });
        world.cluster.kubectl.run_with_input(&["create", "-f", "-"], &registration.to_string());
        let pod = pod("probe", &["registry.example.com/app"]).to_string();
        until("the API server calls the other webhook", || {
            let arguments = ["create", "-n", namespace, "--dry-run=server", "-o", "json", "-f", "-"];
            let stored = world.cluster.kubectl.json(&arguments, &pod);
            let containers = &stored["spec"]["containers"];
            if containers[1]["name"] == "mesh" { Ok(()) } else { Err(containers.to_string()) }
        });
        webhook
    }
}

impl Drop for OtherWebhook<'_> {
    fn drop(&mut self) {
        // It concerns its own namespace only, so one that stays after a failure disturbs nobody.
        let arguments = ["delete", "mutatingwebhookconfiguration", &self.name];
        let _ = self.world.cluster.kubectl.attempt(&arguments, "");
    }
}

/// What the audit log says of the second call of pullkey. Its place in the list depends on which other registrations
/// there are at this moment.
#[track_caller]
fn second_call(world: &World, namespace: &str, name: &str) -> String {
    let annotations = annotations(world, namespace, name);
    let calls = annotations.as_object().expect("annotations").iter();
    let mut second =
        calls.filter(|(key, _)| key.starts_with("mutation.webhook.admission.k8s.io/round_1_index_"));
    let ours = second
        .find_map(|(_, call)| call.as_str().filter(|call| call.contains("\"configuration\":\"pullkey\"")));
    ours.unwrap_or_else(|| panic!("{annotations}")).to_owned()
}
