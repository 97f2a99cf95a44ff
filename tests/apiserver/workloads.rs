//! Pods that controllers make.

use serde_json::{Value, json};

use crate::pods::{assert_differ_only_in_pull_secrets, containers, pull_secrets};
use crate::support::installation::NAMESPACE;
use crate::support::wait::until;
use crate::world::World;

pub(crate) fn the_pods_of_a_deployment_get_the_secret(world: &World) {
    world.serve();
    let pair = world.namespaces("deployment");
    let manifest = deployment(&["registry.example.com/app", "two.example.com/app"]);
    let [opted_in, plain] = [&pair.opted_in, &pair.plain].map(|namespace| {
        let deployment = world.create(namespace, &manifest);
        pods_of_deployment(world, namespace, &deployment)
    });
    for (opted_in, plain) in opted_in.iter().zip(&plain) {
        assert_differ_only_in_pull_secrets(opted_in, plain);
        assert_eq!(pull_secrets(opted_in), ["registrysecret", "first", "second"]);
    }
    // Only Pods are changed, so nothing shows as a difference to what the chart rendered.
    let stored = world.get(&pair.opted_in, "deployment", "app");
    assert_eq!(stored["spec"]["template"]["spec"].get("imagePullSecrets"), None);
}

pub(crate) fn the_pods_of_a_deployment_come_once_pullkey_answers(world: &World) {
    world.pullkey.crash();
    let pair = world.namespaces("deployment-waits");
    let deployment = world.create(&pair.opted_in, &deployment(&["registry.example.com/app"]));
    until("the ReplicaSet says why it has no Pods", || {
        let arguments = ["get", "replicasets", "-n", &pair.opted_in, "-o", "json"];
        let replica_sets = world.cluster.kubectl.json(&arguments, "");
        let condition = &replica_sets["items"][0]["status"]["conditions"][0];
        let message = condition["message"].as_str().unwrap_or_default();
        let says_why = condition["type"] == "ReplicaFailure" && message.contains("inject.pullkey.dev");
        if says_why { Ok(()) } else { Err(replica_sets["items"][0]["status"].to_string()) }
    });
    world.serve();
    for pod in pods_of_deployment(world, &pair.opted_in, &deployment) {
        assert_eq!(pull_secrets(&pod), ["registrysecret"]);
    }
}

pub(crate) fn the_shipped_deployment_gets_its_pods_without_pullkey(world: &World) {
    world.pullkey.crash();
    let deployment = world.get(NAMESPACE, "deployment", "pullkey");
    let old = pods_of_deployment(world, NAMESPACE, &deployment);
    let names = old.iter().map(|pod| pod["metadata"]["name"].as_str().unwrap_or_default());
    let arguments: Vec<&str> = ["delete", "pods", "-n", NAMESPACE].into_iter().chain(names).collect();
    world.cluster.kubectl.run(&arguments);
    let pods = pods_of_deployment(world, NAMESPACE, &deployment);
    assert!(pods.iter().all(|pod| !old.contains(pod)), "the old Pods are still there");
    for pod in pods {
        assert_eq!(pull_secrets(&pod), [""; 0]);
        assert_eq!(pod["metadata"]["labels"]["pullkey.dev/inject"], "disabled");
    }
}

fn deployment(images: &[&str]) -> Value {
    let labels = json!({"app": "app"});
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "app"},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": containers(images)}},
        },
    })
}

/// The Pods of a stored Deployment, once there are as many as it wants.
#[track_caller]
pub(crate) fn pods_of_deployment(world: &World, namespace: &str, deployment: &Value) -> Vec<Value> {
    let labels =
        deployment["spec"]["selector"]["matchLabels"].as_object().expect("a Deployment selects by label");
    let labels: Vec<String> =
        labels.iter().map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect();
    let selector = format!("--selector={}", labels.join(","));
    let count = deployment["spec"]["replicas"].as_u64().expect("the API server fills it in");
    until("the controllers have made the Pods", || {
        let pods = world.cluster.kubectl.json(&["get", "pods", "-n", namespace, &selector, "-o", "json"], "");
        exactly(&pods, count)
    })
}

fn exactly(pods: &Value, count: u64) -> Result<Vec<Value>, String> {
    let pods = pods["items"].as_array().expect("kubectl prints a list");
    let alive: Vec<Value> =
        pods.iter().filter(|pod| pod["metadata"]["deletionTimestamp"].is_null()).cloned().collect();
    if alive.len() as u64 == count { Ok(alive) } else { Err(format!("there are {} of {count}", alive.len())) }
}
