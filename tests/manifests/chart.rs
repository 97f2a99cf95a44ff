//! The Helm chart says what `kubectl kustomize` says, object by object.
//!
//! What may differ is listed here: the Namespace is the release's own, labels of Helm are added, and the end of the
//! name of the `ConfigMap` is another hash.

use std::collections::BTreeMap;
use std::env;
use std::path::Path;

use clap::{CommandFactory as _, Parser as _};
use pullkey::cli::{Cli, Command};
use serde_json::Value;

use super::helm::Helm;
use super::labels::{labels, selects};
use super::render::{Deploy, Rendered, list, repository, text};
use super::{SOURCES, folder, registration, renamed, with_components};

/// Labels that only the chart writes, and only on objects, never on Pods.
const LABELS_OF_HELM: [&str; 3] =
    ["app.kubernetes.io/instance", "app.kubernetes.io/managed-by", "helm.sh/chart"];

/// What the chart renders as the release `pullkey` with these flags, by both versions of Helm; without the Pod of
/// `helm test`, which kustomize knows nothing of.
#[track_caller]
fn both(test: &str, namespace: &str, flags: &[&str]) -> Option<[Rendered; 2]> {
    let versions = Helm::both_or_skip(test, Path::new(env!("CARGO_TARGET_TMPDIR")))?;
    let flags = [flags, &["--skip-tests"]].concat();
    Some(
        versions.map(|helm| template(&helm, namespace, &flags).unwrap_or_else(|message| panic!("{message}"))),
    )
}

fn template(helm: &Helm, namespace: &str, flags: &[&str]) -> Result<Rendered, String> {
    let chart = repository().join("deploy/chart").display().to_string();
    let arguments = [&["template", "pullkey", &chart, "--namespace", namespace][..], flags].concat();
    Ok(Rendered::parse(helm.attempt(&arguments)?))
}

/// Fails when the chart and the rendering differ in more than what is listed above.
#[track_caller]
fn assert_same(name: &str, kustomize: &Rendered, chart: &Rendered) {
    let (expected, found) = (comparable(kustomize), comparable(chart));
    assert_eq!(expected.keys().collect::<Vec<_>>(), found.keys().collect::<Vec<_>>(), "{name}");
    for (object, expected) in &expected {
        assert_eq!(expected, &found[object], "{name}: {object}");
    }
}

/// The objects as text, by kind and name, without what may differ.
fn comparable(rendered: &Rendered) -> BTreeMap<String, String> {
    let mut objects = BTreeMap::new();
    for document in &rendered.documents {
        let kind = text(&document["kind"]);
        // The Secret with the certificate files is not the chart's, either.
        if matches!(kind, "Namespace" | "Secret") {
            continue;
        }
        let mut document = document.clone();
        for label in LABELS_OF_HELM {
            let labels = document["metadata"]["labels"].as_object_mut().expect("every object has labels");
            labels.remove(label);
        }
        // Cluster-scoped; see `following.rs`.
        if kind.starts_with("ValidatingAdmissionPolicy") {
            document["metadata"].as_object_mut().expect("an object").remove("namespace");
        }
        for pointer in [
            "/metadata/name",
            "/spec/template/spec/volumes/0/projected/sources/0/configMap/name",
            "/spec/template/spec/volumes/0/projected/sources/1/secret/name",
        ] {
            if let Some(name) = document.pointer_mut(pointer) {
                *name = without_hash(text(name)).into();
            }
        }
        let name = text(&document["metadata"]["name"]);
        objects.insert(format!("{kind} {name}"), sorted(&document).to_string());
    }
    objects
}

fn without_hash(name: &str) -> &str {
    let stems = ["pullkey-config", "pullkey-tls"];
    let end = stems.iter().find_map(|stem| Some(name.find(stem)? + stem.len()));
    end.map_or(name, |end| &name[..end])
}

