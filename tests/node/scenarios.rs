//! Everything that is created: the five ways people keep private registries, and the rest.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::node::{PRELOADED, PUBLIC_HOST, on_the_node, tools};
use super::pods::{Observe, RUNNING};
use super::registry::Account;
use super::support::markdown::read;
use super::world::World;

const SHOP: Account = Account { user: "shop", password: "pw-shop" };
const JANEDOE: Account = Account { user: "janedoe", password: "pw-janedoe" };
const LICENCE: Account = Account { user: "licence", password: "pw-licence" };
/// A key file. bcrypt sees no more than 72 bytes of it, and the last one matters.
const JSON_KEY: Account = Account {
    user: "json_key",
    password: "{\n  \"id\": \"aje0\",\n  \"private_key\": \"-----BEGIN\\nKEY\\n-----\\n\"\n}\n",
};
const WRONG: Account = Account { user: "shop", password: "wrong" };

/// Whom the registry knows.
pub(crate) const ACCOUNTS: [Account; 4] = [SHOP, JANEDOE, LICENCE, JSON_KEY];

/// What the registry holds. Each is like no other, so that none is on the node because of another.
pub(crate) const REPOSITORIES: &[&str] = &[
    "janedoe/jdoe-private:v1",
    "shop/backend:2.1.0",
    "crp0example/ubuntu:hello",
    "crp1example/ubuntu:hello",
    "app:1.0",
    "proxy/my-app/quay.io/my-org/api:1.0",
    "proxy/my-app/quay.io/my-org/worker:1.0",
    "my-org/api:1.0",
    "everywhere/container:1",
    "everywhere/init:1",
    "everywhere/sidecar:1",
    "everywhere/volume:1",
    "workloads/deployment:1",
    "workloads/statefulset:1",
    "workloads/daemonset:1",
    "workloads/migrate-job:1",
    "workloads/migrate-cronjob:1",
    "debug:1",
    "on-the-node:1",
    "traps:1",
];

type Step = fn(&World);

/// What is created at once.
pub(crate) const FIRST: &[Step] =
    &[regcred, werf, yandex, tanzu, replicated, everywhere, workloads, debug, on_the_node_first, traps];
/// What is done once something of that is there.
pub(crate) const THEN: &[Step] =
    &[fill_the_placeholders, start_the_debuggers, use_what_is_on_the_node, start_the_cron_job];

/// The configuration: that of every example, and what the other cases need.
pub(crate) fn configuration() -> Value {
    let examples = ["regcred", "werf", "yandex", "tanzu", "replicated"];
    let mut registries: Vec<Value> = Vec::new();
    for example in examples {
        let text = read(&format!("examples/{example}/config.yaml"));
        let mut own: Value =
            serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{example}: {error}"));
        registries.append(own["registries"].as_array_mut().expect("a configuration has registries"));
    }
    let traps = json!({"matchImages": ["traps.example.com", PUBLIC_HOST], "pullSecrets": ["first", "second"], "namespaces": ["trap-*"]});
    registries.push(traps);
    json!({
        "apiVersion": "pullkey.dev/v1alpha1",
        "kind": "InjectorConfiguration",
        "registries": registries,
        "always": [{"pullSecrets": ["debug-tools"], "namespaces": ["debug"]}],
    })
}

/// The content of a Secret: a credential for each of these keys.
pub(crate) fn credentials(entries: &[(&str, Account)]) -> Value {
    let entries = entries.iter().map(|(key, Account { user, password })| {
        ((*key).to_owned(), json!({"username": user, "password": password}))
    });
    json!({"auths": entries.collect::<serde_json::Map<_, _>>()})
}

fn regcred(world: &World) {
    world.make_namespaces(&["regcred", "regcred-unlabelled", "regcred-wrong", "regcred-one", "regcred-none"]);
    let own = "your.private.registry.example.com";
    for (namespace, account) in
        [("regcred", JANEDOE), ("regcred-unlabelled", JANEDOE), ("regcred-wrong", WRONG)]
    {
        // The command of the Kubernetes documentation.
        create_secret(world, namespace, "regcred", "https://index.docker.io/v1/", account);
        create_secret(world, namespace, "private-registry", own, account);
    }
    let both = credentials(&[("https://index.docker.io/v1/", JANEDOE), (own, JANEDOE)]);
    create(world, &[secret("regcred-one", "regcred", &both)]);
    for namespace in ["regcred", "regcred-unlabelled", "regcred-wrong", "regcred-one", "regcred-none"] {
        apply_example(world, namespace, "regcred/pod.yaml");
    }
}

