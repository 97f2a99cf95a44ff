//! The five ways people keep private registries, with the files of `examples/`.
//!
//! Each folder holds a configuration and the manifests that people write once they need no `imagePullSecrets` any
//! more. README and documentation show the same files.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::pods::{assert_differ_only_in_pull_secrets, pod, pod_with, pull_secrets};
use crate::workloads::pods_of_deployment;
use crate::world::{Pair, World, repository};

pub(crate) fn regcred(world: &World) {
    let pair =
        assert_scenario(world, "regcred", &[("Pod/private-reg", &[], &["regcred", "private-registry"])]);
    // Each spelling of Docker Hub for itself.
    for (name, image) in [
        ("short", "janedoe/jdoe-private:v1"),
        ("full", "docker.io/janedoe/jdoe-private:v1"),
        ("legacy", "index.docker.io/janedoe/jdoe-private:v1"),
    ] {
        pair.assert_injected(&pod(name, &[image]), &["regcred"]);
    }
    pair.assert_injected(&pod("own", &["your.private.registry.example.com/a:1"]), &["private-registry"]);
}

pub(crate) fn werf(world: &World) {
    let pair = assert_scenario(world, "werf", &[("Deployment/backend", &[], &["registrysecret"])]);
    let spec =
        json!({"initContainers": [{"name": "migrate", "image": "registry.example.com/shop/backend:2.1.0"}]});
    pair.assert_injected(&pod_with("init-only", &["busybox"], spec), &["registrysecret"]);
}

pub(crate) fn yandex(world: &World) {
    let pair = assert_scenario(world, "yandex", &[("Pod/demo-test", &[], &["yc-registry-secret"])]);
    pair.assert_injected(&pod("data", &["cr.yandex/crp1example/ubuntu:hello"]), &["yc-registry-secret-data"]);
    // The kubelet compares raw prefixes; whole segments keep the ids apart.
    pair.assert_injected(&pod("longer-id", &["cr.yandex/crp0example2/ubuntu:hello"]), &[]);
    pair.assert_injected(&pod("no-id", &["cr.yandex/ubuntu:hello"]), &[]);
}

pub(crate) fn tanzu(world: &World) {
    let both = &["myplaceholdersecretname", "anyothersecretname"];
    let one_and_the_missing_one = &["anyothersecretname", "myplaceholdersecretname"];
    assert_scenario(
        world,
        "tanzu",
        &[("Pod/app", &[], both), ("Pod/app-with-one", &["anyothersecretname"], one_and_the_missing_one)],
    );
}

pub(crate) fn replicated(world: &World) {
    let pair = assert_scenario(world, "replicated", &[("Pod/api", &[], &["replicated-pull-secret"])]);
    let proxied = "proxy.replicated.com/proxy/my-app/quay.io/my-org/api:1.0";
    pair.assert_injected(&pod("proxied", &[proxied]), &["replicated-pull-secret"]);
    let custom_domain = "images.vendor.example/proxy/my-app/quay.io/my-org/api:1.0";
    pair.assert_injected(&pod("custom-domain", &[custom_domain]), &["replicated-pull-secret"]);
    pair.assert_injected(&pod("not-proxied", &["quay.io/my-org/api:1.0"]), &["quay"]);
    let other_app = "proxy.replicated.com/proxy/other-app/quay.io/my-org/api:1.0";
    pair.assert_injected(&pod("other-app", &[other_app]), &[]);
}

pub(crate) fn the_pod_of_the_quick_start(world: &World) {
    world.serve_configuration(&repository("examples/config.yaml"));
    world.make_namespaces(&[("team-shop", json!({"pullkey.dev/inject": "enabled"}))]);
    let manifest = repository("examples/pod.yaml").display().to_string();
    // The file names its namespace.
    let stored = world.cluster.kubectl.json(&["create", "-o", "json", "-f", &manifest], "");
    assert_eq!(pull_secrets(&stored), ["registrysecret", "yc-registry-secret", "regcred"]);
}

/// A workload of an example, the pull secrets it sets itself and those that its Pods shall have.
type Expected<'a> = (&'a str, &'a [&'a str], &'a [&'a str]);

/// Creates all manifests of an example in a namespace that opted in and in one that did not.
#[track_caller]
fn assert_scenario<'world>(world: &'world World, scenario: &str, expected: &[Expected<'_>]) -> Pair<'world> {
    let folder = repository(&format!("examples/{scenario}"));
    world.serve_configuration(&folder.join("config.yaml"));
    let pair = world.namespaces(&format!("scenario-{scenario}"));
    let manifests = manifests(&folder);
    let opted_in = create(world, &pair.opted_in, &manifests);
    let plain = create(world, &pair.plain, &manifests);

    let found: BTreeSet<&str> = opted_in.iter().map(|(workload, _)| workload.as_str()).collect();
    let wanted: BTreeSet<&str> = expected.iter().map(|(workload, ..)| *workload).collect();
    assert_eq!(found, wanted, "workloads in {} and workloads in this test", folder.display());

    for ((workload, opted_in), (_, plain)) in opted_in.iter().zip(&plain) {
        let (_, own, injected) = expected.iter().find(|(name, ..)| name == workload).expect("checked above");
        assert_eq!(opted_in.len(), plain.len(), "Pods of {workload}");
        for (opted_in, plain) in opted_in.iter().zip(plain) {
            assert_differ_only_in_pull_secrets(opted_in, plain);
            assert_eq!(pull_secrets(plain), *own, "{workload} where nobody opted in");
            assert_eq!(pull_secrets(opted_in), *injected, "{workload}");
        }
    }
    pair
}

/// The paths of an example's manifests, in the order of their names.
fn manifests(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.expect("a folder can be read to its end").path());
    let yaml = paths.filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    let manifests = yaml.filter(|path| path.file_name().is_some_and(|name| name != "config.yaml"));
    let manifests: BTreeSet<String> = manifests.map(|path| path.display().to_string()).collect();
    manifests.into_iter().collect()
}

/// Creates them and returns the Pods of each workload under its kind and name.
#[track_caller]
fn create(world: &World, namespace: &str, manifests: &[String]) -> Vec<(String, Vec<Value>)> {
    let mut workloads = Vec::new();
    for manifest in manifests {
        let printed = world.cluster.kubectl.run(&["create", "-n", namespace, "-o", "json", "-f", manifest]);
        // kubectl prints one document for each in the file.
        for stored in serde_json::Deserializer::from_str(&printed).into_iter::<Value>() {
            let stored = stored.expect("kubectl prints JSON");
            let (kind, name) = (&stored["kind"], stored["metadata"]["name"].as_str().unwrap_or_default());
            let pods = match kind.as_str() {
                Some("Pod") => vec![stored.clone()],
                Some("Deployment") => pods_of_deployment(world, namespace, &stored),
                _ => continue,
            };
            workloads.push((format!("{}/{name}", kind.as_str().unwrap_or_default()), pods));
        }
    }
    workloads
}