/// The same with the members of all objects in one order.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let members: BTreeMap<_, _> = members.iter().collect();
            members.into_iter().map(|(key, value)| (key.clone(), sorted(value))).collect()
        }
        Value::Array(list) => list.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

/// The value of `certificate.mode` for a way to a certificate.
fn mode(source: &str) -> &'static str {
    match source {
        "self-issued" => "certificate.mode=selfIssued",
        "files" => "certificate.mode=files",
        _ => "certificate.mode=certManager",
    }
}

#[test]
fn the_default_values_render_the_default_of_kustomize() {
    let Some(deploy) = Deploy::copy_or_skip("manifests: chart") else { return };
    let Some(charts) = both("manifests: chart", "pullkey-system", &[]) else { return };
    for chart in charts {
        assert_same("default", &deploy.render(""), &chart);
    }
}

#[test]
fn every_way_to_a_certificate_and_every_component_is_a_value() {
    let Some(deploy) = Deploy::copy_or_skip("manifests: chart") else { return };
    for source in SOURCES {
        for (components, flags) in [
            (&[][..], &[][..]),
            (&["opt-out"], &["--set", "namespaces.mode=optOut"]),
            (&["fail-open"], &["--set", "webhook.failurePolicy=Ignore"]),
        ] {
            let flags = [&["--set", mode(source)], flags].concat();
            let Some(charts) = both("manifests: chart", "pullkey-system", &flags) else { return };
            let kustomize = if components.is_empty() {
                deploy.render(&folder(source))
            } else {
                deploy.render_own(&with_components(source, components))
            };
            for chart in charts {
                assert_same(&format!("{flags:?}"), &kustomize, &chart);
            }
        }
    }
}

#[test]
fn monitoring_is_that_of_the_component() {
    let Some(deploy) = Deploy::copy_or_skip("manifests: chart") else { return };
    let all =
        "monitoring.podMonitor.enabled=true,monitoring.alerts.enabled=true,monitoring.dashboard.enabled=true";
    let Some(charts) = both("manifests: chart", "pullkey-system", &["--set", all]) else { return };
    let kustomize = deploy.render_own(&with_components("self-issued", &["monitoring"]));
    for chart in charts {
        assert_same("monitoring", &kustomize, &chart);
    }
    let flags = ["--set", all, "--set", "monitoring.alerts.repository=https://git.example.com/pullkey/"];
    let Some(charts) = both("manifests: chart", "pullkey-system", &flags) else { return };
    for chart in charts {
        let rules = chart.the("PrometheusRule")["spec"].to_string();
        let links = rules.matches("https://git.example.com/pullkey/docs/runbooks/").count();
        assert!(links > 9 && links == rules.matches("docs/runbooks/").count(), "{rules}");
    }
}

#[test]
fn the_namespace_of_the_release_and_another_name_are_followed() {
    let Some(deploy) = Deploy::copy_or_skip("manifests: chart") else { return };
    for source in SOURCES {
        let flags = ["--set", mode(source)];
        let Some(charts) = both("manifests: chart", "registry-access", &flags) else { return };
        for chart in charts {
            assert_same(source, &deploy.render_own(&renamed(source)), &chart);
        }
    }
    let kustomize = deploy.render_own(&format!("namePrefix: my-\n{}", renamed("self-issued")));
    let flags = ["--set", "nameOverride=my-pullkey"];
    let Some(charts) = both("manifests: chart", "registry-access", &flags) else { return };
    for chart in charts {
        assert_same("nameOverride", &kustomize, &chart);
    }
}