fn werf(world: &World) {
    world.make_namespaces(&["werf", "werf-unlabelled", "werf-wrong"]);
    for (namespace, password) in
        [("werf", SHOP.password), ("werf-unlabelled", SHOP.password), ("werf-wrong", "wrong")]
    {
        let password = format!("registry.password={password}");
        helm_install(world, namespace, "werf", &["registry.login=shop", &password]);
    }
}

fn yandex(world: &World) {
    world.make_namespaces(&["yandex", "yandex-unlabelled", "yandex-wrong"]);
    let last_line_end_lost = Account { password: JSON_KEY.password.trim_end(), ..JSON_KEY };
    for (namespace, account) in
        [("yandex", JSON_KEY), ("yandex-unlabelled", JSON_KEY), ("yandex-wrong", last_line_end_lost)]
    {
        create_secret(world, namespace, "yc-registry-secret", "cr.yandex", account);
        apply_example(world, namespace, "yandex/pod.yaml");
    }
    // With the first Secret it would run.
    create_secret(world, "yandex", "yc-registry-secret-data", "cr.yandex", WRONG);
    create(
        world,
        &[pod("yandex", "data", json!({"containers": [container("cr.yandex/crp1example/ubuntu:hello")]}))],
    );
}

fn tanzu(world: &World) {
    let namespaces = ["tanzu", "tanzu-unlabelled", "tanzu-wrong", "tanzu-with-one"];
    world.make_namespaces(&namespaces);
    for namespace in namespaces {
        let elsewhere = credentials(&[("registry.elsewhere.example.com", WRONG)]);
        create(world, &[secret(namespace, "anyothersecretname", &elsewhere)]);
        let values: &[&str] = match namespace {
            "tanzu-with-one" => &["imagePullSecrets[0].name=anyothersecretname"],
            _ => &[],
        };
        helm_install(world, namespace, "tanzu", values);
    }
}

/// What secretgen-controller does; the Pods must be those that waited.
fn fill_the_placeholders(world: &World) {
    let uids = || {
        let names = "jsonpath={.items[*].metadata.uid}";
        world.cluster.kubectl.run(&["get", "pods", "-n", "tanzu", "-o", names])
    };
    let before = uids();
    for namespace in ["tanzu", "tanzu-unlabelled", "tanzu-wrong", "tanzu-with-one"] {
        let account = if namespace == "tanzu-wrong" { WRONG } else { SHOP };
        let filled = credentials(&[("registry.example.com:5000", account)]).to_string();
        let patch = json!({"stringData": {".dockerconfigjson": filled}}).to_string();
        world.cluster.kubectl.run(&[
            "patch",
            "secret",
            "myplaceholdersecretname",
            "-n",
            namespace,
            "-p",
            &patch,
        ]);
    }
    world.until_it_is(Observe::Pods("tanzu", "app-"), RUNNING);
    assert_eq!(uids(), before, "the Pod was made anew");
}

fn replicated(world: &World) {
    world.make_namespaces(&["replicated", "replicated-unlabelled", "replicated-wrong"]);
    for (namespace, account) in
        [("replicated", LICENCE), ("replicated-unlabelled", LICENCE), ("replicated-wrong", WRONG)]
    {
        let hosts = [("proxy.replicated.com", account), ("images.vendor.example", account)];
        let value = STANDARD.encode(credentials(&hosts).to_string());
        let value = format!("global.replicated.dockerconfigjson={value}");
        helm_install(world, namespace, "replicated", &[&value]);
    }
    create(world, &[pod("replicated", "quay", json!({"containers": [container("quay.io/my-org/api:1.0")]}))]);
}

