//! Reviews as the API server sends them, and configurations of a chosen length.
//!
//! Kubernetes 1.36 sends the whole Pod after defaulting and the `ServiceAccount` plugin: `managedFields`,
//! the token volume, tolerations and an empty status are all there, and most of it is skipped.

use std::fmt::{self, Write as _};
use std::iter::once;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pullkey::engine::config::Config;
use pullkey::engine::rules::Rules;
use serde_json::{Map, Value, json};

/// How far the length of a review may be from its name, in percent.
const TOLERANCE_PERCENT: usize = 5;

/// What the images of every review need.
const PATCH: &str =
    r#"[{"op":"add","path":"/spec/imagePullSecrets","value":[{"name":"pull-0003"},{"name":"pull-0007"}]}]"#;

/// How long a review is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    /// A container with next to nothing.
    Small,
    /// A service with a sidecar and an init container.
    Usual,
    /// A dozen containers with many variables.
    Large,
}

/// What a configuration lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Registries {
    /// Entries with one exact host each; at least eight, so that the images are among them.
    pub(crate) exact: usize,
    /// Entries with one glob each.
    pub(crate) globs: usize,
}

impl Size {
    pub(crate) const ALL: [Self; 3] = [Self::Small, Self::Usual, Self::Large];

    fn bytes(self) -> usize {
        match self {
            Self::Small => 27 * 1024 / 10,
            Self::Usual => 7 * 1024,
            Self::Large => 50 * 1024,
        }
    }

    /// The `AdmissionReview` of this length.
    pub(crate) fn review(self) -> Vec<u8> {
        let containers = match self {
            Self::Small => 1,
            Self::Usual => 2,
            Self::Large => 12,
        };
        let mut variables = 0;
        loop {
            let review = serde_json::to_vec(&review(containers, variables)).expect("a value is always JSON");
            if review.len() * 100 >= self.bytes() * (100 - TOLERANCE_PERCENT) {
                let length = review.len();
                assert!(length * 100 <= self.bytes() * (100 + TOLERANCE_PERCENT), "{self}: {length} bytes");
                return review;
            }
            variables += 1;
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Small => "2.7 KiB",
            Self::Usual => "7 KiB",
            Self::Large => "50 KiB",
        })
    }
}

impl Registries {
    /// The configuration as somebody would write it.
    pub(crate) fn yaml(self) -> String {
        let mut yaml =
            "apiVersion: pullkey.dev/v1alpha1\nkind: InjectorConfiguration\nregistries:\n".to_owned();
        let exact = (0..self.exact).map(|i| (format!("{}.example.com", host(i)), format!("pull-{i:04}")));
        let globs =
            (0..self.globs).map(|i| (format!("*.dkr.ecr.zone-{i}-*.amazonaws.com"), format!("ecr-{i}")));
        for (pattern, secret) in exact.chain(globs) {
            writeln!(yaml, "  - matchImages: [\"{pattern}\"]\n    pullSecrets: [\"{secret}\"]")
                .expect("a string takes any text");
        }
        yaml
    }

    /// The configuration, ready to answer reviews.
    pub(crate) fn rules(self) -> Rules {
        let (config, warnings) = Config::parse(&self.yaml()).expect("the configuration is right");
        assert_eq!(warnings, [], "the configuration is as one would write it");
        Rules::new(config)
    }
}

impl fmt::Display for Registries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} entries", self.exact + self.globs)?;
        if self.globs > 0 { write!(f, ", {} of them globs", self.globs) } else { Ok(()) }
    }
}

/// Fails unless `answer` carries exactly the patch that the images of every review need.
#[track_caller]
pub(crate) fn assert_right(answer: &[u8]) {
    let answer: Value = serde_json::from_slice(answer).expect("the answer is JSON");
    let patch = answer["response"]["patch"].as_str().and_then(|patch| STANDARD.decode(patch).ok());
    let patch = patch.and_then(|patch| String::from_utf8(patch).ok());
    assert_eq!(patch.as_deref(), Some(PATCH), "the answer is {answer}");
}

fn host(position: usize) -> String {
    format!("registry-{position:04}")
}

