//! A whole installation, and all that stands around its Service.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{registration, with};
use crate::certs::issue::{SubjectName, issue};
use crate::cluster::registration::rendered::{FailurePolicy, Namespaces};
use crate::doctor::home::{Home, Replica};
use crate::doctor::installation::Installation;
use crate::doctor::seen::Seen;

const NAMESPACE: &str = "pullkey-system";
/// What the replicas serve, as PEM; when it was issued is when everything was read.
static CERTIFICATE: LazyLock<(String, Timestamp)> = LazyLock::new(|| {
    let now = "2026-01-02T03:04:05Z".parse().expect("a time");
    let name: SubjectName = "pullkey.pullkey-system.svc".parse().expect("a host name");
    (issue("pullkey", &[name], now).expect("a certificate can be made").pem, now)
});

/// Everything that is read, by what it is; nothing is wrong with it.
pub(crate) fn document() -> Value {
    let certificate = &CERTIFICATE.0;
    let mut registration = registration("pullkey", Namespaces::OptIn, FailurePolicy::Fail);
    registration["webhooks"][0]["clientConfig"]["caBundle"] = json!(STANDARD.encode(certificate));
    let own = json!({"app": "pullkey"});
    let template = json!({
        "metadata": {"labels": {"app": "pullkey", "pullkey.dev/inject": "disabled"}},
        "spec": {
            "serviceAccountName": "pullkey",
            "terminationGracePeriodSeconds": 75,
            "nodeSelector": {"kubernetes.io/os": "linux"},
            "containers": [{
                "name": "pullkey",
                "image": "pullkey:0.1.0",
                "args": [
                    "serve", "--config=/etc/pullkey/config.yaml", "--listen=[::]:8443", "--registration=$(REGISTRATION)",
                    "--certificate-life=24h", "--drain-timeout=60s",
                ],
                "env": [{"name": "REGISTRATION", "value": "pullkey"}],
                "ports": [{"name": "https", "containerPort": 8443}],
                "volumeMounts": [{"name": "files", "mountPath": "/etc/pullkey"}],
            }],
            "volumes": [{"name": "files", "projected": {"sources": [{"configMap": {"name": "pullkey-config"}}]}}],
        },
    });
    let pod = |name: &str, node: &str| {
        let mut spec = template["spec"].clone();
        spec["nodeName"] = json!(node);
        json!({
            "metadata": {"name": name, "labels": template["metadata"]["labels"]},
            "spec": spec,
            "status": {
                "phase": "Running",
                "podIP": "10.0.0.1",
                "conditions": [{"type": "Ready", "status": "True"}],
                "containerStatuses": [{"name": "pullkey", "state": {"running": {}}}],
            },
        })
    };
    let node = |name: &str| json!({"metadata": {"name": name, "labels": {"kubernetes.io/os": "linux"}}});
    let replica = |name: &str| {
        let metrics = "pullkey_build_info{version=\"0.1.0\"} 1\npullkey_config_info{hash=\"0a\"} 1\n";
        json!({"pod": name, "certificate": certificate, "metrics": metrics, "readiness": "ok\n"})
    };
    let configuration = "apiVersion: pullkey.dev/v1alpha1\nkind: InjectorConfiguration\nregistries:\n  \
                         - matchImages: [registry.example.com]\n    pullSecrets: [registrysecret]\n";
    json!({
        "registration": registration,
        "service": {"spec": {"selector": own, "ports": [{"name": "https", "port": 443, "targetPort": "https"}]}},
        "slices": [{"endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": true}}]}],
        "deployments": [{
            "metadata": {"name": "pullkey"},
            "spec": {"replicas": 2, "selector": {"matchLabels": own}, "template": template},
        }],
        "pods": [pod("one", "east"), pod("two", "west")],
        "budgets": [{
            "metadata": {"name": "pullkey"},
            "spec": {"maxUnavailable": 1, "selector": {"matchLabels": own}},
        }],
        "policies": [{
            "metadata": {"name": "pullkey"},
            "spec": {
                "podSelector": {"matchLabels": own},
                "policyTypes": ["Ingress"],
                "ingress": [{"ports": [{"port": "https", "protocol": "TCP"}, {"port": 1, "endPort": 2}]}],
            },
        }],
        "nodes": [node("east"), node("west")],
        "configMap": {"data": {"config.yaml": configuration}},
        "replicas": [replica("one"), replica("two")],
    })
}

/// The installation of a document like that, of which parts may have any other shape.
pub(crate) fn installation(document: &Value) -> Installation {
    let list = |name: &str| match &document[name] {
        Value::Array(objects) => Seen::Found(objects.clone()),
        Value::Null => Seen::Missing,
        other => Seen::Unseen(other.to_string()),
    };
    let object = |name: &str| match &document[name] {
        Value::Null => Seen::Missing,
        Value::String(reason) => Seen::Unseen(reason.clone()),
        object => Seen::Found(object.clone()),
    };
    let text = |value: &Value| value.as_str().map_or(Seen::Missing, |text| Seen::Found(text.to_owned()));
    let replicas = document["replicas"].as_array().into_iter().flatten();
    let replicas = replicas.map(|replica| Replica {
        pod: replica["pod"].as_str().unwrap_or_default().to_owned(),
        certificate: text(&replica["certificate"]),
        metrics: text(&replica["metrics"]),
        readiness: text(&replica["readiness"]),
    });
    let home = Home {
        namespace: NAMESPACE.to_owned(),
        service_name: "pullkey".to_owned(),
        is_fail_open: false,
        service: object("service"),
        slices: list("slices"),
        deployments: list("deployments"),
        pods: list("pods"),
        budgets: list("budgets"),
        policies: list("policies"),
        nodes: list("nodes"),
        config_map: Some(object("configMap")),
        configuration_hash: Some("0a".to_owned()),
        replicas: replicas.collect(),
    };
    let mut installation = with(document["registration"].clone(), Vec::new());
    installation.now = CERTIFICATE.1;
    installation.home = Some(home);
    installation
}
