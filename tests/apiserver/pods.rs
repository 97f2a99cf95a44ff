//! Pods to send, and what is asked about the ones that came back.

use serde_json::{Map, Value, json};

/// A Pod with one container for each image.
pub(crate) fn pod(name: &str, images: &[&str]) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": containers(images)}})
}

/// The same Pod with more members in its spec.
pub(crate) fn pod_with(name: &str, images: &[&str], spec: Value) -> Value {
    let mut pod = pod(name, images);
    let Value::Object(more) = spec else { panic!("a spec is an object: {spec}") };
    pod["spec"].as_object_mut().expect("we made it one").extend(more);
    pod
}

/// The same Pod with more members in its metadata.
pub(crate) fn pod_with_metadata(name: &str, images: &[&str], metadata: Value) -> Value {
    let mut pod = pod(name, images);
    let Value::Object(more) = metadata else { panic!("metadata is an object: {metadata}") };
    pod["metadata"].as_object_mut().expect("we made it one").extend(more);
    pod
}

pub(crate) fn containers(images: &[&str]) -> Value {
    images
        .iter()
        .enumerate()
        .map(|(index, image)| json!({"name": format!("c{index}"), "image": image}))
        .collect()
}

/// The value of `imagePullSecrets` with these names.
pub(crate) fn references(names: &[&str]) -> Value {
    names.iter().map(|name| json!({"name": name})).collect()
}

/// The names in `imagePullSecrets`, in their order.
pub(crate) fn pull_secrets(pod: &Value) -> Vec<&str> {
    let Some(list) = pod["spec"]["imagePullSecrets"].as_array() else { return Vec::new() };
    list.iter().map(|entry| entry["name"].as_str().unwrap_or("(nameless)")).collect()
}

/// Fails when anything else than the pull secrets tells the two stored Pods apart.
///
/// Left out is what differs between any two Pods: identifiers, times, the namespace, generated names, and the random
/// end of the name of the token volume.
#[track_caller]
pub(crate) fn assert_differ_only_in_pull_secrets(left: &Value, right: &Value) {
    let (left, right) = (comparable(left), comparable(right));
    // As text, so that a failure shows the place.
    assert_eq!(left, right, "more than the pull secrets differs");
}

fn comparable(pod: &Value) -> String {
    let mut pod = pod.clone();
    let metadata = pod["metadata"].as_object_mut().expect("a stored Pod has metadata");
    for member in ["uid", "resourceVersion", "creationTimestamp", "namespace"] {
        metadata.shift_remove(member);
    }
    // kubectl notes the whole manifest there under client-side apply, with the namespace.
    if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
        annotations.shift_remove("kubectl.kubernetes.io/last-applied-configuration");
    }
    if metadata.contains_key("generateName") {
        metadata.shift_remove("name");
    }
    for owner in list(metadata, "ownerReferences") {
        owner.shift_remove("uid");
    }
    for entry in list(metadata, "managedFields") {
        entry.shift_remove("time");
        // Names the owner by its uid.
        entry.shift_remove("fieldsV1");
    }
    pod["spec"].as_object_mut().expect("a stored Pod has a spec").shift_remove("imagePullSecrets");
    without_token_suffix(&serde_json::to_string_pretty(&pod).expect("a value can be written"))
}

fn list<'a>(
    object: &'a mut Map<String, Value>,
    member: &str,
) -> impl Iterator<Item = &'a mut Map<String, Value>> {
    object
        .get_mut(member)
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
        .filter_map(Value::as_object_mut)
}

fn without_token_suffix(text: &str) -> String {
    const PREFIX: &str = "kube-api-access-";
    let mut parts = text.split(PREFIX);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + PREFIX + part.trim_start_matches(|letter| letter != '"'))
}
