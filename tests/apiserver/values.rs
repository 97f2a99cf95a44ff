//! Generated values of the chart: each set is refused by the schema, or renders objects that the API server takes.
//!
//! And whatever the values are, the webhook never sees pullkey's own Pods, its namespace, or kube-system.

use std::collections::BTreeSet;
use std::fs;
use std::thread;

use serde_json::{Value, json};

use crate::manifests::{install_cert_manager_kinds, install_monitoring_kinds};
use crate::support::api::Api;
use crate::support::helm::Helm;
use crate::world::{World, repository};

/// So many sets of values; `PULLKEY_CHART_SEED` repeats those of a failure.
const SETS: usize = 300;
const NAMESPACES: [&str; 3] = ["pullkey-system", "kube-system", "default"];

pub(crate) fn generated_values_are_refused_or_render_what_the_api_server_takes(world: &World) {
    let Some(versions) = Helm::both_or_skip("generated values", &world.cluster.folder) else { return };
    install_cert_manager_kinds(world);
    install_monitoring_kinds(world);
    let api = Api::new(&world.cluster.kubectl.kubeconfig);
    let seed = std::env::var("PULLKEY_CHART_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("PULLKEY_CHART_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let sets: Vec<Set> = (0..SETS).map(|_| Set::generate(&mut random)).collect();
    let halves = sets.split_at(SETS / 2);
    let (left, right) = thread::scope(|scope| {
        let half = |helm, sets| scope.spawn(move || render_all(world, helm, sets));
        let halves = (half(&versions[0], halves.0), half(&versions[1], halves.1));
        (halves.0.join().expect("a half"), halves.1.join().expect("a half"))
    });
    let (mut rendered, mut refused, mut sent, mut made) = (0, 0, BTreeSet::new(), BTreeSet::new());
    for (set, outcome) in sets.iter().zip(left.into_iter().chain(right)) {
        let what = || format!("seed {seed}, {}: {}", set.namespace, set.values);
        match outcome {
            Ok(objects) => {
                assert!(!set.is_wrong, "a wrong value was taken: {}", what());
                rendered += 1;
                assert_leaves_alone(&objects, set.namespace, &what());
                // `helm test` makes a namespace, and then what lies in it.
                for name in objects.iter().filter(|object| object["kind"] == "Namespace") {
                    let name = name["metadata"]["name"].as_str().expect("it has a name").to_owned();
                    if made.insert(name.clone()) {
                        world.make_namespaces(&[(&name, json!({}))]);
                    }
                }
                // Most objects do not depend on most values.
                for object in objects.into_iter().filter(|object| sent.insert(object.to_string())) {
                    let taken = api.post(&path(&object), &renamed(object.clone()));
                    taken.unwrap_or_else(|message| panic!("{message}\n{object}\n{}", what()));
                }
            }
            Err(message) => {
                assert!(set.is_wrong, "{message}\n{}", what());
                // Not a failure of a template.
                assert!(message.contains("- at '"), "{message}");
                refused += 1;
            }
        }
    }
    for name in &made {
        world.cluster.kubectl.run(&["delete", "namespace", name, "--wait=false"]);
    }
    println!("{rendered} sets rendered {} different objects, {refused} were refused", sent.len());
    assert!(rendered > SETS / 3 && refused > SETS / 5, "{rendered} rendered, {refused} refused");
}

/// What one version of Helm says to each set.
fn render_all(world: &World, helm: &Helm, sets: &[Set]) -> Vec<Result<Vec<Value>, String>> {
    let version = helm.program.file_name().expect("a program has a name").display();
    let file = world.cluster.folder.join(format!("values-{version}.yaml"));
    let (values, chart) = (file.display().to_string(), repository("deploy/chart").display().to_string());
    let render = |set: &Set| {
        // YAML reads JSON.
        fs::write(&file, set.values.to_string()).expect("a file can be written");
        let arguments = ["template", "pullkey", &chart, "--namespace", set.namespace, "--values", &values];
        let printed = helm.attempt(&arguments)?;
        Ok(serde_saphyr::from_multiple(&printed).expect("Helm writes YAML"))
    };
    sets.iter().map(render).collect()
}

/// Conditions of a selector are joined by "and": whatever others there are, these exclude what must be excluded.
#[track_caller]
fn assert_leaves_alone(objects: &[Value], namespace: &str, what: &str) {
    let the = |kind: &str| {
        objects.iter().find(|object| object["kind"] == kind).unwrap_or_else(|| panic!("no {kind}: {what}"))
    };
    let registration = the("MutatingWebhookConfiguration");
    assert!(!registration.to_string().contains("caBundle"), "{what}");
    let [webhook] = &registration["webhooks"].as_array().expect("a list")[..] else { panic!("{what}") };
    let excludes = |selector: &Value, key: &str, values: &[&str]| {
        let only_expressions = selector.as_object().is_some_and(|selector| selector.len() == 1);
        let expressions = selector["matchExpressions"].as_array().expect("a list");
        only_expressions
            && expressions.iter().any(|expression| {
                let listed = expression["values"].as_array().into_iter().flatten().collect::<Vec<_>>();
                expression["key"] == key
                    && expression["operator"] == "NotIn"
                    && values.iter().all(|value| listed.iter().any(|listed| *listed == value))
            })
    };
    let namespaces = ["kube-system", namespace];
    assert!(excludes(&webhook["namespaceSelector"], "kubernetes.io/metadata.name", &namespaces), "{what}");
    assert!(excludes(&webhook["objectSelector"], "pullkey.dev/inject", &["disabled", "false"]), "{what}");
    let pod = &the("Deployment")["spec"]["template"];
    assert_eq!(pod["metadata"]["labels"]["pullkey.dev/inject"], "disabled", "{what}");
    let selector = the("Service")["spec"]["selector"].as_object().expect("a selector");
    for (key, value) in selector {
        assert_eq!(&pod["metadata"]["labels"][key], value, "{what}");
    }
}

/// Under a name that no object has that is there.
fn renamed(mut object: Value) -> Value {
    object["metadata"]["name"] = "generated".into();
    // Its own account is made before it, and here nothing is.
    if object["kind"] == "Pod" {
        object["spec"]["serviceAccountName"] = "default".into();
    }
    object
}

/// Where the API server takes an object, and checks it as it would before it stores it.
fn path(object: &Value) -> String {
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let (version, kind) = (text(&object["apiVersion"]), text(&object["kind"]).to_lowercase());
    let plural = match kind.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None => format!("{kind}s"),
    };
    let root = if version.contains('/') { format!("/apis/{version}") } else { format!("/api/{version}") };
    let namespace = object["metadata"]["namespace"].as_str();
    let namespace = namespace.map_or(String::new(), |namespace| format!("/namespaces/{namespace}"));
    format!("{root}{namespace}/{plural}?dryRun=All&fieldValidation=Strict")
}

