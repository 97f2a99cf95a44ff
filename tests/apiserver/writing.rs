//! The ways in which a Pod is written.

use serde_json::{Value, json};

use crate::pods::{
    assert_differ_only_in_pull_secrets, pod, pod_with, pod_with_metadata, pull_secrets, references,
};
use crate::world::World;

pub(crate) fn escaped_text_arrives_unchanged(world: &World) {
    world.serve();
    let pair = world.namespaces("escaped");
    let text = "quote \" backslash \\ slash / line\nbreak\r tab\t nul-like \u{1} <&> \u{2028} \u{e9} \u{1f511} \u{7f}";
    let spec = json!({"containers": [{
        "name": "app",
        "image": "registry.example.com/app",
        "args": [text, "imagePullSecrets", "\"imagePullSecrets\":[]"],
        "env": [{"name": "TEXT", "value": text}],
    }]});
    let metadata = json!({
        "name": "app",
        "annotations": {"example.com/text": text, "example.com/json": "{\"image\":\"two.example.com/app\"}"},
    });
    let manifest = json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec});
    let stored = pair.assert_injected(&manifest, &["registrysecret"]);
    assert_eq!(stored["metadata"]["annotations"]["example.com/text"], text);
    assert_eq!(stored["spec"]["containers"][0]["env"][0]["value"], text);

    // kubectl writes the JSON anew, so escapes of our own go past it.
    let escaped = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"\u0061pp2","annotations":{"\u0041":"\ud83d\udd11\/"}},
        "spec":{"containers":[{"name":"app","image":"registry.ex\u0061mple.com\/app"}]}}"#;
    let stored = create_raw(world, &pair.opted_in, escaped);
    assert_eq!(stored["metadata"]["annotations"]["A"], "\u{1f511}/");
    assert_eq!(pull_secrets(&stored), ["registrysecret"]);
}

pub(crate) fn null_members_are_as_good_as_absent_ones(world: &World) {
    world.serve();
    let pair = world.namespaces("null");
    let manifest = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "app", "labels": null, "annotations": null, "ownerReferences": null},
        "spec": {
            "imagePullSecrets": null,
            "initContainers": null,
            "ephemeralContainers": null,
            "volumes": null,
            "nodeSelector": null,
            "containers": [{"name": "app", "image": "registry.example.com/app", "env": null, "command": null}],
        },
        "status": null,
    })
    .to_string();
    let opted_in = create_raw(world, &pair.opted_in, &manifest);
    let plain = create_raw(world, &pair.plain, &manifest);
    assert_differ_only_in_pull_secrets(&opted_in, &plain);
    assert_eq!(pull_secrets(&opted_in), ["registrysecret"]);

    let empty = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"empty"},
        "spec":{"imagePullSecrets":[],"initContainers":[],"volumes":[],"containers":[{"name":"app","image":"registry.example.com/app"}]}}"#;
    assert_eq!(pull_secrets(&create_raw(world, &pair.opted_in, empty)), ["registrysecret"]);
    // The API server stores a nameless reference, and it is not ours to remove.
    let nameless = empty
        .replace("\"name\":\"empty\"", "\"name\":\"nameless\"")
        .replace("Secrets\":[]", "Secrets\":[{}]");
    assert_eq!(pull_secrets(&create_raw(world, &pair.opted_in, &nameless)), ["(nameless)", "registrysecret"]);
}

pub(crate) fn a_generated_name_works(world: &World) {
    world.serve();
    let pair = world.namespaces("generated-name");
    let mut manifest = pod("app", &["registry.example.com/app"]);
    manifest["metadata"] = json!({"generateName": "app-"});
    let stored = pair.assert_injected(&manifest, &["registrysecret"]);
    assert!(stored["metadata"]["name"].as_str().is_some_and(|name| name.len() > "app-".len()));
}

pub(crate) fn a_pod_of_a_megabyte_passes(world: &World) {
    world.serve();
    let pair = world.namespaces("megabyte");
    let spec = json!({"containers": [{
        "name": "app",
        "image": "registry.example.com/app",
        "env": [{"name": "TEXT", "value": "\u{e9}\"\n<".repeat(200_000)}],
    }]});
    pair.assert_injected(&pod_with("app", &[], spec), &["registrysecret"]);
}

pub(crate) fn a_dry_run_shows_the_secret_and_stores_nothing(world: &World) {
    world.serve();
    let pair = world.namespaces("dry-run");
    let manifest = pod("app", &["registry.example.com/app"]).to_string();
    let arguments = ["create", "-n", &pair.opted_in, "--dry-run=server", "-o", "json", "-f", "-"];
    let shown = world.cluster.kubectl.json(&arguments, &manifest);
    assert_eq!(pull_secrets(&shown), ["registrysecret"]);
    let message = world.cluster.kubectl.refused(&["get", "pod", "app", "-n", &pair.opted_in], "");
    assert!(message.contains("pods \"app\" not found"), "{message}");
}

