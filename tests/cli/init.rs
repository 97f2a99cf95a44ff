//! `pullkey init` from files: what it writes, and what it says about what it leaves out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::run::{Folder, Report, Run};

/// The password of every login here. It must never come out.
const PASSWORD: &str = "hunter2";

/// The base64 of user and password, as docker writes it.
fn auth() -> String {
    STANDARD.encode(format!("user:{PASSWORD}"))
}

fn login() -> Value {
    json!({ "auth": auth() })
}

/// Files that docker, podman and their helpers leave behind.
fn docker_configs() -> Vec<(&'static str, Value)> {
    vec![
        (
            "docker login to three registries",
            json!({
                "auths": { "https://index.docker.io/v1/": login(), "ghcr.io": login(), "registry.gitlab.com": login() },
                "HttpHeaders": { "User-Agent": "Docker-Client/19.03.12 (linux)" },
            }),
        ),
        (
            "Docker Desktop",
            json!({
                "auths": {
                    "https://index.docker.io/v1/": {},
                    "https://index.docker.io/v1/access-token": {},
                    "https://index.docker.io/v1/refresh-token": {},
                    "ghcr.io": {},
                },
                "credsStore": "desktop",
                "currentContext": "desktop-linux",
                "plugins": { "-x-cli-hints": { "enabled": "true" } },
                "features": { "hooks": "true" },
            }),
        ),
        (
            "a store beside logins",
            json!({ "auths": { "ghcr.io": login(), "quay.io": {} }, "credsStore": "osxkeychain" }),
        ),
        (
            "ECR and GCR by helpers",
            json!({
                "auths": { "registry.example.com:5000": login() },
                "credHelpers": {
                    "123456789012.dkr.ecr.eu-west-1.amazonaws.com": "ecr-login",
                    "europe-docker.pkg.dev": "gcloud",
                    "registry.gitlab.com": "pass",
                    "https://user:hunter2@r.example.com": "pass",
                },
            }),
        ),
        (
            "podman, with the paths of repositories",
            json!({ "auths": { "quay.io/team": login(), "quay.io/team/app": login(), "docker.io": login() } }),
        ),
        (
            "Yandex, with the key of a service account",
            json!({ "auths": { "cr.yandex": {
                "auth": STANDARD.encode(format!("json_key:{{\"private_key\": \"{PASSWORD}\"}}")),
            } } }),
        ),
        (
            "kubectl create secret docker-registry",
            json!({ "auths": { "https://index.docker.io/v1/": {
                "username": "user", "password": PASSWORD, "email": "user@example.com", "auth": auth(),
            } } }),
        ),
        (
            "user and password only",
            json!({ "auths": { "registry.example.com": { "username": "user", "password": PASSWORD } } }),
        ),
        (
            "keys that serve nothing",
            json!({ "auths": {
                "https://index.docker.io/v1": login(),
                "docker://quay.io": login(),
                "registry": login(),
                "https://registry.example.com/v1": login(),
                "ghcr.io/Team": login(),
                "https://user:hunter2@r.example.com/?token=hunter2": login(),
                "https://user:hunter2?#/@r.example.com": login(),
                "https://bad host": login(),
            } }),
        ),
        (
            "only an identity token",
            json!({ "auths": { "example.azurecr.io": { "identitytoken": PASSWORD } } }),
        ),
        ("nothing", json!({})),
    ]
}

#[test]
fn a_docker_config_becomes_a_configuration() {
    let mut report = Report::default();
    for (what, config) in docker_configs() {
        let folder = Folder::with(&[("config.json", &config.to_string())]);
        let run = folder.run(&["init", "--from-docker-config", "config.json"]);
        assert_usable(&folder, &run);
        report.add(what, &shown(&run));
    }
    report.assert("init_docker_configs");
}

#[test]
fn a_docker_config_that_the_kubelet_could_not_read_is_refused() {
    let mut report = Report::default();
    for config in [
        json!({ "auths": { "quay.io": { "auth": PASSWORD } } }),
        json!({ "auths": { "quay.io": { "auth": "!" } } }),
        json!({ "auths": { "quay.io": { "password": [PASSWORD] } } }),
        json!({ "auths": { "quay.io": PASSWORD } }),
        json!([PASSWORD]),
    ] {
        let folder = Folder::with(&[("config.json", &config.to_string())]);
        let error = folder.run(&["init", "--from-docker-config", "config.json"]).error();
        report.add(&config.to_string().replace(PASSWORD, "PASSWORD"), &error);
    }
    let folder = Folder::with(&[("config.json", &format!("{{\"auths\": {PASSWORD}"))]);
    report.add("no JSON", &folder.run(&["init", "--from-docker-config", "config.json"]).error());
    report.add("no file", &folder.run(&["init", "--from-docker-config", "absent.json"]).error());
    report.assert("init_docker_configs_refused");
}