fn everywhere(world: &World) {
    let namespaces = ["everywhere", "everywhere-unlabelled"];
    world.make_namespaces(&namespaces);
    let image = |name: &str| format!("registry.example.com/everywhere/{name}:1");
    // Ends at once, as an init container shall, because of its name.
    let mut init = container(&image("init"));
    init["command"] = json!(["/app/migrate"]);
    let mut sidecar = container(&image("sidecar"));
    sidecar["name"] = json!("sidecar");
    sidecar["restartPolicy"] = json!("Always");
    init["name"] = json!("init");
    // The program comes from the volume, so it does not run unless that is mounted.
    let mut mounting = container(PRELOADED);
    mounting["command"] = json!(["/volume/run"]);
    mounting["volumeMounts"] = json!([{"name": "volume", "mountPath": "/volume"}]);
    let volume = json!([{"name": "volume", "image": {"reference": image("volume")}}]);
    for namespace in namespaces {
        let secret = secret(namespace, "registrysecret", &credentials(&[("registry.example.com", SHOP)]));
        create(
            world,
            &[
                secret,
                pod(namespace, "container", json!({"containers": [container(&image("container"))]})),
                pod(
                    namespace,
                    "init",
                    json!({"initContainers": [init], "containers": [container(PRELOADED)]}),
                ),
                pod(
                    namespace,
                    "sidecar",
                    json!({"initContainers": [sidecar], "containers": [container(PRELOADED)]}),
                ),
                pod(namespace, "volume", json!({"containers": [mounting], "volumes": volume})),
            ],
        );
    }
}

fn workloads(world: &World) {
    world.make_namespaces(&["workloads"]);
    let template = |name: &str, image: &str, restart: &str| {
        let mut container = container(&format!("registry.example.com/workloads/{image}:1"));
        if restart == "Never" {
            container["command"] = json!(["/app/migrate"]);
        }
        json!({
            "metadata": {"labels": {"app": name}},
            "spec": {"restartPolicy": restart, "terminationGracePeriodSeconds": 1, "containers": [container]},
        })
    };
    let workload = |kind: &str, name: &str, more: Value| {
        let mut spec = json!({
            "selector": {"matchLabels": {"app": name}},
            "template": template(name, name, "Always"),
        });
        merge(&mut spec, more);
        object("apps/v1", kind, "workloads", name, json!({"spec": spec}))
    };
    let job = json!({"template": template("job", "migrate-job", "Never")});
    let nightly = json!({"spec": {"template": template("cronjob", "migrate-cronjob", "Never")}});
    create(
        world,
        &[
            secret("workloads", "registrysecret", &credentials(&[("registry.example.com", SHOP)])),
            workload("Deployment", "deployment", json!({"replicas": 2})),
            workload("StatefulSet", "statefulset", json!({"replicas": 2, "podManagementPolicy": "Parallel"})),
            workload("DaemonSet", "daemonset", json!({})),
            object("batch/v1", "Job", "workloads", "job", json!({"spec": job})),
            // Never on its own: on the last day of February of a year that has none.
            object(
                "batch/v1",
                "CronJob",
                "workloads",
                "nightly",
                json!({"spec": {"schedule": "0 0 30 2 *", "jobTemplate": nightly}}),
            ),
        ],
    );
}

fn start_the_cron_job(world: &World) {
    world.cluster.kubectl.run(&["create", "job", "started", "--from=cronjob/nightly", "-n", "workloads"]);
}

fn debug(world: &World) {
    world.make_namespaces(&["debug", "debug-without"]);
    for namespace in ["debug", "debug-without"] {
        create(
            world,
            &[
                secret(namespace, "debug-tools", &credentials(&[("tools.example.com", SHOP)])),
                pod(namespace, "app", json!({"containers": [container(PRELOADED)]})),
            ],
        );
    }
}

fn start_the_debuggers(world: &World) {
    for namespace in ["debug", "debug-without"] {
        let arguments = ["debug", "app", "-n", namespace, "--image=tools.example.com/debug:1", "--quiet"];
        world.cluster.kubectl.run(&arguments);
    }
}

