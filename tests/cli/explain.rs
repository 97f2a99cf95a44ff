//! `pullkey explain`: why an image gets its names, and why one that nearly matches gets none.

use serde_json::Value;

use super::run::{Folder, Report, assert_text};

const CONFIG: &str = r#"apiVersion: pullkey.dev/v1alpha1
kind: InjectorConfiguration
registries:
  - matchImages: ["registry.example.com", "mirror.example.com:5000"]
    pullSecrets: ["registrysecret"]
  - name: yandex
    matchImages: ["cr.yandex/crp0example"]
    pullSecrets: ["yc-registry-secret"]
  - name: docker-hub
    matchImages: ["docker.io"]
    exceptImages: ["docker.io/library"]
    pullSecrets: ["regcred"]
  - name: ecr
    matchImages: ["*.dkr.ecr.*.amazonaws.com"]
    namespaces: ["team-*", "shop"]
    pullSecrets: ["internal", "ecr"]
"#;
const ALWAYS: &str = "always:\n  - namespaces: [\"staging-*\"]\n    pullSecrets: [\"debug-tools\"]\n";

fn folder() -> Folder {
    Folder::with(&[
        ("config.yaml", CONFIG),
        ("always.yaml", &format!("{CONFIG}{ALWAYS}")),
        ("pod.yaml", include_str!("../../examples/pod.yaml")),
        ("deployment.yaml", include_str!("../../examples/werf/deployment.yaml")),
    ])
}

