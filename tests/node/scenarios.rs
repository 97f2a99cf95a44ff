//! The five ways people keep private registries, the configuration for them, and the order in which all is created.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::everywhere::{
    debug, everywhere, on_the_node_first, start_the_cron_job, start_the_debuggers, traps,
    use_what_is_on_the_node, workloads,
};
use super::node::PUBLIC_HOST;
use super::objects::{
    apply_example, container, create, create_secret, credentials, helm_install, pod, secret,
};
use super::pods::{Observe, RUNNING};
use super::registry::Account;
use super::support::markdown::read;
use super::world::World;

pub(crate) const SHOP: Account = Account { user: "shop", password: "pw-shop" };
pub(crate) const JANEDOE: Account = Account { user: "janedoe", password: "pw-janedoe" };
const LICENCE: Account = Account { user: "licence", password: "pw-licence" };
/// A key file. bcrypt sees no more than 72 bytes of it, and the last one matters.
const JSON_KEY: Account = Account {
    user: "json_key",
    password: "{\n  \"id\": \"aje0\",\n  \"private_key\": \"-----BEGIN\\nKEY\\n-----\\n\"\n}\n",
};
pub(crate) const WRONG: Account = Account { user: "shop", password: "wrong" };

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

/// What everybody may pull.
pub(crate) const PUBLIC_REPOSITORIES: &[&str] = &["trap-malformed:1", "trap-token:1"];

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