pub(crate) fn server_side_apply_gets_the_secret_and_can_be_repeated(world: &World) {
    world.serve();
    let pair = world.namespaces("server-side-apply");
    let manifest = pod("app", &["registry.example.com/app"]);
    let opted_in = apply(world, &pair.opted_in, &manifest);
    assert_differ_only_in_pull_secrets(&opted_in, &apply(world, &pair.plain, &manifest));
    assert_eq!(pull_secrets(&opted_in), ["registrysecret"]);
    assert_eq!(apply(world, &pair.opted_in, &manifest), opted_in, "the second apply changed something");
}

pub(crate) fn server_side_apply_owns_only_the_names_it_wrote(world: &World) {
    world.serve();
    let pair = world.namespaces("ownership");
    let none = apply(world, &pair.opted_in, &pod("none", &["registry.example.com/app"]));
    assert_eq!(owned_pull_secrets(&none), json!([]), "the injected name belongs to nobody");

    let mut manifest = pod("some", &["registry.example.com/app"]);
    manifest["spec"]["imagePullSecrets"] = references(&["mine"]);
    let some = apply(world, &pair.opted_in, &manifest);
    assert_eq!(pull_secrets(&some), ["mine", "registrysecret"]);
    let owned = json!([["deployer", "Apply", {"k:{\"name\":\"mine\"}": {}}]]);
    assert_eq!(owned_pull_secrets(&some), owned, "the user owns his own name");
    // Neither a repetition nor another manager's apply takes the injected name away.
    assert_eq!(apply(world, &pair.opted_in, &manifest), some);
}

pub(crate) fn client_side_apply_can_be_repeated(world: &World) {
    world.serve();
    let pair = world.namespaces("client-side-apply");
    let manifest = pod("app", &["registry.example.com/app"]).to_string();
    let apply = |namespace: &str| {
        world.cluster.kubectl.json(&["apply", "-n", namespace, "-o", "json", "-f", "-"], &manifest)
    };
    let opted_in = apply(&pair.opted_in);
    assert_differ_only_in_pull_secrets(&opted_in, &apply(&pair.plain));
    assert_eq!(pull_secrets(&opted_in), ["registrysecret"]);
    assert_eq!(apply(&pair.opted_in), opted_in, "the second apply changed something");
}

pub(crate) fn a_created_pod_can_still_be_updated(world: &World) {
    world.serve();
    let pair = world.namespaces("update");
    let labels = json!({"labels": {"stage": "old"}});
    world.create(&pair.opted_in, &pod_with_metadata("app", &["registry.example.com/app:1"], labels));
    let kubectl = &world.cluster.kubectl;
    let namespace = format!("--namespace={}", pair.opted_in);
    kubectl.run(&["label", "pod", "app", "stage=new", "--overwrite", &namespace]);
    // The new image would need other secrets; an UPDATE that added them would be refused by the API server.
    kubectl.run(&["set", "image", "pod/app", "c0=two.example.com/app:2", &namespace]);
    let stored = world.get(&pair.opted_in, "pod", "app");
    assert_eq!(stored["metadata"]["labels"]["stage"], "new");
    assert_eq!(stored["spec"]["containers"][0]["image"], "two.example.com/app:2");
    assert_eq!(pull_secrets(&stored), ["registrysecret"]);
}

/// Sends exactly this text.
#[track_caller]
fn create_raw(world: &World, namespace: &str, text: &str) -> Value {
    let path = format!("/api/v1/namespaces/{namespace}/pods");
    world.cluster.kubectl.json(&["create", "--raw", &path, "-f", "-"], text)
}

#[track_caller]
fn apply(world: &World, namespace: &str, manifest: &Value) -> Value {
    let arguments = [
        "apply",
        "--server-side",
        "--field-manager=deployer",
        "--show-managed-fields",
        "-n",
        namespace,
        "-o",
        "json",
        "-f",
        "-",
    ];
    world.cluster.kubectl.json(&arguments, &manifest.to_string())
}

/// Who owns which pull secrets: manager, operation and fields.
fn owned_pull_secrets(pod: &Value) -> Value {
    let entries = pod["metadata"]["managedFields"].as_array().expect("the managed fields were asked for");
    let owned = entries.iter().filter_map(|entry| {
        let fields = entry["fieldsV1"]["f:spec"].get("f:imagePullSecrets")?;
        let mut fields = fields.clone();
        for field in fields.as_object_mut()?.values_mut() {
            // `.` and `f:name` say no more than that the entry is owned.
            *field = json!({});
        }
        Some(json!([entry["manager"], entry["operation"], fields]))
    });
    owned.collect()
}