#[test]
fn the_command_that_makes_the_secret_names_file_and_secret() {
    let folder = Folder::with(&[("it's mine.json", &json!({ "auths": { "quay.io": login() } }).to_string())]);
    let run = folder.run(&["init", "--from-docker-config", "it's mine.json", "--pull-secret", "quay"]);
    assert!(run.stderr.contains(r"generic quay --type=kubernetes.io/dockerconfigjson"), "{}", run.stderr);
    assert!(run.stderr.contains(r"--from-file=.dockerconfigjson='it'\''s mine.json'"), "{}", run.stderr);
    assert!(run.stdout.contains(r#"pullSecrets: ["quay"]"#), "{}", run.stdout);
}

fn secret(namespace: &str, name: &str, auths: &Value) -> Value {
    let text = json!({ "auths": auths }).to_string();
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": { "name": name, "namespace": namespace },
        "type": "kubernetes.io/dockerconfigjson",
        "data": { ".dockerconfigjson": STANDARD.encode(text) },
    })
}

fn manifests(secrets: &[Value]) -> String {
    secrets.iter().map(|secret| format!("{secret}\n")).collect()
}

#[test]
fn entries_are_bound_to_namespaces_only_where_these_differ() {
    let hub = json!({ "https://index.docker.io/v1/": login() });
    let quay = json!({ "quay.io": login() });
    let both = json!({ "https://index.docker.io/v1/": login(), "quay.io": login() });
    let mut report = Report::default();
    for (what, secrets) in [
        ("the same in all", vec![secret("a", "regcred", &hub), secret("b", "regcred", &hub)]),
        ("other registries", vec![secret("a", "regcred", &hub), secret("b", "regcred", &quay)]),
        ("other names", vec![secret("a", "hub", &hub), secret("b", "regcred", &hub)]),
        ("both names in one", vec![secret("a", "hub", &hub), secret("a", "regcred", &both)]),
        (
            "one name in all, another beside it",
            vec![secret("a", "regcred", &hub), secret("b", "regcred", &hub), secret("b", "mirror", &hub)],
        ),
        ("no connection", vec![secret("a", "hub", &hub), secret("b", "quay", &quay)]),
    ] {
        let folder = Folder::with(&[("secrets.json", &manifests(&secrets))]);
        let run = folder.run(&["init", "--from-secret", "secrets.json"]);
        assert_usable(&folder, &run);
        assert_eq!(run.code, 0, "{}", run.stderr);
        report.add(what, &shown(&run));
    }
    report.assert("init_namespaces");
}

