//! Values that were chosen with a reason, each in the rendering in which the process runs.

use clap::{CommandFactory, Parser};
use jiff::SignedDuration;
use pullkey::cli::{Cli, Command};
use serde_json::{Value, json};

use super::publishing::arguments;
use super::render::{Deploy, Rendered, list, text};
use super::{SOURCES, folder};

#[track_caller]
fn assert_values(object: &Value, expected: &[(&str, Value)]) {
    for (pointer, value) in expected {
        assert_eq!(object.pointer(pointer), Some(value), "{pointer}");
    }
}

fn shipped(test: &str) -> Option<Rendered> {
    Some(Deploy::copy_or_skip(test)?.render("overlays/files"))
}

#[test]
fn the_registration_asks_for_new_pods_only_and_in_the_safest_way() {
    let Some(rendered) = shipped("manifests: registration") else { return };
    assert_eq!(rendered.the("MutatingWebhookConfiguration")["metadata"]["name"], "pullkey");
    let rule = json!({
        "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"], "scope": "Namespaced",
    });
    assert_values(
        rendered.webhook(),
        &[
            ("/name", json!("inject.pullkey.dev")),
            ("/admissionReviewVersions", json!(["v1"])),
            ("/clientConfig/service/path", json!("/mutate")),
            ("/rules", json!([rule])),
            ("/failurePolicy", json!("Fail")),
            ("/timeoutSeconds", json!(5)),
            ("/reinvocationPolicy", json!("IfNeeded")),
            ("/sideEffects", json!("None")),
        ],
    );
    let [condition] = list(&rendered.webhook()["matchConditions"]) else { panic!("one match condition") };
    // An annotation that is absent must not be an error: under Fail it would refuse the Pod.
    let expression =
        "!(has(object.metadata.annotations) && 'kubernetes.io/config.mirror' in object.metadata.annotations)";
    assert_eq!(condition["expression"], expression);
}

#[test]
fn a_rollout_or_a_drain_leaves_two_replicas_or_one() {
    let Some(rendered) = shipped("manifests: rollout") else { return };
    assert_values(
        &rendered.the("Deployment")["spec"],
        &[
            ("/replicas", json!(2)),
            ("/minReadySeconds", json!(10)),
            ("/strategy/type", json!("RollingUpdate")),
            ("/strategy/rollingUpdate/maxSurge", json!(1)),
            ("/strategy/rollingUpdate/maxUnavailable", json!(0)),
        ],
    );
    let budget = &rendered.the("PodDisruptionBudget")["spec"];
    assert_values(
        budget,
        &[("/maxUnavailable", json!(1)), ("/unhealthyPodEvictionPolicy", json!("AlwaysAllow"))],
    );
}

