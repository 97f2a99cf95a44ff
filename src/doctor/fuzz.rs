//! Objects of any shape are judged without a panic.

use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

use super::examine;
use super::installation::Installation;
use super::many::shortened;
use super::probe::{Answer, Probe};
use super::rivals::{POLICIES, Policy, Rivals, twice};
use super::sample;
use super::tenants::Tenants;
use crate::cluster::registration::rendered::{FailurePolicy, Namespaces};

/// What stands in the place of some part of an object.
fn junk() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        Just(json!({})),
        Just(json!([])),
        Just(json!([null, {}, "x", [1]])),
        Just(json!("--drain-timeout=9223372036854775807s")),
        Just(json!("--certificate-life=-9223372036854775808s")),
        Just(json!(
            "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE----------BEGIN CERTIFICATE-----"
        )),
        Just(json!("pullkey_build_info{version=\"é\npullkey_config_reload_successful 0")),
        Just(json!({"name": 1, "kind": null, "pullkey.dev/inject": "enabled", "values": "x"})),
        any::<i64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        "[a-zé/:*. ]{0,12}".prop_map(Value::from),
    ]
}

/// Replaces one node of an object.
fn change(object: &mut Value, place: Index, junk: Value) {
    let pointers = pointers(object);
    if let Some(node) = object.pointer_mut(place.get::<String>(&pointers)) {
        *node = junk;
    }
}

fn pointers(object: &Value) -> Vec<String> {
    let mut found = vec![String::new()];
    let children: Vec<(String, &Value)> = match object {
        Value::Object(members) => {
            members.iter().map(|(key, value)| (key.replace('~', "~0").replace('/', "~1"), value)).collect()
        }
        Value::Array(items) => {
            items.iter().enumerate().map(|(place, value)| (place.to_string(), value)).collect()
        }
        _ => Vec::new(),
    };
    for (key, child) in children {
        found.extend(pointers(child).into_iter().map(|rest| format!("/{key}{rest}")));
    }
    found
}

/// The registration, another, a namespace, a Pod, a workload and a policy, as they should be.
fn objects() -> Vec<Value> {
    let registration = |name| sample::registration(name, Namespaces::OptIn, FailurePolicy::Fail);
    let mut pod = sample::pod("shop", "web-5d4f-x", "registry.example.com/web", &["own"]);
    pod["metadata"]["labels"] = json!({"pod-template-hash": "5d4f", "pullkey.dev/inject": "enable"});
    pod["metadata"]["annotations"] = json!({"pullkey.dev/injection": "no"});
    pod["metadata"]["ownerReferences"] =
        json!([{"kind": "ReplicaSet", "name": "web-5d4f", "controller": true}]);
    pod["status"]["containerStatuses"] =
        json!([{"name": "main", "state": {"waiting": {"reason": "ErrImagePull", "message": "not found"}}}]);
    let workload = json!({
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {
            "template": {"metadata": pod["metadata"], "spec": pod["spec"]},
            "jobTemplate": {"spec": {"template": {"metadata": pod["metadata"], "spec": pod["spec"]}}},
        },
    });
    let policy = json!({
        "metadata": {"name": "sets", "namespace": "shop"},
        "spec": {
            "matchConstraints": {"namespaceSelector": {"matchLabels": {"a": "b"}}},
            "mutations": ["imagePullSecrets"],
            "rules": [{"mutate": "imagePullSecrets"}],
            "policyName": "sets",
        },
    });
    let namespace = sample::namespace("shop", &[("pullkey.dev/inject", "enabled")]);
    vec![registration("pullkey"), registration("other"), namespace, pod, workload, policy]
}

fn judge(objects: &[Value]) {
    let [registration, other, namespace, pod, workload, policy] = objects else {
        unreachable!("six objects")
    };
    let installation: Installation = sample::with(registration.clone(), vec![other.clone()]);
    let rules = sample::rules("registries: [{matchImages: [registry.example.com], pullSecrets: [a, b]}]");
    let mut rivals = Rivals { policies: Vec::new(), bindings: vec![policy.clone()] };
    rivals.policies.extend(POLICIES.iter().filter_map(|(kind, called, _)| Policy::of(*kind, called, policy)));
    let Some(mut tenants) = Tenants::new(&installation, Some(&rules)) else { return };
    tenants.asked_about(namespace);
    tenants.pod(pod);
    for kind in ["Deployment", "CronJob"] {
        tenants.workload(kind, workload);
    }
    let sent = tenants.sent();
    let mut findings = twice(&sent, &installation.others);
    findings.extend(rivals.findings(&sent));
    for namespace in &sent {
        let probe = Probe::new(&installation, Some(&rules), &rivals, namespace);
        findings
            .extend(probe.and_then(|probe| probe.judge(&installation, &Answer::Created(pod.clone()), false)));
    }
    for name in tenants.secrets(true).into_keys() {
        tenants.look_at_secrets(&name, &std::collections::BTreeMap::new());
    }
    findings.extend(tenants.findings(true, true));
    let _ = shortened(findings);
}

proptest! {
    #[test]
    fn objects_of_any_shape_are_judged(
        changes in prop::collection::vec((0..6_usize, any::<Index>(), junk()), 1..6),
    ) {
        let mut objects = objects();
        for (object, place, junk) in changes {
            change(&mut objects[object], place, junk);
        }
        judge(&objects);
    }
    #[test]
    fn an_installation_of_any_shape_is_examined(
        changes in prop::collection::vec((any::<Index>(), junk()), 1..6),
    ) {
        let mut document = sample::home::document();
        for (place, junk) in changes {
            change(&mut document, place, junk);
        }
        let _ = shortened(examine(&sample::home::installation(&document)));
    }
}

#[test]
fn nothing_is_found_in_an_installation_as_it_should_be() {
    assert_eq!(examine(&sample::home::installation(&sample::home::document())), []);
}
