//! What is put into the cluster, and how: by kubectl and Helm, as people do it.

use std::path::Path;

use serde_json::{Value, json};

use super::node::{on_the_node, tools};
use super::registry::Account;
use super::world::World;

/// The content of a Secret: a credential for each of these keys.
pub(crate) fn credentials(entries: &[(&str, Account)]) -> Value {
    let entries = entries.iter().map(|(key, Account { user, password })| {
        ((*key).to_owned(), json!({"username": user, "password": password}))
    });
    json!({"auths": entries.collect::<serde_json::Map<_, _>>()})
}

/// `kubectl create secret docker-registry`.
pub(crate) fn create_secret(world: &World, namespace: &str, name: &str, server: &str, account: Account) {
    world.cluster.kubectl.run(&[
        "create",
        "secret",
        "docker-registry",
        name,
        "-n",
        namespace,
        &format!("--docker-server={server}"),
        &format!("--docker-username={}", account.user),
        &format!("--docker-password={}", account.password),
    ]);
}

pub(crate) fn apply_example(world: &World, namespace: &str, file: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(file);
    world.cluster.kubectl.run(&["apply", "-n", namespace, "-f", &path.display().to_string()]);
}

/// `helm install` of an example's chart.
pub(crate) fn helm_install(world: &World, namespace: &str, example: &str, values: &[&str]) {
    let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(example).join("chart");
    let mut helm = on_the_node(&tools().join("helm"), &world.cluster.folder);
    helm.args(["install", example]).arg(chart).args(["--namespace", namespace]);
    helm.arg("--kubeconfig").arg(&world.cluster.kubectl.kubeconfig);
    for value in values {
        helm.args(["--set-string", value]);
    }
    let output = helm.output().unwrap_or_else(|error| panic!("helm: {error}"));
    assert!(output.status.success(), "helm install {example}: {}", String::from_utf8_lossy(&output.stderr));
}

pub(crate) fn create(world: &World, objects: &[Value]) {
    let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
    world.cluster.kubectl.run_with_input(&["create", "-f", "-"], &list.to_string());
}

pub(crate) fn container(image: &str) -> Value {
    json!({"name": "app", "image": image})
}

pub(crate) fn pod(namespace: &str, name: &str, mut spec: Value) -> Value {
    spec["terminationGracePeriodSeconds"] = json!(1);
    object("v1", "Pod", namespace, name, json!({"spec": spec}))
}

pub(crate) fn secret(namespace: &str, name: &str, content: &Value) -> Value {
    let data = json!({".dockerconfigjson": content.to_string()});
    object(
        "v1",
        "Secret",
        namespace,
        name,
        json!({"type": "kubernetes.io/dockerconfigjson", "stringData": data}),
    )
}

pub(crate) fn object(version: &str, kind: &str, namespace: &str, name: &str, more: Value) -> Value {
    let metadata = json!({"name": name, "namespace": namespace});
    let mut object = json!({"apiVersion": version, "kind": kind, "metadata": metadata});
    merge(&mut object, more);
    object
}

pub(crate) fn merge(object: &mut Value, more: Value) {
    if let (Value::Object(object), Value::Object(more)) = (object, more) {
        object.extend(more);
    }
}
