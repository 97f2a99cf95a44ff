//! The smallest JSON Patch (RFC 6902) that gives a Pod the pull secrets it lacks.

use json_patch::jsonptr::PointerBuf;
use json_patch::{AddOperation, Patch, PatchOperation};
use serde_json::{Value, json};

use super::pod::PodView;

/// The list of pull secrets as a JSON pointer (RFC 6901) into a Pod.
const LIST: [&str; 2] = ["spec", "imagePullSecrets"];

/// The names that a Pod lacks, in their order.
#[must_use]
pub fn missing<'n>(pod: &PodView<'_>, names: &[&'n str]) -> Vec<&'n str> {
    names.iter().filter(|name| !pod.pull_secrets().any(|present| present == **name)).copied().collect()
}

/// The patch that appends the missing names, or none when nothing is missing.
///
/// What the Pod has stays as a prefix. An `add` of the whole list would replace a list that is
/// there, and an append to one that is absent fails at the API server.
#[must_use]
pub fn patch(pod: &PodView<'_>, missing: &[&str]) -> Option<Patch> {
    if missing.is_empty() {
        return None;
    }
    let list_is_empty = pod.spec.image_pull_secrets.is_empty();
    let operations = if list_is_empty {
        let names = missing.iter().map(|name| reference(name)).collect();
        vec![add(PointerBuf::from_tokens(LIST), Value::Array(names))]
    } else {
        let end = || PointerBuf::from_tokens(LIST.into_iter().chain(["-"]));
        missing.iter().map(|name| add(end(), reference(name))).collect()
    };
    Some(Patch(operations))
}

fn reference(name: &str) -> Value {
    json!({ "name": name })
}

fn add(path: PointerBuf, value: Value) -> PatchOperation {
    PatchOperation::Add(AddOperation { path, value })
}