fn review(containers: usize, variables: usize) -> Value {
    let group_version_kind = json!({ "group": "", "version": "v1", "kind": "Pod" });
    let resource = json!({ "group": "", "version": "v1", "resource": "pods" });
    json!({
        "kind": "AdmissionReview",
        "apiVersion": "admission.k8s.io/v1",
        "request": {
            "uid": "9d3f6e1c-5b0a-4c55-8f3e-2a1f0c9b7d64",
            "kind": group_version_kind,
            "resource": resource,
            "requestKind": group_version_kind,
            "requestResource": resource,
            "namespace": "team-a",
            "operation": "CREATE",
            "userInfo": {
                "username": "system:serviceaccount:kube-system:replicaset-controller",
                "uid": "0f6f9d3a-7f4f-4a0c-9c69-1f1f8b0c6a11",
                "groups": ["system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated"],
                "extra": { "authentication.kubernetes.io/credential-id": ["JTI=5d3f8a10-41ce-4d4b-8d8a-5a6b7c8d9e0f"] },
            },
            "object": pod(containers, variables),
            "oldObject": null,
            "dryRun": false,
            "options": { "kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1" },
        },
    })
}

/// A Pod whose `variables` are dealt out to its containers.
fn pod(containers: usize, variables: usize) -> Value {
    let is_bare = containers == 1;
    let share = |i: usize| (variables + containers - 1 - i) / containers;
    let init_containers = json!([container("migrate", &image(7, "team/migrate"), 0, true)]);
    let containers: Vec<Value> = (0..containers)
        .map(|i| match i {
            0 => container("app", &image(3, "team/app"), share(i), is_bare),
            1 => container("proxy", "istio/proxyv2:1.24.0", share(i), false),
            // Every third one needs no pull secret.
            _ => {
                let registry = [3, 7, 20_000][i % 3];
                container(&format!("worker-{i}"), &image(registry, "team/worker"), share(i), false)
            }
        })
        .collect();
    let mut pod = json!({
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {
            "generateName": "web-5d4f8c7b9d-",
            "namespace": "team-a",
            "creationTimestamp": null,
            "labels": { "app": "web", "pod-template-hash": "5d4f8c7b9d" },
            "ownerReferences": [{
                "apiVersion": "apps/v1",
                "kind": "ReplicaSet",
                "name": "web-5d4f8c7b9d",
                "uid": "2b0f8f0e-6d1b-4f0e-a9b4-90f0c2a7d1aa",
                "controller": true,
                "blockOwnerDeletion": true,
            }],
            "managedFields": [{
                "manager": "kube-controller-manager",
                "operation": "Update",
                "apiVersion": "v1",
                "time": "2026-11-21T04:00:00Z",
                "fieldsType": "FieldsV1",
                "fieldsV1": fields(&containers, is_bare),
            }],
        },
        "spec": {
            "volumes": volumes(is_bare),
            "initContainers": init_containers,
            "containers": containers,
            "restartPolicy": "Always",
            "terminationGracePeriodSeconds": 30,
            "dnsPolicy": "ClusterFirst",
            "serviceAccountName": "default",
            "serviceAccount": "default",
            "securityContext": {},
            "schedulerName": "default-scheduler",
            "tolerations": [
                toleration("node.kubernetes.io/not-ready"),
                toleration("node.kubernetes.io/unreachable"),
            ],
            "priority": 0,
            "enableServiceLinks": true,
            "preemptionPolicy": "PreemptLowerPriority",
        },
        "status": {},
    });
    if is_bare {
        // A Pod that somebody created by hand: what a controller adds does not fit into 2.7 KiB.
        let metadata = pod["metadata"].as_object_mut().expect("it was written as an object");
        metadata.remove("ownerReferences");
        metadata.remove("managedFields");
    } else {
        pod["metadata"]["annotations"] = json!({
            "checksum/config": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "prometheus.io/scrape": "true",
        });
    }
    pod
}

fn image(registry: usize, path: &str) -> String {
    format!("{}.example.com/{path}:1.27.3", host(registry))
}