#[test]
fn the_pods_have_no_privilege_and_no_token() {
    let Some(rendered) = shipped("manifests: Pods' rights") else { return };
    let spec = &rendered.pod()["spec"];
    assert_values(
        spec,
        &[
            ("/automountServiceAccountToken", json!(false)),
            ("/enableServiceLinks", json!(false)),
            ("/securityContext", json!({"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}})),
            (
                "/containers/0/securityContext",
                json!({
                    "allowPrivilegeEscalation": false,
                    "readOnlyRootFilesystem": true,
                    "capabilities": {"drop": ["ALL"]},
                }),
            ),
        ],
    );
    assert_eq!(rendered.the("ServiceAccount")["automountServiceAccountToken"], false);
    for member in ["hostNetwork", "hostPID", "hostIPC"] {
        assert!(spec.get(member).is_none(), "{member}");
    }
}

#[test]
fn the_pods_are_placed_and_sized_as_documented() {
    let Some(rendered) = shipped("manifests: placement") else { return };
    let spec = &rendered.pod()["spec"];
    assert_values(
        spec,
        &[
            ("/priorityClassName", json!("system-cluster-critical")),
            ("/terminationGracePeriodSeconds", json!(75)),
            (
                "/containers/0/resources",
                json!({"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "128Mi"}}),
            ),
            ("/topologySpreadConstraints/0/topologyKey", json!("kubernetes.io/hostname")),
            ("/topologySpreadConstraints/0/whenUnsatisfiable", json!("ScheduleAnyway")),
            ("/topologySpreadConstraints/1/topologyKey", json!("topology.kubernetes.io/zone")),
            ("/topologySpreadConstraints/1/whenUnsatisfiable", json!("ScheduleAnyway")),
        ],
    );
    // GKE refuses the priority class outside kube-system unless a quota names it.
    let scope = &rendered.the("ResourceQuota")["spec"]["scopeSelector"]["matchExpressions"][0];
    assert_eq!(scope["scopeName"], "PriorityClass");
    assert_eq!(scope["values"], json!([spec["priorityClassName"]]));
}

#[test]
fn the_network_lets_two_ports_in_and_nothing_out() {
    let Some(rendered) = shipped("manifests: NetworkPolicy") else { return };
    let policy = &rendered.the("NetworkPolicy")["spec"];
    assert_eq!(policy["policyTypes"], json!(["Ingress", "Egress"]));
    assert!(policy.get("egress").is_none());
    let ports: Vec<_> = list(&policy["ingress"]).iter().map(|rule| &rule["ports"]).collect();
    assert_eq!(
        ports,
        [&json!([{"port": "https", "protocol": "TCP"}]), &json!([{"port": "admin", "protocol": "TCP"}]),]
    );
}

#[test]
fn the_arguments_are_those_of_this_program_and_agree_with_ports_and_files() {
    let Some(rendered) = shipped("manifests: arguments") else { return };
    let container = &rendered.pod()["spec"]["containers"][0];
    let arguments = list(&container["args"]).iter().map(text);
    let parsed = Cli::try_parse_from(["pullkey"].into_iter().chain(arguments))
        .unwrap_or_else(|error| panic!("{error}"));
    let Command::Serve(serve) = parsed.command else { panic!("not serve") };

    let port = |name: &str| {
        let ports = list(&container["ports"]);
        ports.iter().find(|port| port["name"] == name).map_or(&Value::Null, |port| &port["containerPort"])
    };
    assert_eq!(port("https"), serve.listen.port());
    assert_eq!(port("admin"), serve.admin_listen.port());
    assert!(serve.listen.ip().is_unspecified() && serve.admin_listen.ip().is_unspecified());

    assert_eq!(container["volumeMounts"][0]["mountPath"], "/etc/pullkey");
    let secret = &rendered.pod()["spec"]["volumes"][0]["projected"]["sources"][1]["secret"];
    let file = |key: &str| {
        let item = list(&secret["items"]).iter().find(|item| item["key"] == key).expect("the key is mounted");
        Some(format!("/etc/pullkey/{}", text(&item["path"])).into())
    };
    assert_eq!(Some(serve.config), Some("/etc/pullkey/config.yaml".into()));
    assert_eq!(serve.tls_cert, file("tls.crt"));
    assert_eq!(serve.tls_key, file("tls.key"));
}

#[test]
fn the_drain_ends_before_the_kubelet_ends_it() {
    let Some(deploy) = Deploy::copy_or_skip("manifests: drain") else { return };
    let command = Cli::command();
    let serve = command.find_subcommand("serve").expect("there is a serve command");
    let flag = serve.get_arguments().find(|flag| flag.get_long() == Some("drain-timeout"));
    let default =
        flag.expect("serve has --drain-timeout").get_default_values()[0].to_string_lossy().into_owned();
    for source in SOURCES {
        let rendered = deploy.render(&folder(source));
        let arguments = arguments(&rendered);
        let written = arguments.iter().find_map(|argument| argument.strip_prefix("--drain-timeout="));
        let drain: SignedDuration = written.unwrap_or(&default).parse().expect("a duration");
        let grace = rendered.pod()["spec"]["terminationGracePeriodSeconds"].as_i64().expect("a number");
        // Room for what comes after the drain, such as the last lines of the log.
        assert!(drain.as_secs() + 10 <= grace, "{source}: a drain of {drain:#} in {grace} s");
    }
}

#[test]
fn image_and_labels_carry_the_version_of_this_package() {
    let Some(rendered) = shipped("manifests: version") else { return };
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(rendered.pod()["spec"]["containers"][0]["image"], format!("pullkey:{version}"));
    for document in rendered.documents.iter().chain([rendered.pod()]) {
        let labels = &document["metadata"]["labels"];
        assert_eq!(labels["app.kubernetes.io/version"], version, "{document}");
        assert_eq!(labels["app.kubernetes.io/name"], "pullkey");
        assert_eq!(labels["app.kubernetes.io/component"], "webhook");
        assert_eq!(labels["app.kubernetes.io/part-of"], "pullkey");
    }
}