#[test]
fn a_configuration_is_taken_as_a_file_or_as_a_value() {
    let file = format!("config={}", repository().join("examples/config.yaml").display());
    let Some(charts) = both("manifests: chart", "pullkey-system", &["--set-file", &file]) else { return };
    let expected = std::fs::read_to_string(repository().join("examples/config.yaml")).expect("an example");
    for chart in charts {
        assert_eq!(text(&chart.the("ConfigMap")["data"]["config.yaml"]), expected);
    }
    // Kind and version may be left out of a value.
    let value = r#"config={"registries": [{"matchImages": ["docker.io"], "pullSecrets": ["regcred"]}]}"#;
    let flags = ["--set-json", value];
    let Some(charts) = both("manifests: chart", "pullkey-system", &flags) else { return };
    for chart in charts {
        let written = text(&chart.the("ConfigMap")["data"]["config.yaml"]);
        let written: Value = serde_saphyr::from_str(written).expect("the chart writes YAML");
        assert_eq!(written["apiVersion"], "pullkey.dev/v1alpha1");
        assert_eq!(written["registries"][0]["pullSecrets"][0], "regcred");
    }
}

#[test]
fn every_flag_of_serve_is_set_by_the_chart_or_is_a_value() {
    // Those that the certificate modes set, and those that the chart has no use for.
    let set_otherwise = [
        "config",
        "listen",
        "admin-listen",
        "tls-cert",
        "tls-key",
        "tls-ca",
        "dns-name",
        "ca-out",
        "state-dir",
        "registration",
        "drain-timeout",
        "help",
    ];
    let schema =
        std::fs::read_to_string(repository().join("deploy/chart/values.schema.json")).expect("a schema");
    let schema: Value = serde_json::from_str(&schema).expect("the schema is JSON");
    let mut values: Vec<_> =
        schema["properties"]["flags"]["properties"].as_object().expect("flags").keys().cloned().collect();
    let command = Cli::command();
    let serve = command.find_subcommand("serve").expect("there is a serve command");
    let flags = serve.get_arguments().filter_map(|flag| flag.get_long());
    let mut flags: Vec<_> = flags.filter(|flag| !set_otherwise.contains(flag)).map(str::to_owned).collect();
    values.sort();
    flags.sort();
    assert_eq!(values, flags);
}

#[test]
fn the_pod_of_helm_test_is_a_doctor_and_no_replica() {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let Some(versions) = Helm::both_or_skip("manifests: helm test", home) else { return };
    for helm in &versions {
        let rendered = template(helm, "pullkey-system", &[]).unwrap_or_else(|message| panic!("{message}"));
        let pod = rendered.the("Pod");
        assert_eq!(pod["metadata"]["annotations"]["helm.sh/hook"], "test");
        let selector = serde_json::json!({"matchLabels": rendered.the("Service")["spec"]["selector"]});
        assert!(!selects(&selector, &labels(pod)), "the Service leads there");
        let (container, replica) = (&pod["spec"]["containers"][0], &rendered.pod()["spec"]["containers"][0]);
        for member in ["image", "securityContext", "resources"] {
            assert_eq!(container[member], replica[member], "{member}");
        }
        let arguments = list(&container["args"]).iter().map(text);
        let parsed = Cli::try_parse_from(["pullkey"].into_iter().chain(arguments));
        let Ok(Cli { command: Command::Doctor(doctor) }) = parsed else { panic!("no doctor: {parsed:?}") };
        assert_eq!(
            doctor.registration,
            text(&rendered.the("MutatingWebhookConfiguration")["metadata"]["name"])
        );
        let namespace = rendered.the("Namespace");
        assert_eq!(doctor.namespace.as_deref(), namespace["metadata"]["name"].as_str());
        let selector = &rendered.webhook()["namespaceSelector"];
        assert!(selects(selector, &labels(namespace)), "no Pod of that namespace is sent");
        let name = text(&namespace["metadata"]["name"]);
        let refused = template(helm, name, &[]).err().unwrap_or_default();
        assert!(refused.contains(&format!("helm test makes and removes a namespace {name}")), "{refused}");
        // What Helm makes must not take the longest name that is let through beyond 63 characters.
        let longest = format!("--set=nameOverride={}", "n".repeat(40));
        let rendered =
            template(helm, "pullkey-system", &[&longest]).unwrap_or_else(|message| panic!("{message}"));
        let name = text(&rendered.the("Pod")["metadata"]["name"]);
        assert!(name.len() <= 63, "{name}");
    }
}