#[test]
fn secrets_of_every_kind_are_read_or_named() {
    let text = json!({ "auths": { "quay.io": login() } }).to_string();
    let with = |name: &str, secret_type: &str, data: Value| {
        let data = data.as_object().cloned().unwrap_or_default();
        let mut secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name }, "type": secret_type });
        secret.as_object_mut().expect("it is an object").extend(data);
        secret
    };
    let config_json = "kubernetes.io/dockerconfigjson";
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": [
        with("string-data", config_json, json!({ "stringData": { ".dockerconfigjson": text } })),
        with("both", config_json, json!({
            "data": { ".dockerconfigjson": "e30=" }, "stringData": { ".dockerconfigjson": text } })),
        with("older", "kubernetes.io/dockercfg", json!({ "stringData": { ".dockercfg": json!({ "a.io": login() }).to_string() } })),
        with("poisoned", config_json, json!({ "stringData": { ".dockerconfigjson":
            json!({ "auths": { "quay.io": { "auth": PASSWORD } } }).to_string() } })),
        with("no-base64", config_json, json!({ "data": { ".dockerconfigjson": "{}" } })),
        with("no-data", config_json, json!({})),
        with("no-entry", config_json, json!({ "stringData": { ".dockerconfigjson": "{}" } })),
        with("wrong-type", "Opaque", json!({ "stringData": { ".dockerconfigjson": text } })),
        with("Wrong_Name", config_json, json!({ "stringData": { ".dockerconfigjson": text } })),
        with("empty", config_json, json!({ "stringData": { ".dockerconfigjson": r#"{"auths":{"r.example.com":{}}}"# } })),
        with("path", config_json, json!({ "stringData": { ".dockerconfigjson":
            json!({ "auths": { "r.example.com/team-": login(), "https://r.example.com/v1/v1/x": login() } }).to_string() } })),
        with("sh.helm.release.v1.shop.v1", "helm.sh/release.v1", json!({ "data": { "release": "eA==" } })),
        with("token", "kubernetes.io/service-account-token", json!({ "data": { "token": "eA==" } })),
        { "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "other" } },
        {
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockercfg",
            "metadata": { "name": "default-dockercfg-x7k2p", "annotations": {
                "openshift.io/internal-registry-auth-token.service-account": "default" } },
            "stringData": { ".dockercfg": json!({ "image-registry.openshift-image-registry.svc:5000": login() }).to_string() },
        },
        secret("kube-system", "regcred", &json!({ "quay.io": login() })),
    ] });
    let folder = Folder::with(&[("secrets.json", &list.to_string())]);
    let run = folder.run(&["init", "--from-secret", "secrets.json", "--namespace", "shop"]);
    assert_usable(&folder, &run);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let mut report = Report::default();
    report.add("all in one list", &shown(&run));
    report.assert("init_secrets");
}

#[test]
fn yaml_with_block_scalars_is_read_from_standard_input() {
    let yaml = format!(
        "# A comment.\napiVersion: v1\nkind: Secret\nmetadata:\n  name: regcred\ntype: kubernetes.io/dockerconfigjson\n\
         stringData:\n  .dockerconfigjson: |\n    {{\"auths\": {{\"quay.io\": {{\"auth\": \"{}\"}}}}}}\n---\n---\n",
        auth()
    );
    let folder = Folder::new();
    let run = folder.run_with_stdin(&["init", "--from-secret", "-"], &yaml);
    assert_usable(&folder, &run);
    assert!(run.stdout.contains(r#"matchImages: ["quay.io"]"#), "{}", run.stdout);
}

#[test]
fn nothing_of_a_kubeconfig_is_quoted() {
    let kubeconfig = |user: &str| {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: a\n\
             clusters: [{{name: a, cluster: {{server: 'https://user:{PASSWORD}@127.0.0.1:1'}}}}]\n\
             contexts: [{{name: a, context: {{cluster: a, user: a}}}}]\nusers: [{{name: a, user: {user}}}]\n"
        )
    };
    let plugin = |script: &str| {
        let api = "client.authentication.k8s.io/v1";
        format!(
            "{{exec: {{apiVersion: {api}, interactiveMode: Never, command: /bin/sh, args: [-c, '{script}']}}}}"
        )
    };
    let mut report = Report::default();
    for (fault, user) in [
        ("a list for a token", format!("{{token: [{PASSWORD}]}}")),
        ("a brace too few", format!("{{token: {PASSWORD}")),
        ("a token twice", format!("{{token: {PASSWORD}, token: {PASSWORD}}}")),
        ("a plugin that fails", plugin(&format!("echo {PASSWORD}; echo {PASSWORD} >&2; exit 3"))),
        ("a plugin that prints nonsense", plugin(&format!("echo {PASSWORD}"))),
        ("a password in the URL, and nobody there", "{}".to_owned()),
    ] {
        let kubeconfig = kubeconfig(&user);
        let folder = Folder::with(&[("kubeconfig", kubeconfig.as_str())]);
        let error = folder.run(&["init", "--from-secret", "--kubeconfig", "kubeconfig"]).error();
        assert!(!error.contains(PASSWORD), "{error}");
        report.add(fault, &error);
    }
    report.assert("init_kubeconfig");
}

#[test]
fn what_cannot_be_read_or_asked_for_is_refused() {
    let folder = Folder::with(&[
        ("pod.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\n"),
        ("config.json", r#"{"auths": {}}"#),
        ("broken.yaml", "a: [\n"),
    ]);
    let mut report = Report::default();
    for arguments in [
        &["init"][..],
        &["init", "--from-secret", "config.json"],
        &["init", "--from-secret", "broken.yaml"],
        &["init", "--from-secret", "pod.yaml", "-A"],
        &["init", "--from-secret", "pod.yaml", "-n", "a", "-n", "b"],
        &["init", "--from-secret", "-n", "a", "-A"],
        &["init", "--from-docker-config", "config.json", "--from-pods"],
        &["init", "--from-docker-config", "config.json", "--pull-secret", "A B"],
        &["init", "--from-secret", "pod.yaml", "--pull-secret", "a"],
        &["init", "--from-pods"],
        &["init", "--from-secret", "--kubeconfig", "absent"],
    ] {
        report.add(&format!("pullkey {}", arguments.join(" ")), &folder.run(arguments).error());
    }
    let run = folder.run(&["init", "--from-secret", "pod.yaml"]);
    assert_eq!((run.code, run.stdout.as_str()), (1, ""));
    report.add("pullkey init --from-secret pod.yaml", &run.stderr);
    report.assert("init_refused");
}

/// Nothing secret came out, and what was written passes the check.
#[track_caller]
fn assert_usable(folder: &Folder, run: &Run) {
    for text in [&run.stdout, &run.stderr] {
        for secret in [PASSWORD, &STANDARD.encode(PASSWORD), &auth(), "private_key"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
    assert_eq!(run.code == 0, !run.stdout.is_empty(), "{}", run.stderr);
    if run.code == 0 {
        folder.write("made.yaml", run.stdout.as_bytes());
        folder.run(&["check", "made.yaml"]).result();
    } else {
        assert_eq!(run.code, 1, "{}", run.stderr);
    }
}

fn shown(run: &Run) -> String {
    format!("{}exit code {}\n{}", run.stderr, run.code, run.stdout)
}