fn container(name: &str, image: &str, variables: usize, is_bare: bool) -> Value {
    let mut container = json!({
        "name": name,
        "image": image,
        "resources": {},
        "volumeMounts": [{
            "name": "kube-api-access-x7k2p",
            "readOnly": true,
            "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
        }],
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "imagePullPolicy": "IfNotPresent",
    });
    if variables > 0 {
        container["env"] = (0..variables).map(variable).collect();
    }
    if !is_bare {
        container["ports"] = json!([{ "name": "http", "containerPort": 8080, "protocol": "TCP" }]);
        container["resources"] = json!({
            "limits": { "memory": "256Mi" },
            "requests": { "cpu": "100m", "memory": "128Mi" },
        });
        container["livenessProbe"] = probe("/livez");
        container["readinessProbe"] = probe("/readyz");
        container["securityContext"] =
            json!({ "capabilities": { "drop": ["ALL"] }, "allowPrivilegeEscalation": false });
    }
    container
}

/// Every fourth variable has a value with escapes, every third comes from a Secret.
fn variable(i: usize) -> Value {
    let name = format!("SETTING_{i:03}");
    match i % 12 {
        0 | 4 | 8 => json!({ "name": name, "value": format!("{{\"mode\":\"fast\",\"level\":{i}}}\n") }),
        3 | 6 | 9 => json!({
            "name": name,
            "valueFrom": { "secretKeyRef": { "name": "web-settings", "key": format!("setting-{i}") } },
        }),
        _ => {
            json!({ "name": name, "value": format!("https://service-{i}.team-a.svc.cluster.local:8443/v1") })
        }
    }
}

fn probe(path: &str) -> Value {
    json!({
        "httpGet": { "path": path, "port": "http", "scheme": "HTTP" },
        "timeoutSeconds": 1,
        "periodSeconds": 10,
        "successThreshold": 1,
        "failureThreshold": 3,
    })
}

fn toleration(key: &str) -> Value {
    json!({ "key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300 })
}

fn volumes(is_bare: bool) -> Value {
    let token = json!({
        "name": "kube-api-access-x7k2p",
        "projected": {
            "sources": [
                { "serviceAccountToken": { "expirationSeconds": 3607, "path": "token" } },
                { "configMap": { "name": "kube-root-ca.crt", "items": [{ "key": "ca.crt", "path": "ca.crt" }] } },
                { "downwardAPI": { "items": [{
                    "path": "namespace",
                    "fieldRef": { "apiVersion": "v1", "fieldPath": "metadata.namespace" },
                }] } },
            ],
            "defaultMode": 420,
        },
    });
    if is_bare {
        return json!([token]);
    }
    let config = json!({ "name": "config", "configMap": { "name": "web-config", "defaultMode": 420 } });
    json!([config, { "name": "scratch", "emptyDir": {} }, token])
}

/// What the manager of a Pod set, as `FieldsV1`: one member for each member of the Pod.
fn fields(containers: &[Value], is_bare: bool) -> Value {
    if is_bare {
        return json!({});
    }
    let of_containers = containers.iter().map(|container| {
        let variables = container["env"].as_array().into_iter().flatten().map(|variable| {
            let set = if variable.get("value").is_some() { "f:value" } else { "f:valueFrom" };
            (key(variable), json!({ ".": {}, "f:name": {}, set: {} }))
        });
        let env: Map<String, Value> = once((".".to_owned(), json!({}))).chain(variables).collect();
        let set = json!({
            ".": {},
            "f:env": env,
            "f:image": {},
            "f:imagePullPolicy": {},
            "f:name": {},
            "f:resources": {},
        });
        (key(container), set)
    });
    json!({
        "f:metadata": { "f:generateName": {}, "f:labels": { ".": {}, "f:app": {}, "f:pod-template-hash": {} } },
        "f:spec": {
            "f:containers": of_containers.collect::<Map<String, Value>>(),
            "f:dnsPolicy": {},
            "f:restartPolicy": {},
            "f:schedulerName": {},
        },
    })
}

fn key(item: &Value) -> String {
    format!("k:{}", json!({ "name": item["name"] }))
}