#[test]
fn its_registration_is_what_pullkey_registration_prints() {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let Some([helm, _]) = Helm::both_or_skip("manifests: the registration of the chart", home) else {
        return;
    };
    let cases: [(&str, &[&str], &[&str]); 4] = [
        ("pullkey-system", &[], &[]),
        (
            "pullkey-system",
            &["--set=webhook.failurePolicy=Ignore,webhook.timeoutSeconds=10"],
            &["--fail-policy=ignore", "--timeout=10s"],
        ),
        ("infra", &["--set=namespaces.mode=optOut"], &["--service=pullkey.infra", "--namespaces=opt-out"]),
        ("infra", &["--set=nameOverride=keys"], &["--service=keys.infra", "--name=keys"]),
    ];
    for (namespace, values, flags) in cases {
        let rendered = template(&helm, namespace, values).unwrap_or_else(|message| panic!("{message}"));
        let printed = registration(flags);
        let chart = rendered.the("MutatingWebhookConfiguration");
        assert_eq!(printed["metadata"]["name"], chart["metadata"]["name"]);
        assert_eq!(printed["webhooks"], chart["webhooks"], "{values:?} {flags:?}");
    }
}

#[test]
fn the_chart_carries_the_version_of_this_package() {
    let chart = std::fs::read_to_string(repository().join("deploy/chart/Chart.yaml")).expect("Chart.yaml");
    let chart: Value = serde_saphyr::from_str(&chart).expect("Chart.yaml is YAML");
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!((&chart["version"], &chart["appVersion"]), (&version.into(), &version.into()));
}

#[test]
fn wrong_values_are_refused_with_the_place_and_the_reason() {
    let refusals = [
        ("replica=3", "additional properties 'replica' not allowed"),
        ("replicas=0", "at '/replicas': minimum: got 0, want 1"),
        ("replicas=two", "at '/replicas': got string, want integer"),
        (
            "certificate.mode=acme",
            "at '/certificate/mode': value must be one of 'selfIssued', 'files', 'certManager'",
        ),
        ("webhook.failurePolicy=fail", "at '/webhook/failurePolicy': value must be one of 'Fail', 'Ignore'"),
        ("webhook.timeoutSeconds=31", "at '/webhook/timeoutSeconds': maximum: got 31, want 30"),
        ("image.digest=latest", "at '/image/digest': 'latest' does not match pattern"),
        ("image.registry=https://registry.example.com", "at '/image/registry'"),
        ("flags.listen=1", "at '/flags': additional properties 'listen' not allowed"),
        ("podLabels.pullkey\\.dev/inject=enabled", "invalid propertyName 'pullkey.dev/inject'"),
        ("config.registry=x", "at '/config': additional properties 'registry' not allowed"),
        (
            "config.registries[0].matchImages[0]=https://index.docker.io/v1/,config.registries[0].pullSecrets[0]=a",
            "at '/config/registries/0/matchImages/0': 'https://index.docker.io/v1/' does not match pattern",
        ),
        ("replicas=1,rollingUpdate.maxUnavailable=1", "at '/rollingUpdate/maxUnavailable': value must be 0"),
        ("adminPort=8443", "port and adminPort are both 8443: choose two"),
    ];
    let home = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let Some(versions) = Helm::both_or_skip("manifests: chart", home) else { return };
    for helm in &versions {
        for (set, reason) in refusals {
            match template(helm, "pullkey-system", &["--set", set]) {
                Ok(_) => panic!("{set} was accepted"),
                Err(message) => assert!(message.contains(reason), "{set}: {message}"),
            }
        }
    }
}
