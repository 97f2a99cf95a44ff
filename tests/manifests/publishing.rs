//! What the Pods need to publish certificates, and that all of it names the same things.

use clap::Parser;
use pullkey::cli::{Cli, Command};
use serde_json::{Value, json};

use super::render::{Deploy, Rendered, list, text};

/// The arguments as the kubelet hands them over: `$(NAME)` is replaced by the variable of that name.
#[track_caller]
pub(crate) fn arguments(rendered: &Rendered) -> Vec<String> {
    let container = &rendered.pod()["spec"]["containers"][0];
    let variables: Vec<(String, String)> = container
        .get("env")
        .map_or(&[][..], list)
        .iter()
        .map(|variable| {
            let namespace = &rendered.the("Namespace")["metadata"]["name"];
            let value = match variable.pointer("/valueFrom/fieldRef/fieldPath").and_then(Value::as_str) {
                Some("metadata.namespace") => text(namespace),
                Some("metadata.name") => "pullkey-5d4f7c9b8-x2x7q",
                Some(other) => panic!("a field that this test does not know: {other}"),
                None => text(&variable["value"]),
            };
            (format!("$({})", text(&variable["name"])), value.to_owned())
        })
        .collect();
    let expand = |argument: &Value| {
        let argument = text(argument).to_owned();
        variables.iter().fold(argument, |argument, (name, value)| argument.replace(name, value))
    };
    list(&container["args"]).iter().map(expand).collect()
}

/// The value of this flag.
#[track_caller]
pub(crate) fn flag<'a>(arguments: &'a [String], name: &str) -> &'a str {
    let values: Vec<_> = arguments.iter().filter_map(|argument| argument.strip_prefix(name)).collect();
    let [value] = values[..] else { panic!("{name}: {arguments:?}") };
    value.strip_prefix('=').unwrap_or_else(|| panic!("{name}: {arguments:?}"))
}

/// Whom the right is given to, on what, and whom the policy watches.
#[track_caller]
pub(crate) fn assert_publishing_follows(name: &str, rendered: &Rendered) {
    let registration = &rendered.the("MutatingWebhookConfiguration")["metadata"]["name"];
    let account = rendered.the("ServiceAccount")["metadata"].clone();
    let service = &rendered.the("Service")["metadata"];
    let role = rendered.the("ClusterRole");
    let binding = rendered.the("ClusterRoleBinding");
    let policy = rendered.the("ValidatingAdmissionPolicy");
    let policy_binding = rendered.the("ValidatingAdmissionPolicyBinding");

    assert_eq!(role["rules"][0]["resourceNames"], json!([registration]), "{name}");
    assert_eq!(binding["roleRef"]["name"], role["metadata"]["name"], "{name}");
    assert_eq!(list(&binding["subjects"]).len(), 1, "{name}");
    let matched = &policy["spec"]["matchConstraints"]["resourceRules"][0]["resourceNames"];
    assert_eq!(matched, &json!([registration]), "{name}");
    assert_eq!(policy_binding["spec"]["policyName"], policy["metadata"]["name"], "{name}");
    for subject in [&binding["subjects"][0], &policy_binding["spec"]["paramRef"]] {
        assert_eq!(subject["name"], account["name"], "{name}");
        assert_eq!(subject["namespace"], account["namespace"], "{name}");
    }

    let arguments = arguments(rendered);
    assert_eq!(flag(&arguments, "--registration"), text(registration), "{name}");
    let host = format!("{}.{}.svc", text(&service["name"]), text(&service["namespace"]));
    assert_eq!(flag(&arguments, "--dns-name"), host, "{name}");
}

#[test]
fn one_object_may_be_changed_and_a_policy_says_how_far() {
    let Some(deploy) = Deploy::copy_or_skip("manifests: rights") else { return };
    let rendered = deploy.render("");
    let rule = json!({
        "apiGroups": ["admissionregistration.k8s.io"],
        "resources": ["mutatingwebhookconfigurations"],
        "resourceNames": ["pullkey"],
        "verbs": ["get", "list", "watch", "patch"],
    });
    assert_eq!(rendered.the("ClusterRole")["rules"], json!([rule]));
    let policy = &rendered.the("ValidatingAdmissionPolicy")["spec"];
    assert_eq!(policy["failurePolicy"], "Fail");
    let binding = &rendered.the("ValidatingAdmissionPolicyBinding")["spec"];
    assert_eq!(binding["validationActions"], json!(["Deny"]));
}

#[test]
fn a_key_is_kept_in_memory_and_as_long_as_the_pod() {
    let Some(deploy) = Deploy::copy_or_skip("manifests: state") else { return };
    let rendered = deploy.render("");
    let spec = &rendered.pod()["spec"];
    let arguments = arguments(&rendered);
    let mounts = list(&spec["containers"][0]["volumeMounts"]);
    let mount = mounts.iter().find(|mount| mount["mountPath"] == flag(&arguments, "--state-dir"));
    let volume = &mount.expect("the folder is mounted")["name"];
    let volume = list(&spec["volumes"]).iter().find(|other| &other["name"] == volume).expect("a volume");
    assert_eq!(volume["emptyDir"], json!({"medium": "Memory", "sizeLimit": "1Mi"}));
    // What the folder takes counts as memory of the container.
    assert_eq!(spec["containers"][0]["resources"]["limits"]["memory"], "128Mi");
}

#[test]
fn the_arguments_of_the_default_are_those_of_this_program() {
    let Some(deploy) = Deploy::copy_or_skip("manifests: arguments of the default") else { return };
    let rendered = deploy.render("");
    let arguments = arguments(&rendered);
    let parsed = Cli::try_parse_from([String::from("pullkey")].into_iter().chain(arguments))
        .unwrap_or_else(|error| panic!("{error}"));
    let Command::Serve(serve) = parsed.command else { panic!("not serve") };
    assert_eq!(serve.registration.as_deref(), Some("pullkey"));
    assert_eq!(serve.state_dir, Some("/var/lib/pullkey".into()));
    assert_eq!(serve.dns_name.len(), 1);
    // The program takes the Pod's name from this variable, so that it knows its own certificates again.
    let variables = list(&rendered.pod()["spec"]["containers"][0]["env"]);
    let name = variables.iter().find(|variable| variable["name"] == "POD_NAME").expect("the Pod's name");
    assert_eq!(name["valueFrom"]["fieldRef"]["fieldPath"], "metadata.name");
}

#[test]
fn a_token_and_a_way_out_are_there_only_for_publishing() {
    let Some(deploy) = Deploy::copy_or_skip("manifests: token") else { return };
    let rendered = deploy.render("");
    assert_eq!(rendered.pod()["spec"]["automountServiceAccountToken"], true);
    // No other Pod with this account gets one by itself.
    assert_eq!(rendered.the("ServiceAccount")["automountServiceAccountToken"], false);
    assert_eq!(rendered.the("NetworkPolicy")["spec"]["egress"], json!([{"ports": [{"protocol": "TCP"}]}]));
    for overlay in ["overlays/files", "overlays/cert-manager"] {
        let rendered = deploy.render(overlay);
        assert_eq!(rendered.pod()["spec"]["automountServiceAccountToken"], false, "{overlay}");
        assert!(rendered.the("NetworkPolicy")["spec"].get("egress").is_none(), "{overlay}");
    }
}
