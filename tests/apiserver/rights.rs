//! What the account of pullkey may do in the cluster, tried with a token of its own.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pullkey::certs::bundle::BYTES_MAX;
use serde_json::{Value, json};

use crate::support::kubectl::Kubectl;
use crate::support::wait::until;
use crate::world::World;

/// The shipped default under other names, so that what the other trials share stays as it is.
const NAME: &str = "rights-pullkey";
const NAMESPACE: &str = "rights";

/// Everything that a registration says but the bundle and annotations, each changed once.
const REFUSED: &[(&str, &str)] = &[
    (
        "the server, by address",
        r#"[{"op": "remove", "path": "/webhooks/0/clientConfig/service"},
        {"op": "add", "path": "/webhooks/0/clientConfig/url", "value": "https://evil.example.com/"}]"#,
    ),
    (
        "the server, by Service",
        r#"[{"op": "replace", "path": "/webhooks/0/clientConfig/service/namespace", "value": "default"}]"#,
    ),
    (
        "the server's path",
        r#"[{"op": "replace", "path": "/webhooks/0/clientConfig/service/path", "value": "/other"}]"#,
    ),
    (
        "the server's port",
        r#"[{"op": "replace", "path": "/webhooks/0/clientConfig/service/port", "value": 8443}]"#,
    ),
    (
        "rules, more resources",
        r#"[{"op": "replace", "path": "/webhooks/0/rules/0/resources", "value": ["*"]}]"#,
    ),
    (
        "rules, one more",
        r#"[{"op": "add", "path": "/webhooks/0/rules/-", "value":
        {"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*/*"]}}]"#,
    ),
    ("failurePolicy", r#"[{"op": "replace", "path": "/webhooks/0/failurePolicy", "value": "Ignore"}]"#),
    ("matchPolicy", r#"[{"op": "replace", "path": "/webhooks/0/matchPolicy", "value": "Exact"}]"#),
    ("namespaceSelector", r#"[{"op": "replace", "path": "/webhooks/0/namespaceSelector", "value": {}}]"#),
    ("objectSelector", r#"[{"op": "replace", "path": "/webhooks/0/objectSelector", "value": {}}]"#),
    ("objectSelector, gone", r#"[{"op": "remove", "path": "/webhooks/0/objectSelector"}]"#),
    ("timeoutSeconds", r#"[{"op": "replace", "path": "/webhooks/0/timeoutSeconds", "value": 30}]"#),
    (
        "matchConditions, another",
        r#"[{"op": "replace", "path": "/webhooks/0/matchConditions/0/expression", "value": "true"}]"#,
    ),
    ("matchConditions, gone", r#"[{"op": "remove", "path": "/webhooks/0/matchConditions"}]"#),
    (
        "reinvocationPolicy",
        r#"[{"op": "replace", "path": "/webhooks/0/reinvocationPolicy", "value": "Never"}]"#,
    ),
    ("sideEffects", r#"[{"op": "replace", "path": "/webhooks/0/sideEffects", "value": "NoneOnDryRun"}]"#),
    (
        "admissionReviewVersions",
        r#"[{"op": "add", "path": "/webhooks/0/admissionReviewVersions/-", "value": "v1beta1"}]"#,
    ),
    (
        "the webhook's name",
        r#"[{"op": "replace", "path": "/webhooks/0/name", "value": "other.pullkey.dev"}]"#,
    ),
    (
        "one more webhook",
        r#"[{"op": "copy", "from": "/webhooks/0", "path": "/webhooks/-"},
        {"op": "replace", "path": "/webhooks/1/name", "value": "other.pullkey.dev"}]"#,
    ),
    ("no webhook in the list", r#"[{"op": "remove", "path": "/webhooks/0"}]"#),
    ("no list of webhooks", r#"[{"op": "remove", "path": "/webhooks"}]"#),
    ("labels", r#"[{"op": "add", "path": "/metadata/labels/other", "value": "yes"}]"#),
    ("labels, gone", r#"[{"op": "remove", "path": "/metadata/labels"}]"#),
    (
        "ownerReferences",
        r#"[{"op": "add", "path": "/metadata/ownerReferences", "value":
        [{"apiVersion": "v1", "kind": "Namespace", "name": "default", "uid": "0"}]}]"#,
    ),
    ("finalizers", r#"[{"op": "add", "path": "/metadata/finalizers", "value": ["example.com/stay"]}]"#),
    (
        "somebody else's annotation",
        r#"[{"op": "add", "path": "/metadata/annotations/cert-manager.io~1inject-ca-from", "value": "a/b"}]"#,
    ),
    (
        "an allowed change with another",
        r#"[{"op": "add", "path": "/webhooks/0/clientConfig/caBundle", "value": "eA=="},
        {"op": "replace", "path": "/webhooks/0/timeoutSeconds", "value": 30}]"#,
    ),
];

pub(crate) fn pullkeys_account_may_change_the_bundle_and_its_own_annotations_only(world: &World) {
    let pullkey = install(world);
    let patch = |patch: &str| pullkey.attempt(&["patch", KIND, NAME, "--type=json", "-p", patch], "");

    // The API server needs a moment to know a policy; before it does, this change is let through and changed back.
    until("the policy is in force", || {
        let changed = patch(r#"[{"op": "replace", "path": "/webhooks/0/timeoutSeconds", "value": 6}]"#);
        let back = r#"[{"op": "replace", "path": "/webhooks/0/timeoutSeconds", "value": 5}]"#;
        match changed {
            Err(message) if message.contains("ValidatingAdmissionPolicy") => Ok(()),
            other => {
                world.cluster.kubectl.run(&["patch", KIND, NAME, "--type=json", "-p", back]);
                Err(format!("{other:?}"))
            }
        }
    });
    let before = registration(world);
    for (what, change) in REFUSED {
        match patch(change) {
            Ok(printed) => panic!("{what} could be changed: {printed}"),
            Err(message) => {
                // A refusal of the policy in its own words, and neither the API server's own nor an error in it.
                assert!(message.contains("ValidatingAdmissionPolicy 'rights-pullkey'"), "{what}: {message}");
                assert!(message.contains("pullkey's account may"), "{what}: {message}");
            }
        }
    }
    assert_eq!(registration(world), before);

    assert_another_webhooks_bundle_is_not_its_own(world, &pullkey);
    assert_the_bundle_is_bounded(world, &pullkey);

    // What it is for: with the bundle there or not, and the annotations.
    for change in [
        r#"[{"op": "add", "path": "/webhooks/0/clientConfig/caBundle", "value": "eA=="}]"#,
        r#"[{"op": "add", "path": "/webhooks/0/clientConfig/caBundle", "value": "eHk="},
            {"op": "add", "path": "/metadata/annotations/pullkey.dev~1settled", "value": "hash"}]"#,
        r#"[{"op": "remove", "path": "/metadata/annotations/pullkey.dev~1settled"}]"#,
        r#"[{"op": "remove", "path": "/webhooks/0/clientConfig/caBundle"}]"#,
    ] {
        patch(change).unwrap_or_else(|message| panic!("{change}: {message}"));
    }
    // An object without annotations at all.
    world.cluster.kubectl.run(&["annotate", KIND, NAME, "kubectl.kubernetes.io/last-applied-configuration-"]);
    let first =
        r#"[{"op": "add", "path": "/metadata/annotations", "value": {"pullkey.dev/settled": "hash"}}]"#;
    patch(first).unwrap_or_else(|message| panic!("{message}"));

    // Nobody else is kept from anything.
    let other = r#"[{"op": "replace", "path": "/webhooks/0/timeoutSeconds", "value": 7}]"#;
    world.cluster.kubectl.run(&["patch", KIND, NAME, "--type=json", "-p", other]);
}

/// An administrator may put a second webhook into the same object.
#[track_caller]
fn assert_another_webhooks_bundle_is_not_its_own(world: &World, pullkey: &Kubectl) {
    let before = registration(world);
    let patch = |kubectl: &Kubectl, patch: &str| {
        kubectl.attempt(&["patch", KIND, NAME, "--type=json", "-p", patch], "")
    };
    let another = r#"[{"op": "copy", "from": "/webhooks/0", "path": "/webhooks/-"},
        {"op": "replace", "path": "/webhooks/1/name", "value": "other.example.com"}]"#;
    patch(&world.cluster.kubectl, another).expect("an administrator may");
    let other = r#"[{"op": "add", "path": "/webhooks/1/clientConfig/caBundle", "value": "eA=="}]"#;
    let message = patch(pullkey, other).expect_err("the bundle of another webhook");
    assert!(message.contains("but the certificates that are trusted for inject.pullkey.dev"), "{message}");
    let own = r#"[{"op": "add", "path": "/webhooks/0/clientConfig/caBundle", "value": "eA=="}]"#;
    patch(pullkey, own).expect("its own");
    let back = r#"[{"op": "remove", "path": "/webhooks/1"},
        {"op": "remove", "path": "/webhooks/0/clientConfig/caBundle"}]"#;
    patch(&world.cluster.kubectl, back).expect("an administrator may");
    let mut after = registration(world);
    after["metadata"]["generation"] = before["metadata"]["generation"].clone();
    assert_eq!(after, before);
}

#[track_caller]
fn assert_the_bundle_is_bounded(world: &World, pullkey: &Kubectl) {
    let patch = |kubectl: &Kubectl, patch: &Value| {
        // In a file, because no argument of a program may be so long.
        let file = world.cluster.folder.join("patch.json");
        fs::write(&file, patch.to_string()).expect("a file can be written");
        let file = format!("--patch-file={}", file.display());
        kubectl.attempt(&["patch", KIND, NAME, "--type=json", &file], "")
    };
    let bundle = |bytes: usize| {
        let value = STANDARD.encode(vec![b'x'; bytes]);
        json!([{"op": "add", "path": "/webhooks/0/clientConfig/caBundle", "value": value}])
    };
    patch(pullkey, &bundle(BYTES_MAX)).expect("as much as it ever writes");
    for bytes in [BYTES_MAX + 2, 1_000_000] {
        let message = patch(pullkey, &bundle(bytes)).expect_err("too much");
        assert!(message.contains("ValidatingAdmissionPolicy 'rights-pullkey'"), "{bytes}: {message}");
        assert!(message.contains("no caBundle of more than 128 KiB"), "{bytes}: {message}");
    }
    // One that somebody else has made so long does not keep it from its annotations.
    patch(&world.cluster.kubectl, &bundle(BYTES_MAX + 2)).expect("an administrator may");
    let touch = json!([{"op": "add", "path": "/metadata/annotations/pullkey.dev~1settled", "value": "hash"}]);
    patch(pullkey, &touch).expect("its annotation");
    let remove = json!([
        {"op": "remove", "path": "/webhooks/0/clientConfig/caBundle"},
        {"op": "remove", "path": "/metadata/annotations/pullkey.dev~1settled"},
    ]);
    patch(pullkey, &remove).expect("less");
}

/// Kubernetes says so in the status of the policy, where nobody looks.
pub(crate) fn the_policy_has_no_mistake_in_its_types(world: &World) {
    install(world);
    let status = until("the types are checked", || {
        let printed =
            world.cluster.kubectl.attempt(&["get", "validatingadmissionpolicy", NAME, "-o", "json"], "")?;
        let policy: Value = serde_json::from_str(&printed).map_err(|error| error.to_string())?;
        let is_checked = policy["status"]["observedGeneration"] == policy["metadata"]["generation"];
        if is_checked { Ok(policy["status"].clone()) } else { Err(policy["status"].to_string()) }
    });
    assert_eq!(status["typeChecking"], json!({}), "{status}");
}

pub(crate) fn pullkeys_account_has_this_one_right(world: &World) {
    let pullkey = install(world);
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": NAMESPACE},
    });
    let review = pullkey.json(&["create", "--validate=false", "-o", "json", "-f", "-"], &review.to_string());
    let rules = review["status"]["resourceRules"].as_array().expect("a list of rules");
    // What every account may ask about itself.
    let own = |rule: &&Value| rule["resources"].to_string().contains("selfsubject");
    let granted: Vec<_> = rules.iter().filter(|rule| !own(rule)).collect();
    let expected = json!({
        "apiGroups": ["admissionregistration.k8s.io"],
        "resources": [KIND],
        "resourceNames": [NAME],
        "verbs": ["get", "list", "watch", "patch"],
    });
    assert_eq!(granted, [&expected]);

    // The list, and so the watch, that selects the one object, and no wider one.
    pullkey.run(&["get", KIND, &format!("--field-selector=metadata.name={NAME}")]);
    let message = pullkey.refused(&["get", KIND], "");
    assert!(message.contains("cannot list resource"), "{message}");
    let message = pullkey.refused(&["get", KIND, "pullkey"], "");
    assert!(message.contains("cannot get resource"), "{message}");
}

const KIND: &str = "mutatingwebhookconfigurations";

/// Applies the default under other names; returns kubectl as the account that its Pods have.
fn install(world: &World) -> Kubectl {
    // No namespace opts in to this one, because nobody answers for it.
    let nobody = json!([{
        "op": "replace",
        "path": "/webhooks/0/namespaceSelector/matchExpressions/0/values",
        "value": ["nobody"],
    }]);
    let kustomization = json!({
        "namespace": NAMESPACE,
        "namePrefix": format!("{NAMESPACE}-"),
        "resources": ["../deploy"],
        "replicas": [{"name": "pullkey", "count": 0}],
        "patches": [{"target": {"kind": "MutatingWebhookConfiguration"}, "patch": nobody.to_string()}],
    });
    // YAML reads JSON.
    let overlay = world.pullkey.overlay("../rights", &kustomization.to_string());
    let kubectl = &world.cluster.kubectl;
    kubectl.run(&["apply", "-k", &overlay]);
    let token = kubectl.run(&["create", "token", NAME, "-n", NAMESPACE]);
    kubectl.with_token(token.trim())
}

/// The registration without what every write changes.
fn registration(world: &World) -> Value {
    let mut registration = world.cluster.kubectl.json(&["get", KIND, NAME, "-o", "json"], "");
    registration["metadata"]["resourceVersion"] = json!(null);
    registration
}
