//! `pullkey init` as a user runs it: with a kubeconfig, with many rights or few.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::pods::pod;
use crate::support::cluster::ADMIN_TOKEN;
use crate::support::process::sealed;
use crate::support::program;
use crate::world::World;

/// The password of every login. It must never come out, nor its base64.
const PASSWORD: &str = "hunter2";
const AUTH: &str = "dXNlcjpodW50ZXIy";

struct Run {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

pub(crate) fn init_makes_a_configuration_of_the_secrets_in_a_cluster(world: &World) {
    make(world);
    let run = pullkey(world, ADMIN_TOKEN, &["--from-secret", "-n", "init-a", "-n", "init-b"]);
    assert_eq!(
        run.stdout,
        "\
# Made by `pullkey init` from the pull secrets in namespace init-a and in namespace init-b.
apiVersion: pullkey.dev/v1alpha1
kind: InjectorConfiguration
registries:
  - matchImages: [\"r.example.com:5000\"]
    pullSecrets: [\"old\"]
  - matchImages: [\"docker.io\"]
    pullSecrets: [\"regcred\"]
    # In other namespaces the Secret of this name is for other registries.
    namespaces: [\"init-a\"]
  - matchImages: [\"quay.io/team\", \"registry.example.com\"]
    pullSecrets: [\"regcred\"]
    # In other namespaces the Secret of this name is for other registries.
    namespaces: [\"init-b\"]
",
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("Secret poisoned in init-b: the kubelet cannot read it"), "{}", run.stderr);
    assert!(!run.stderr.contains("opaque"), "{}", run.stderr);
    assert_eq!(run.code, Some(0));

    // All namespaces have more, from the other trials too.
    let run = pullkey(world, ADMIN_TOKEN, &["--from-secret", "--all-namespaces"]);
    assert!(run.stdout.contains("the pull secrets in all namespaces"), "{}", run.stdout);
    assert!(run.stdout.contains(r#"matchImages: ["r.example.com:5000"]"#), "{}", run.stdout);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
}

pub(crate) fn init_tells_which_registries_of_pods_have_a_secret(world: &World) {
    make(world);
    for (namespace, name, image) in [
        ("init-a", "hub", "nginx:1.27"),
        ("init-a", "other", "ghcr.io/team/app"),
        ("init-b", "quay", "quay.io/team/app"),
        ("init-b", "hub", "nginx"),
    ] {
        world.cluster.kubectl.run(&["delete", "pod", name, "-n", namespace, "--ignore-not-found", "--force"]);
        world.create(namespace, &pod(name, &[image]));
    }
    let run = pullkey(world, ADMIN_TOKEN, &["--from-pods", "-n", "init-a", "-n", "init-b"]);
    assert_eq!(
        run.stdout,
        "\
# Made by `pullkey init` from the pull secrets in namespace init-a and in namespace init-b.
apiVersion: pullkey.dev/v1alpha1
kind: InjectorConfiguration
registries:
  - matchImages: [\"docker.io\"]
    pullSecrets: [\"regcred\"]
    # In other namespaces the Secret of this name is for other registries.
    namespaces: [\"init-a\"]
  - matchImages: [\"quay.io/team\"]
    pullSecrets: [\"regcred\"]
    # In other namespaces the Secret of this name is for other registries.
    namespaces: [\"init-b\"]

# Pods use these registries too, without a pull secret for them in their namespace:
#   docker.io: init-b
#   ghcr.io: init-a
",
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("registry ghcr.io in init-a: no pull secret serves it"), "{}", run.stderr);

    // Together with --from-secret nothing is dropped.
    let run = pullkey(world, ADMIN_TOKEN, &["--from-secret", "--from-pods", "-n", "init-b"]);
    assert!(run.stdout.contains(r#"["quay.io/team", "registry.example.com"]"#), "{}", run.stdout);
    assert!(run.stdout.contains("#   docker.io: init-b\n"), "{}", run.stdout);
}

pub(crate) fn init_says_which_right_is_missing(world: &World) {
    make(world);
    let kubectl = &world.cluster.kubectl;
    let apply = |object: Value| kubectl.run_with_input(&["apply", "-f", "-"], &object.to_string());
    let metadata = json!({"name": "reader", "namespace": "init-a"});
    apply(json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}));
    apply(json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": metadata,
        "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["list"]}],
    }));
    apply(json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": metadata,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"},
        "subjects": [{"kind": "ServiceAccount", "name": "reader", "namespace": "init-a"}],
    }));
    let token = kubectl.run(&["create", "token", "reader", "-n", "init-a"]);
    let token = token.trim();

    let run = pullkey(world, token, &["--from-secret", "-n", "init-a"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stdout.contains(r#"matchImages: ["docker.io"]"#), "{}", run.stdout);

    for (arguments, right) in [
        (&["--from-secret", "-A"][..], "the right to list secrets in all namespaces is missing"),
        (&["--from-secret", "-n", "init-b"], "the right to list secrets in namespace init-b is missing"),
        (&["--from-pods", "-n", "init-a"], "the right to list pods in namespace init-a is missing"),
    ] {
        let run = pullkey(world, token, arguments);
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{}", run.stderr);
        assert!(run.stderr.contains(right), "{}", run.stderr);
        assert!(run.stderr.contains("system:serviceaccount:init-a:reader"), "{}", run.stderr);
    }
    // A namespace without anything is an answer, and no error.
    let run = pullkey(world, ADMIN_TOKEN, &["--from-secret", "-n", "init-empty"]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(1), ""), "{}", run.stderr);
    assert!(run.stderr.contains("0 pull secrets in namespace init-empty"), "{}", run.stderr);
}

/// Secrets in three namespaces; made once, however many trials ask.
fn make(world: &World) {
    let namespace = |name: &str| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    let login = json!({"auth": AUTH});
    let secret = |namespace: &str, name: &str, auths: Value| {
        json!({
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson",
            "metadata": {"name": name, "namespace": namespace},
            "stringData": {".dockerconfigjson": json!({"auths": auths}).to_string()},
        })
    };
    let objects = json!({"apiVersion": "v1", "kind": "List", "items": [
        namespace("init-a"),
        namespace("init-b"),
        namespace("init-empty"),
        secret("init-a", "regcred", json!({"https://index.docker.io/v1/": login})),
        secret("init-b", "regcred", json!({"registry.example.com": login, "quay.io/team/": login})),
        secret("init-b", "poisoned", json!({"ghcr.io": {"auth": PASSWORD}})),
        {
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockercfg",
            "metadata": {"name": "old", "namespace": "init-b"},
            "stringData": {".dockercfg": json!({"r.example.com:5000": login}).to_string()},
        },
        {
            "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
            "metadata": {"name": "opaque", "namespace": "init-b"}, "stringData": {"password": PASSWORD},
        },
    ]});
    world.cluster.kubectl.run_with_input(&["apply", "-f", "-"], &objects.to_string());
}

/// Runs `pullkey init` with a kubeconfig that has this token; nothing secret may come out.
#[track_caller]
fn pullkey(world: &World, token: &str, arguments: &[&str]) -> Run {
    let folder = &world.cluster.folder;
    let kubeconfig = fs::read_to_string(&world.cluster.kubectl.kubeconfig).expect("there is a kubeconfig");
    let file = folder.join("init-kubeconfig");
    fs::write(&file, kubeconfig.replace(ADMIN_TOKEN, token)).expect("a file can be written");
    let mut command: Command = sealed(&program::under_test(), folder);
    command.arg("init").args(arguments).arg("--kubeconfig").arg(&file);
    let output = command.output().expect("the program starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it writes text");
    let run = Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) };
    for text in [&run.stdout, &run.stderr] {
        for secret in [PASSWORD, AUTH, token] {
            assert!(!text.contains(secret), "{text}");
        }
    }
    run
}
