//! What the clients send, and what must come back.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::reviews::{Registries, Size};

/// The uid that the client replaces in each request.
const UID: &str = "00000000-0000-0000-0000-000000000000";

/// The configuration of the replicas that are asked by the transport client.
pub(crate) fn configuration() -> String {
    Registries { exact: 20, globs: 0 }.yaml()
}

/// Reviews of all lengths as the API server sends them, with no pull secrets, with others and with the right ones.
///
/// As the text of a JSON file; padding them to their lengths takes a second without optimisation.
pub(crate) static REVIEWS: LazyLock<String> = LazyLock::new(|| reviews().to_string());

fn reviews() -> Value {
    let names = ["pull-0003", "pull-0007"];
    let [first, second] = names.map(|name| json!({"name": name}));
    let append = |value: &Value| json!({"op": "add", "path": "/spec/imagePullSecrets/-", "value": value});
    let own = json!({"name": "own"});
    let mut cases = Vec::new();
    for size in Size::ALL {
        let mut review: Value = serde_json::from_slice(&size.review()).expect("a review is JSON");
        review["request"]["uid"] = json!(UID);
        let mut add = |secrets: Value, patch: Value| {
            let mut review = review.clone();
            if !secrets.is_null() {
                review["request"]["object"]["spec"]["imagePullSecrets"] = secrets;
            }
            cases.push(json!({"review": review, "patches": [patch]}));
        };
        let whole = json!([{"op": "add", "path": "/spec/imagePullSecrets", "value": [first, second]}]);
        add(json!(null), whole);
        add(json!([own]), json!([append(&first), append(&second)]));
        add(json!([second, own]), json!([append(&first)]));
        add(json!([second, first]), json!(null));
    }
    json!(cases)
}

/// A configuration that gives the Pods of [`pods`] this pull secret.
pub(crate) fn configuration_with(secret: &str) -> String {
    format!(
        "apiVersion: pullkey.dev/v1alpha1\nkind: InjectorConfiguration\nregistries:\n  \
         - matchImages: [registry.example.com]\n    pullSecrets: [{secret}]\n"
    )
}

/// Pods to create, each of which must get one of these pull secrets behind its own.
pub(crate) fn pods(secrets: &[&str]) -> Value {
    let case = |own: &[&str]| {
        let named: Vec<Value> = own.iter().map(|name| json!({"name": name})).collect();
        let right: Vec<Vec<&str>> = secrets.iter().map(|&secret| [own, &[secret]].concat()).collect();
        json!({
            "pod": {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"generateName": "rollout-", "labels": {"app": "rollout"}},
                "spec": {
                    "containers": [{"name": "app", "image": "registry.example.com/team/app:1.2.3"}],
                    "imagePullSecrets": named,
                },
            },
            "names": right,
        })
    };
    json!([case(&[]), case(&["own"]), case(&["own", "other"])])
}
