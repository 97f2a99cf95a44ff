//! Generators: configurations that match often, Pods with everything that may stand in one.
//!
//! All draw from few hosts, paths, names and namespaces, so that most images find an entry.

use proptest::collection::{hash_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::test_runner::FileFailurePersistence;
use pullkey::engine::config::Config;
use pullkey::engine::rules::Rules;
use serde_json::{Map, Value, json};

/// Proptest's own settings, but the seed of a failure is kept beside the test that failed: the folder
/// that it would choose is found from a `lib.rs`, which tests do not have.
pub(crate) fn settings() -> ProptestConfig {
    let beside = FileFailurePersistence::WithSource("regressions");
    ProptestConfig { failure_persistence: Some(Box::new(beside)), ..ProptestConfig::default() }
}

pub(crate) const SECRETS: [&str; 6] = ["alpha", "beta", "gamma", "delta", "regcred", "pull.secret-1"];
pub(crate) const NAMESPACES: [&str; 4] = ["default", "team-a", "team-b", "staging-1"];
const NAMESPACE_GLOBS: [&str; 5] = ["default", "team-*", "*-a", "*", "staging-*"];
const PATTERNS: [&str; 12] = [
    "docker.io",
    "docker.io/library",
    "registry.example.com",
    "registry.example.com/team",
    "registry.example.com/team/app",
    "registry.example.com:5000",
    "*.example.com",
    "*.example.com/team",
    "*.io",
    "localhost:5000",
    "[fd00::1]:5000",
    "my_reg.example.com",
];
const DOMAINS: [&str; 14] = [
    "",
    "",
    "docker.io/",
    "index.docker.io/",
    "registry.example.com/",
    "registry.example.com:5000/",
    "registry.example.com:443/",
    "other.example.com/",
    "registry.example.com.evil.net/",
    "Registry.example.com/",
    "localhost:5000/",
    "[fd00::1]:5000/",
    "my_reg.example.com/",
    "quay.io/",
];
const PATHS: [&str; 7] =
    ["nginx", "team/app", "team", "teams/app", "team/app/deep", "library/nginx", "a__b/c-d.e"];
const SUFFIXES: [&str; 5] = [
    "",
    ":1.2",
    "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    ":1.2@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    ":",
];

/// An image, mostly one that can be read.
pub(crate) fn image() -> impl Strategy<Value = String> {
    let good = (select(&DOMAINS[..]), select(&PATHS[..]), select(&SUFFIXES[..]))
        .prop_map(|(domain, path, suffix)| format!("{domain}{path}{suffix}"));
    prop_oneof![
        12 => good,
        1 => Just("auto".to_owned()),
        1 => Just(String::new()),
        1 => "[a-zA-Z0-9./:@_*\\[\\] -]{0,20}",
        1 => "\\PC{0,12}",
    ]
}

/// A configuration as its YAML would say it.
fn raw_config() -> impl Strategy<Value = Value> {
    let strings = |all: &'static [&'static str], at_least: usize, at_most: usize| {
        subsequence(all.to_vec(), at_least..=at_most).prop_shuffle()
    };
    let registry = (
        strings(&PATTERNS, 1, 3),
        option::weighted(0.2, strings(&PATTERNS, 1, 2)),
        strings(&SECRETS, 1, 3),
        option::weighted(0.3, strings(&NAMESPACE_GLOBS, 1, 2)),
    )
        .prop_map(|(matched, excepted, secrets, namespaces)| {
            let mut entry = json!({"matchImages": matched, "pullSecrets": secrets});
            if let Some(excepted) = excepted {
                entry["exceptImages"] = json!(excepted);
            }
            if let Some(namespaces) = namespaces {
                entry["namespaces"] = json!(namespaces);
            }
            entry
        });
    let always = (strings(&SECRETS, 1, 2), option::of(strings(&NAMESPACE_GLOBS, 1, 2))).prop_map(
        |(secrets, namespaces)| match namespaces {
            Some(namespaces) => json!({"pullSecrets": secrets, "namespaces": namespaces}),
            None => json!({"pullSecrets": secrets}),
        },
    );
    (vec(registry, 1..5), option::weighted(0.3, vec(always, 1..3))).prop_map(|(registries, always)| {
        let mut config = json!({
            "apiVersion": "pullkey.dev/v1alpha1",
            "kind": "InjectorConfiguration",
            "registries": registries,
        });
        if let Some(always) = always {
            config["always"] = json!(always);
        }
        config
    })
}

/// Rules. Those whose pattern is wholly excepted are refused as a configuration, and not generated.
pub(crate) fn rules() -> impl Strategy<Value = Rules> {
    raw_config()
        .prop_filter_map("the configuration is refused", |raw| Config::parse(&raw.to_string()).ok())
        .prop_map(|(config, _)| Rules::new(config))
}