fn on_the_node_first(world: &World) {
    let namespaces = ["on-the-node", "on-the-node-unlabelled"];
    world.make_namespaces(&namespaces);
    for namespace in namespaces {
        create(
            world,
            &[secret(namespace, "registrysecret", &credentials(&[("registry.example.com", SHOP)]))],
        );
    }
    let image = "registry.example.com/on-the-node:1";
    create(world, &[pod("on-the-node", "first", json!({"containers": [container(image)]}))]);
}

fn use_what_is_on_the_node(world: &World) {
    world.until_it_is(Observe::Pods("on-the-node", "first"), RUNNING);
    for namespace in ["on-the-node", "on-the-node-unlabelled"] {
        let pods = [("second", "IfNotPresent"), ("third", "Never")].map(|(name, policy)| {
            let mut container = container("registry.example.com/on-the-node:1");
            container["imagePullPolicy"] = json!(policy);
            pod(namespace, name, json!({"containers": [container]}))
        });
        create(world, &pods);
    }
}

fn traps(world: &World) {
    let namespaces = ["trap-malformed", "trap-slash", "trap-order", "trap-opaque", "trap-token"];
    world.make_namespaces(&namespaces);
    let right = credentials(&[("traps.example.com", SHOP)]);
    let malformed = json!({"auths": {"unrelated.example.com": {"auth": "not base64"}}});
    let token = json!({"identitytoken": "a-token"});
    let tokens = json!({"auths": {"traps.example.com": token, PUBLIC_HOST: token}});
    let empty = json!({"auths": {}});
    let mut opaque = secret("trap-opaque", "first", &right);
    opaque["type"] = json!("Opaque");
    let app = |namespace: &str| {
        pod(namespace, "app", json!({"containers": [container("traps.example.com/traps:1")]}))
    };
    let public = format!("{PUBLIC_HOST}/free:1");
    create(
        world,
        &[
            secret("trap-malformed", "first", &right),
            secret("trap-malformed", "second", &malformed),
            app("trap-malformed"),
            secret("trap-slash", "regcred", &credentials(&[("https://index.docker.io/v1", JANEDOE)])),
            pod("trap-slash", "app", json!({"containers": [container("janedoe/jdoe-private:v1")]})),
            secret("trap-order", "first", &credentials(&[("traps.example.com", WRONG)])),
            secret("trap-order", "second", &right),
            app("trap-order"),
            opaque,
            secret("trap-opaque", "second", &empty),
            app("trap-opaque"),
            secret("trap-token", "first", &tokens),
            secret("trap-token", "second", &empty),
            app("trap-token"),
            pod("trap-token", "public", json!({"containers": [container(&public)]})),
        ],
    );
}

/// `kubectl create secret docker-registry`.
fn create_secret(world: &World, namespace: &str, name: &str, server: &str, account: Account) {
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

fn apply_example(world: &World, namespace: &str, file: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(file);
    world.cluster.kubectl.run(&["apply", "-n", namespace, "-f", &path.display().to_string()]);
}

/// `helm install` of an example's chart.
fn helm_install(world: &World, namespace: &str, example: &str, values: &[&str]) {
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

fn create(world: &World, objects: &[Value]) {
    let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
    world.cluster.kubectl.run_with_input(&["create", "-f", "-"], &list.to_string());
}

fn container(image: &str) -> Value {
    json!({"name": "app", "image": image})
}

fn pod(namespace: &str, name: &str, mut spec: Value) -> Value {
    spec["terminationGracePeriodSeconds"] = json!(1);
    object("v1", "Pod", namespace, name, json!({"spec": spec}))
}

fn secret(namespace: &str, name: &str, content: &Value) -> Value {
    let data = json!({".dockerconfigjson": content.to_string()});
    object(
        "v1",
        "Secret",
        namespace,
        name,
        json!({"type": "kubernetes.io/dockerconfigjson", "stringData": data}),
    )
}

fn object(version: &str, kind: &str, namespace: &str, name: &str, more: Value) -> Value {
    let metadata = json!({"name": name, "namespace": namespace});
    let mut object = json!({"apiVersion": version, "kind": kind, "metadata": metadata});
    merge(&mut object, more);
    object
}

fn merge(object: &mut Value, more: Value) {
    if let (Value::Object(object), Value::Object(more)) = (object, more) {
        object.extend(more);
    }
}
