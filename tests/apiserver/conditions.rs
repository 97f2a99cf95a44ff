//! The registration with a condition on images, made by the command from the configuration that is served.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::pods::{pod, pod_with, pull_secrets};
use crate::support::installation::metric;
use crate::support::process::sealed;
use crate::support::program;
use crate::support::wait::until;
use crate::world::{World, repository};

pub(crate) fn only_pods_with_an_image_that_could_match_are_sent(world: &World) {
    let configuration = world.cluster.folder.join("conditions.yaml");
    let text = fs::read_to_string(repository("tests/apiserver/config.yaml")).expect("it is there");
    let (registries, _) =
        text.split_once("always:").expect("it has entries for always, which need every Pod");
    fs::write(&configuration, registries).expect("a file can be written");
    world.serve_configuration(&configuration);
    let pair = world.namespaces("conditions");
    let kubectl = &world.cluster.kubectl;

    kubectl.run_with_input(&["apply", "-f", "-"], &printed(world, &configuration));
    let foreign = pod("foreign", &["quay.io/org/app:1.2", "nginx"]);
    let dry_run = ["create", "-n", &pair.opted_in, "--dry-run=server", "-o", "json", "-f", "-"];
    until("the API server keeps a foreign Pod away", || {
        let before = reviews()?;
        kubectl.attempt(&dry_run, &foreign.to_string())?;
        if reviews()? == before { Ok(()) } else { Err("it was sent".to_owned()) }
    });

    let before = reviews().expect("pullkey counts");
    let image_volume = |image: &str| json!({"volumes": [{"name": "v", "image": {"reference": image}}]});
    let mirror = {
        let mut mirror =
            pod_with("mirror", &["registry.example.com/app"], json!({"nodeName": "conditions-node"}));
        mirror["metadata"]["annotations"] = json!({"kubernetes.io/config.mirror": "4f5b0c"});
        mirror
    };
    for kept_away in [
        foreign,
        pod("other-hosts", &["other.registry.example.com/app", "registry.example.com:5000/app"]),
        pod("other-path", &["sidecars.example.net:5000/other/app"]),
        pod("excepted", &["docker.io/library/nginx", "index.docker.io/nginx", "library/redis"]),
        pod("not-docker-hub", &["localhost/app", "MyReg/app", "my_reg.example.com/app"]),
        pod("placeholder", &["auto"]),
        pod_with("other-volume", &["nginx"], image_volume("quay.io/org/data")),
        mirror,
    ] {
        pair.assert_injected(&kept_away, &[]);
    }
    assert_eq!(reviews().expect("pullkey counts"), before, "a Pod was sent that no entry could match");

    let init = json!({"initContainers": [{"name": "init", "image": "registry.example.com/init"}]});
    for (sent, names) in [
        (pod("host", &["nginx", "registry.example.com/team/app:1.0"]), &["registrysecret"][..]),
        (pod("path", &["sidecars.example.net:5000/mesh/proxy"]), &["sidecarsecret"]),
        (pod("docker-hub", &["janedoe/app"]), &["regcred"]),
        (pod("docker-hub-full", &["index.docker.io/janedoe/app"]), &["regcred"]),
        (pod_with("init", &["nginx"], init), &["registrysecret"]),
        (pod_with("volume", &["nginx"], image_volume("two.example.com/data")), &["first", "second"]),
    ] {
        pair.assert_injected(&sent, names);
    }
    let after = reviews().expect("pullkey counts");
    assert!(after >= before + 6, "{before} reviews, then {after}");

    // As it was; the next trial wants to see every Pod.
    kubectl.run(&["apply", "-k", &world.pullkey.manifests("overlays/files")]);
    until("the API server sends every Pod again", || {
        let before = reviews()?;
        let stored = kubectl.attempt(&dry_run, &pod("nginx", &["nginx"]).to_string())?;
        let stored: Value = serde_json::from_str(&stored).map_err(|error| error.to_string())?;
        assert_eq!(pull_secrets(&stored), [""; 0]);
        if reviews()? > before { Ok(()) } else { Err("it was not sent".to_owned()) }
    });
    let restored =
        world.cluster.kubectl.json(&["get", "mutatingwebhookconfiguration", "pullkey", "-o", "json"], "");
    assert_eq!(restored["webhooks"][0]["matchConditions"].as_array().map(Vec::len), Some(1));
    assert_eq!(restored["metadata"]["annotations"].get("pullkey.dev/configuration"), None);
}

/// What the command prints for this configuration.
#[track_caller]
fn printed(world: &World, configuration: &Path) -> String {
    let output = sealed(&program::under_test(), &world.cluster.folder)
        .args(["registration", "--match-conditions", "--config"])
        .arg(configuration)
        .output()
        .expect("pullkey starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("YAML is text")
}

/// How many reviews pullkey has answered.
fn reviews() -> Result<u64, String> {
    metric("pullkey_admission_requests_total")
}
