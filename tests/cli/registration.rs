//! `pullkey registration`: what is printed with each flag, and what is refused.

use serde_json::{Value, json};

use super::run::{Folder, Report};

#[track_caller]
fn registration(arguments: &[&str]) -> String {
    Folder::new().run(&[&["registration"], arguments].concat()).result()
}

#[track_caller]
fn object(arguments: &[&str]) -> Value {
    let text = registration(&[&["-o", "json"], arguments].concat());
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn the_manifest_of_the_base_is_what_is_printed() {
    let shipped = include_str!("../../deploy/base/webhook.yaml");
    assert_eq!(
        registration(&[]),
        shipped,
        "CONTRIBUTING.md says how to write deploy/base/webhook.yaml again"
    );
}

#[test]
fn both_forms_say_the_same_and_neither_sets_the_trusted_certificates() {
    for arguments in [
        &[][..],
        &["--fail-policy", "ignore", "--namespaces", "opt-out", "--timeout", "30s", "--name", "my.pullkey"],
        &["--service", "webhook.registry-access:8443"],
        &["--url", "https://pullkey.example.com:8443/mutate"],
        &["--url", "https://[::1]:8443"],
    ] {
        let yaml = registration(arguments);
        let read: Value = serde_saphyr::from_str(&yaml).unwrap_or_else(|error| panic!("{error}: {yaml}"));
        assert_eq!(read, object(arguments), "{arguments:?}");
        assert!(!yaml.contains("caBundle"), "{yaml}");
    }
}

#[test]
fn each_flag_changes_its_members_only() {
    let webhook = "/webhooks/0";
    let in_cluster = json!({"name": "a", "namespace": "b", "path": "/mutate", "port": 443});
    let excluded = "/webhooks/0/namespaceSelector/matchExpressions/1/values";
    for (arguments, changes) in [
        (&["--name", "a.b"][..], vec![("/metadata/name".to_owned(), json!("a.b"))]),
        (&["--timeout", "30s"], vec![(format!("{webhook}/timeoutSeconds"), json!(30))]),
        (&["--timeout", "1s"], vec![(format!("{webhook}/timeoutSeconds"), json!(1))]),
        (&["--fail-policy", "ignore"], vec![(format!("{webhook}/failurePolicy"), json!("Ignore"))]),
        (
            &["--namespaces", "opt-out"],
            vec![(
                format!("{webhook}/namespaceSelector/matchExpressions/0"),
                json!({"key": "pullkey.dev/inject", "operator": "NotIn", "values": ["disabled", "false"]}),
            )],
        ),
        (
            &["--service", "a.b"],
            vec![
                (format!("{webhook}/clientConfig"), json!({"service": in_cluster})),
                (excluded.to_owned(), json!(["kube-system", "b"])),
            ],
        ),
        (
            &["--service", "pullkey.pullkey-system:8443"],
            vec![(format!("{webhook}/clientConfig/service/port"), json!(8443))],
        ),
        // Its own namespace can be one that is excluded anyway.
        (
            &["--service", "pullkey.kube-system"],
            vec![
                (format!("{webhook}/clientConfig/service/namespace"), json!("kube-system")),
                (excluded.to_owned(), json!(["kube-system"])),
            ],
        ),
        (
            &["--url", "https://h.example.com"],
            vec![(format!("{webhook}/clientConfig"), json!({"url": "https://h.example.com/mutate"}))],
        ),
        (
            &["--url", "https://h.example.com:8443/proxied/mutate", "--own-namespace", "b"],
            vec![
                (
                    format!("{webhook}/clientConfig"),
                    json!({"url": "https://h.example.com:8443/proxied/mutate"}),
                ),
                (excluded.to_owned(), json!(["kube-system", "b"])),
            ],
        ),
    ] {
        let mut expected = object(&[]);
        for (pointer, value) in changes {
            *expected.pointer_mut(&pointer).unwrap_or_else(|| panic!("{pointer}")) = value;
        }
        assert_eq!(object(arguments), expected, "{arguments:?}");
    }
}

#[test]
fn wrong_flags_of_registration_are_refused() {
    let folder = Folder::new();
    let mut report = Report::default();
    for arguments in [
        &["--fail-policy", "Fail"][..],
        &["--namespaces", "all"],
        &["-o", "text"],
        &["--name", "Pull_Key"],
        &["--name", ""],
        &["--timeout", "5"],
        &["--timeout", "0s"],
        &["--timeout", "-5s"],
        &["--timeout", "31s"],
        &["--timeout", "1500ms"],
        &["--service", "pullkey"],
        &["--service", "pullkey.pullkey-system.svc"],
        &["--service", "pullkey.pullkey-system:0"],
        &["--service", "pullkey.pullkey-system:65536"],
        &["--service", "pullkey.pullkey-system:https"],
        &["--service", "Pullkey.pullkey-system"],
        &["--service", "a.b", "--url", "https://h.example.com"],
        &["--url", ""],
        &["--url", "h.example.com"],
        &["--url", "http://h.example.com"],
        &["--url", "https://user@h.example.com"],
        &["--url", "https://h.example.com/mutate?a=b"],
        &["--url", "https://h.example.com/#a"],
        &["--url", "https:///mutate"],
        &["--own-namespace", "a"],
        &["--url", "https://h.example.com", "--own-namespace", "A"],
        &["--match-conditions"],
        &["--config", "config.yaml"],
    ] {
        let run = folder.run(&[&["registration"], arguments].concat());
        report.add(&format!("pullkey registration {}", arguments.join(" ")), &run.error());
    }
    report.assert("registration_wrong_flags");
}

const CONFIGURATION: &str = "\
apiVersion: pullkey.dev/v1alpha1
kind: InjectorConfiguration
registries:
  - matchImages: [registry.example.com, registry.internal:5000, \"*.dkr.ecr.*.amazonaws.com\"]
    pullSecrets: [internal]
  - matchImages: [cr.yandex/crp0example, ghcr.io/my-team/app]
    pullSecrets: [paths]
  - matchImages: [quay.io]
    exceptImages: [quay.io/public]
    pullSecrets: [quay]
  - matchImages: [docker.io]
    exceptImages: [docker.io/library]
    pullSecrets: [regcred]
";

#[test]
fn conditions_are_made_from_the_configuration_and_their_price_is_told() {
    let folder = Folder::with(&[("config.yaml", CONFIGURATION)]);
    let arguments = ["registration", "--match-conditions", "--config"];
    let run = folder.run(&[&arguments[..], &["config.yaml"]].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    let mut report = Report::default();
    report.add("standard output", &run.stdout);
    report.add("standard error", &run.stderr);
    report.assert("registration_conditions");

    // From standard input, as JSON, and with other flags, it is the same condition.
    let arguments = [&arguments[..], &["-", "-o", "json", "--fail-policy", "ignore"]].concat();
    let json = folder.run_with_stdin(&arguments, CONFIGURATION);
    let json: Value = serde_json::from_str(&json.stdout).expect("it is JSON");
    let yaml: Value = serde_saphyr::from_str(&run.stdout).expect("it is YAML");
    let conditions = "/webhooks/0/matchConditions";
    assert_eq!(json.pointer(conditions), yaml.pointer(conditions));
    assert_eq!(json["webhooks"][0]["failurePolicy"], "Ignore");
    // It is the hash that the metric pullkey_config_info shows.
    let hash = json["metadata"]["annotations"]["pullkey.dev/configuration"].as_str().unwrap_or_default();
    assert!(hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()), "{hash}");
}

#[test]
fn a_configuration_of_which_no_condition_can_be_made_is_refused() {
    let many: String = (0..5000).map(|n| format!("\"r.example-{n}.com\", ")).collect();
    let head = "apiVersion: pullkey.dev/v1alpha1\nkind: InjectorConfiguration\n";
    let folder = Folder::with(&[
        (
            "always.yaml",
            &format!("{CONFIGURATION}always:\n  - pullSecrets: [debug-tools]\n    namespaces: [a]\n"),
        ),
        ("many.yaml", &format!("{head}registries: [{{matchImages: [{many}], pullSecrets: [a]}}]\n")),
        ("wrong.yaml", &format!("{head}registries: []\n")),
    ]);
    let mut report = Report::default();
    for file in ["always.yaml", "many.yaml", "wrong.yaml", "absent.yaml", "."] {
        let arguments = ["registration", "--match-conditions", "--config", file];
        report.add(&format!("pullkey {}", arguments.join(" ")), &folder.run(&arguments).error());
    }
    report.assert("registration_no_conditions");
}