/// A member that may be absent or null, as in Go every member may.
fn maybe(value: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Option<Value>> {
    prop_oneof![5 => value.prop_map(Some), 1 => Just(Some(Value::Null)), 2 => Just(None)].boxed()
}

fn object(
    members: Vec<(&'static str, BoxedStrategy<Option<Value>>)>,
) -> impl Strategy<Value = Value> + use<> {
    let (names, values): (Vec<_>, Vec<_>) = members.into_iter().unzip();
    values.prop_map(move |values| {
        let members = names.iter().zip(values).filter_map(|(name, value)| Some(((*name).to_owned(), value?)));
        Value::Object(members.collect::<Map<_, _>>())
    })
}

fn container() -> impl Strategy<Value = Value> {
    object(vec![
        ("name", Just(Some(json!("c"))).boxed()),
        ("image", maybe(image().prop_map(Value::from))),
        ("restartPolicy", maybe(Just(json!("Always")))),
        ("env", maybe(Just(json!([{"name": "image", "value": "registry.example.com/no"}])))),
    ])
}

fn volume() -> impl Strategy<Value = Value> {
    let image_volume = object(vec![("reference", maybe(image().prop_map(Value::from)))]);
    object(vec![
        ("name", Just(Some(json!("v"))).boxed()),
        ("image", maybe(image_volume)),
        ("rbd", maybe(image().prop_map(|image| json!({"image": image, "pool": "kube"})))),
    ])
}

/// Pull secrets that are there: known and foreign names, repeated, empty or missing ones.
fn present() -> impl Strategy<Value = Value> {
    let reference = prop_oneof![
        8 => select(&SECRETS[..]).prop_map(|name| json!({"name": name})),
        2 => "[a-z]{1,6}".prop_map(|name| json!({"name": name})),
        1 => Just(json!({})),
        1 => Just(json!({"name": ""})),
        1 => Just(json!({"name": null})),
    ];
    vec(reference, 0..4).prop_map(Value::from)
}

/// The spec of a Pod.
pub(crate) fn spec() -> impl Strategy<Value = Value> {
    let containers = |least| vec(container(), least..3).prop_map(Value::from);
    object(vec![
        ("serviceAccountName", maybe(Just(json!("default")))),
        ("imagePullSecrets", maybe(present())),
        ("initContainers", maybe(containers(0))),
        ("containers", containers(1).prop_map(Some).boxed()),
        ("ephemeralContainers", maybe(containers(0))),
        ("volumes", maybe(vec(volume(), 0..3).prop_map(Value::from))),
        ("fromTheFuture", maybe(Just(json!({"image": ["registry.example.com/no"], "n": 1.5})))),
    ])
}

/// The metadata of a Pod; few are mirror Pods or opt out.
pub(crate) fn metadata() -> impl Strategy<Value = Value> {
    let label = prop_oneof![
        1 => Just(json!({"pullkey.dev/inject": "disabled"})),
        1 => Just(json!({"pullkey.dev/inject": "false"})),
        2 => Just(json!({"pullkey.dev/inject": "enabled"})),
        6 => Just(json!({"app": "a: b # c"})),
    ];
    let annotation = prop_oneof![
        1 => Just(json!({"kubernetes.io/config.mirror": "x"})),
        8 => Just(json!({"note": "line\nanother \"line\" \u{1f511}"})),
    ];
    let namespace = select(&NAMESPACES[..]).prop_map(Value::from);
    object(vec![
        ("name", maybe("[a-z]{1,5}".prop_map(Value::from))),
        ("namespace", maybe(namespace)),
        ("labels", maybe(label)),
        ("annotations", maybe(annotation)),
    ])
}

/// A whole Pod.
pub(crate) fn pod() -> impl Strategy<Value = Value> {
    (metadata(), spec()).prop_map(
        |(metadata, spec)| json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}),
    )
}

pub(crate) fn namespace() -> impl Strategy<Value = &'static str> {
    select(&NAMESPACES[..])
}

/// Any JSON.
pub(crate) fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
        select(&["v1", "Pod", "CREATE", "pods", "admission.k8s.io/v1", "AdmissionReview"][..])
            .prop_map(Value::from),
    ];
    let key = prop_oneof![
        select(
            &[
                "apiVersion",
                "kind",
                "request",
                "uid",
                "object",
                "operation",
                "resource",
                "metadata",
                "labels",
                "annotations",
                "spec",
                "containers",
                "image",
                "volumes",
                "imagePullSecrets",
                "name",
                "reference",
            ][..]
        )
        .prop_map(str::to_owned),
        "\\PC{0,5}",
    ];
    leaf.prop_recursive(5, 48, 6, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            hash_set(key.clone(), 0..6)
                .prop_flat_map(move |keys| {
                    let values = vec(inner.clone(), keys.len());
                    (Just(keys), values)
                })
                .prop_map(|(keys, values)| Value::Object(keys.into_iter().zip(values).collect())),
        ]
    })
}