/// Some values.
#[derive(Debug)]
struct Set {
    namespace: &'static str,
    values: Value,
    is_wrong: bool,
}

impl Set {
    fn generate(random: &mut fastrand::Rng) -> Self {
        let (mut right, mut wrong) = (Vec::new(), Vec::new());
        for (path, rights, wrongs) in choices() {
            right.extend(rights.into_iter().map(|value| (path, value)));
            wrong.extend(wrongs.into_iter().map(|value| (path, value)));
        }
        let mut values = json!({});
        for _ in 0..random.usize(1..10) {
            let (path, value) = &right[random.usize(..right.len())];
            set(&mut values, path, value.clone());
        }
        // The last one, so that no right one takes its place.
        let is_wrong = random.u8(..3) == 0;
        if is_wrong {
            let (path, value) = &wrong[random.usize(..wrong.len())];
            set(&mut values, path, value.clone());
        }
        Self { namespace: NAMESPACES[random.usize(..NAMESPACES.len())], values, is_wrong }
    }
}

fn set(values: &mut Value, path: &str, value: Value) {
    let place = path.split('.').fold(values, |place, step| {
        if !place.is_object() {
            *place = json!({});
        }
        &mut place[step]
    });
    *place = value;
}

/// Paths of values, with right ones and wrong ones. No two right ones exclude each other.
#[expect(clippy::too_many_lines, reason = "it is a table")]
fn choices() -> Vec<(&'static str, Vec<Value>, Vec<Value>)> {
    let list = |value: Value| value.as_array().expect("a list").clone();
    let choice = |path, right, wrong| (path, list(right), list(wrong));
    let expression =
        json!({"key": "pullkey.dev/inject", "operator": "In", "values": ["enabled", "disabled"]});
    let system = json!({"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["kube-system"]});
    let entry =
        json!({"matchImages": ["*.example.com:5000/team"], "pullSecrets": ["a.b"], "namespaces": ["t-*"]});
    let condition = json!({"name": "named", "expression": "object.metadata.name != ''"});
    let peer = json!({"ipBlock": {"cidr": "10.0.0.0/28", "except": ["10.0.0.1/32"]}});
    let affinity = json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
        "nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "operator": "Exists"}]}]}}});
    let spread = json!({"topologyKey": "a", "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule"});
    vec![
        choice("nothing", json!([]), json!([1, "a", {}])),
        choice("config", json!([{"registries": [entry]}, {"always": []}, "any text", null]), json!([[], ""])),
        choice(
            "config.registries",
            json!([[], [entry, entry]]),
            json!([[{}], [{"matchImages": ["a b"], "pullSecrets": ["c"]}]]),
        ),
        choice(
            "image.registry",
            json!(["", "registry.example.com:5000/mirror"]),
            json!(["https://a", "a b"]),
        ),
        choice("image.repository", json!(["infra/pullkey", "r.example.com:5000/a"]), json!(["A/b@", ""])),
        choice("image.tag", json!(["", "v1.2_3"]), json!(["a/b", 1])),
        choice("image.digest", json!(["", format!("sha256:{}", "0a".repeat(32))]), json!(["sha256:0"])),
        choice("image.pullPolicy", json!(["", "Always", "Never"]), json!(["always"])),
        choice("imagePullSecrets", json!([[], [{"name": "regcred"}]]), json!([["regcred"], [{"name": "A"}]])),
        choice("certificate.mode", json!(["selfIssued", "files", "certManager"]), json!(["", "self-issued"])),
        choice("certificate.secretName", json!(["", "own.tls"]), json!(["_", 3])),
        choice("certificate.issuer.name", json!(["", "corporate"]), json!(["a b"])),
        choice("certificate.issuer.kind", json!(["Issuer", "ClusterIssuer"]), json!([""])),
        choice("webhook.failurePolicy", json!(["Fail", "Ignore"]), json!(["ignore", null])),
        choice("webhook.timeoutSeconds", json!([1, 30]), json!([0, 31, 1.5, "5"])),
        choice("webhook.matchConditions", json!([[], [condition]]), json!([[{"name": "a"}], {}])),
        choice("namespaces.mode", json!(["optIn", "optOut"]), json!(["all"])),
        choice("namespaces.exclude", json!([[], ["default", "kube-system"]]), json!([["A"], "default"])),
        choice(
            "namespaces.matchExpressions",
            json!([[], [system, expression]]),
            json!([[{"key": "a", "operator": "In"}], [{"key": "a", "operator": "Is"}]]),
        ),
        choice("namespaces.matchLabels", json!([]), json!([{"a": "b"}])),
        choice(
            "pods.matchExpressions",
            json!([[expression], [{"key": "a/b", "operator": "DoesNotExist"}]]),
            json!([[{"key": "a", "operator": "Exists", "values": ["b"]}]]),
        ),
        choice("replicas", json!([2, 3, 20]), json!([0, "2", 65])),
        choice(
            "rollingUpdate",
            json!([{"maxSurge": 0, "maxUnavailable": 1}, {"maxSurge": 2}]),
            json!([{"maxSurge": 0, "maxUnavailable": 0}, {"maxUnavailable": "50%"}]),
        ),
        choice("drainTimeoutSeconds", json!([15, 60, 3600]), json!([14, 3601])),
        choice("port", json!([443, 10250, 65535]), json!([0, 65536])),
        choice("adminPort", json!([8081, 9090]), json!(["http", -1])),
        choice("hostNetwork", json!([true, false]), json!(["yes"])),
        choice(
            "resources.limits",
            json!([{"memory": "1Gi", "cpu": 2}, {"memory": null}]),
            json!([{"memory": "much"}, {"gpu": 1}]),
        ),
        choice("priorityClassName", json!(["", "system-node-critical"]), json!(["A"])),
        choice("resourceQuota.enabled", json!([true, false]), json!([1])),
        choice("nodeSelector", json!([{}, {"disk": "fast"}]), json!([{"a": 1}, []])),
        choice(
            "tolerations",
            json!([[], [{"operator": "Exists"}], [{"key": "a", "effect": "NoSchedule"}]]),
            json!([[{"operator": "In"}], [{"kee": "a"}]]),
        ),
        choice("affinity", json!([{}, affinity]), json!([{"node": {}}])),
        choice("topologySpreadConstraints", json!([null, [], [spread]]), json!(["none"])),
        choice("podAnnotations", json!([{}, {"example.com/a": "true"}]), json!([{"a": true}])),
        choice(
            "podLabels",
            json!([{}, {"team": "infra", "app.kubernetes.io/part-of": "x"}]),
            json!([{"pullkey.dev/inject": "enabled"}, {"app.kubernetes.io/name": "x"}]),
        ),
        choice(
            "flags",
            json!([{"log-level": "warn", "reload": true}, {"max-requests": 3_000_000, "idle-timeout": "2m"}]),
            json!([{"config": "x"}, {"log-level": "loud"}, {"reload": false}]),
        ),
        choice("networkPolicy.enabled", json!([true, false]), json!(["true"])),
        choice("networkPolicy.apiServers", json!([[], [peer]]), json!([[{}], [{"cidr": "10.0.0.0/8"}]])),
        choice("networkPolicy.monitoring", json!([[{"namespaceSelector": {}}]]), json!([{}])),
        choice(
            "monitoring.podMonitor",
            json!([{"enabled": true}, {"enabled": true, "interval": "5s", "labels": {"a": "b"}}]),
            json!([true]),
        ),
        choice(
            "monitoring.alerts",
            json!([{"enabled": true, "repository": "https://git.example.com/"}]),
            json!([{"repository": "https://git.example.com"}]),
        ),
        choice("monitoring.dashboard.enabled", json!([true]), json!([null, "on"])),
        choice("test.namespaceLabels", json!([{}, {"team": "infra"}]), json!([null, {"a": true}])),
        choice("nameOverride", json!(["", "my-pullkey", "x"]), json!(["1a", "A", "a.b"])),
        choice("global", json!([{}, {"a": 1}]), json!(["a"])),
    ]
}