#[test]
fn an_image_is_explained_entry_by_entry() {
    let folder = folder();
    let mut report = Report::default();
    for arguments in [
        // Matched, with every part of the name.
        &[
            "registry.example.com/team/app:1.2@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        ][..],
        &["janedoe/app"],
        &["index.docker.io/janedoe/app"],
        // Taken out by the entry itself.
        &["nginx"],
        // In another namespace, and in the right one.
        &["123.dkr.ecr.eu-west-1.amazonaws.com/app", "--namespace", "default"],
        &["123.dkr.ecr.eu-west-1.amazonaws.com/app", "--namespace", "team-a"],
        // Nearly: case, port, path inside a component, another path.
        &["Registry.Example.com/app"],
        &["registry.example.com:5000/app"],
        &["mirror.example.com/app"],
        &["cr.yandex/crp0example2/app"],
        &["cr.yandex/crp1example/app"],
        // Not at all.
        &["registry.example.com.evil.net/app"],
        &["my_reg.example.com/app"],
        // Several.
        &["nginx", "cr.yandex/crp0example/web:1.4"],
    ] {
        let all = [&["explain", "--config", "config.yaml"], arguments].concat();
        report.add(&format!("pullkey explain {}", arguments.join(" ")), &folder.run(&all).result());
    }
    report.assert("explain_images");
}

#[test]
fn what_is_no_image_name_is_told_with_a_negative_exit_code() {
    let folder = folder();
    let mut report = Report::default();
    for arguments in [
        &["registry.example.com/App"][..],
        &["https://registry.example.com/app"],
        &["registry.example.com/app:"],
        &["registry.example.com/app@sha256:abc"],
        &["app@md5:0123456789abcdef0123456789abcdef"],
        &["0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"],
        &[" nginx"],
        &["auto"],
        &[""],
        // One among several is enough, and the others are told.
        &["nginx", "registry.example.com/App"],
        // What would steer a terminal.
        &["registry.example.com/app\u{1b}[2J\n  pull secrets: registrysecret"],
    ] {
        let all = [&["explain", "--config", "config.yaml"], arguments].concat();
        report.add(&format!("pullkey explain {arguments:?}"), &folder.run(&all).negative());
    }
    report.assert("explain_no_images");

    // In a manifest it is the kubelet that reports it.
    folder.write(
        "bad.yaml",
        b"apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers: [{name: a, image: A}]\n",
    );
    let run = folder.run(&["explain", "--config", "config.yaml", "-f", "bad.yaml"]);
    assert!(run.result().contains("it is no image name"));
}

#[test]
fn a_manifest_cannot_steer_the_terminal() {
    let folder = folder();
    let pod = "{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": \"a\\u001b[2Jb\", \"namespace\": \"c\\nd\"},\n\
               \"spec\": {\"imagePullSecrets\": [{\"name\": \"e\\u009b31m\"}],\n\
               \"containers\": [{\"name\": \"f\", \"image\": \"registry.example.com/g\\u202e\"}]}}\n";
    folder.write("steering.json", pod.as_bytes());
    let explain = ["explain", "--config", "config.yaml", "-f", "steering.json"];
    let text = folder.run(&explain).result();
    assert!(
        !text.contains(|letter: char| letter.is_control() && letter != '\n' || letter == '\u{202e}'),
        "{text:?}"
    );
    assert!(text.starts_with("Pod/a\\u{1b}[2Jb in namespace c\\nd\n"), "{text}");
    assert!(
        text.contains("registry.example.com/g\\u{202e}\n") && text.contains("has:  e\\u{9b}31m\n"),
        "{text}"
    );
    // Programs get it as it is.
    let json: Value =
        serde_json::from_str(&folder.run(&[&explain[..], &["-o", "json"]].concat()).result()).unwrap();
    assert_eq!(json[0]["present"][0], "e\u{9b}31m");
}

#[test]
fn an_entry_that_always_applies_is_named_too() {
    let folder = folder();
    let mut report = Report::default();
    for arguments in [
        &["nginx", "--namespace", "staging-a"][..],
        &["nginx", "--namespace", "production"],
        &["No Image", "--namespace", "staging-a"],
        &["auto", "--namespace", "staging-a"],
    ] {
        let run = folder.run(&[&["explain", "--config", "always.yaml"], arguments].concat());
        let told = if arguments[0] == "nginx" { run.result() } else { run.negative() };
        report.add(&format!("pullkey explain {}", arguments.join(" ")), &told);
    }
    report.assert("explain_always");
}

#[test]
fn the_same_is_told_to_programs_as_json() {
    let folder = folder();
    let json = |images: &[&str]| {
        folder.run(&[&["explain", "--config", "config.yaml", "-o", "json"], images].concat())
    };
    assert_text(
        "explain_json",
        &json(&[
            "registry.example.com/app:1",
            "nginx",
            "Registry.Example.com/app",
            "registry.example.com:5000/app",
            "cr.yandex/crp0example2/app",
            "123.dkr.ecr.eu-west-1.amazonaws.com/app",
            "registry.example.com/App",
            "auto",
        ])
        .negative(),
    );
    // The form is a list also when there is one image.
    let one: Value = serde_json::from_str(&json(&["nginx"]).result()).unwrap();
    assert_eq!(one.as_array().map(Vec::len), Some(1));
}

#[test]
fn the_pods_of_a_manifest_are_explained() {
    let folder = folder();
    let skipped = "apiVersion: v1\nkind: Pod\nmetadata:\n  generateName: app-\n  labels: {pullkey.dev/inject: disabled}\n\
                   spec:\n  containers: [{name: a, image: registry.example.com/app}]\n---\n\
                   apiVersion: v1\nkind: Pod\nmetadata:\n  name: mirror\n  annotations: {kubernetes.io/config.mirror: x}\n\
                   spec:\n  imagePullSecrets: [{name: own}]\n  containers: [{name: a, image: registry.example.com/app}]\n";
    folder.write("skipped.yaml", skipped.as_bytes());
    folder.write("configmap.yaml", b"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n");
    folder.write(
        "no-images.yaml",
        b"apiVersion: v1\nkind: Pod\nmetadata:\n  name: empty\nspec:\n  containers: []\n",
    );
    let mut report = Report::default();
    for file in ["pod.yaml", "deployment.yaml", "skipped.yaml", "configmap.yaml", "no-images.yaml"] {
        let run = folder.run(&["explain", "--config", "config.yaml", "-f", file, "--namespace", "team-a"]);
        report.add(&format!("pullkey explain -f {file}"), &run.result());
    }
    let always = ["explain", "--config", "always.yaml", "-f", "no-images.yaml", "-n", "staging-a"];
    report.add("pullkey explain -f no-images.yaml -n staging-a, with always", &folder.run(&always).result());
    report.assert("explain_manifests");

    let json = folder.run(&["explain", "--config", "config.yaml", "-o", "json", "-f", "skipped.yaml"]);
    assert_text("explain_manifests_json", &json.result());
}

#[test]
fn a_manifest_that_cannot_be_read_is_an_error() {
    let folder = folder();
    folder.write("broken.yaml", b"apiVersion: v1\nkind: Pod\nspec: [\n");
    let mut report = Report::default();
    for file in ["absent.yaml", "broken.yaml"] {
        let run = folder.run(&["explain", "--config", "config.yaml", "-f", file]);
        report.add(&format!("pullkey explain -f {file}"), &run.error());
    }
    report.assert("explain_unreadable");
}
