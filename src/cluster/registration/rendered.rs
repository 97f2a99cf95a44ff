//! The registration as it is installed: `deploy/base/webhook.yaml`, and what may differ from it.
//!
//! Whoever changes a word here writes that file again: CONTRIBUTING.md says how, and a test compares them.

use serde_json::{Value, json};

use super::{WEBHOOK_NAME, manifest};

/// Names the configuration that the condition on images was made from, by the hash that the metrics show.
pub const CONFIGURATION_ANNOTATION: &str = "pullkey.dev/configuration";
/// The label of namespaces and Pods that opens and closes.
pub const INJECT_LABEL: &str = "pullkey.dev/inject";
/// The label that the API server gives each namespace.
pub const NAME_LABEL: &str = "kubernetes.io/metadata.name";
/// Where `serve` answers reviews.
pub const REVIEW_PATH: &str = "/mutate";

/// All that may differ between two registrations.
#[derive(Clone, Debug)]
pub struct Registration {
    /// The name of the object.
    pub name: String,
    /// Where the API server finds pullkey.
    pub endpoint: Endpoint,
    /// The namespace of pullkey's own Pods, which never pass through it.
    pub own_namespace: String,
    /// Which namespaces are sent.
    pub namespaces: Namespaces,
    /// What becomes of a Pod when pullkey does not answer.
    pub failure_policy: FailurePolicy,
    /// For one Pod, in whole seconds.
    pub timeout_seconds: u8,
    /// Keeps Pods away whose images no entry of a configuration could match.
    pub image_condition: Option<ImageCondition>,
}

/// Where the API server finds pullkey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A Service of the cluster.
    Service(Service),
    /// Anything else that it can reach, by https.
    Url(String),
}

/// A Service of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Its port, which is not that of the Pods.
    pub port: u16,
}

/// What the label of a namespace does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Namespaces {
    /// It opens: other namespaces are not sent.
    OptIn,
    /// It closes: other namespaces are sent.
    OptOut,
}

/// What becomes of a Pod when pullkey does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailurePolicy {
    /// It is refused.
    Fail,
    /// It is created without pull secrets.
    Ignore,
}

/// A condition on the images of a Pod.
#[derive(Clone, Debug)]
pub struct ImageCondition {
    /// CEL, true where pullkey might add something.
    pub expression: String,
    /// The hash of the configuration it was made from.
    pub configuration: String,
}

impl Registration {
    /// As YAML with comments.
    #[must_use]
    pub fn yaml(&self) -> String {
        let comments = self.comments();
        manifest::yaml(&self.object(), &|pointer| {
            comments.iter().find(|(place, _)| *place == pointer).map_or(&[], |(_, lines)| lines)
        })
    }

    /// The object. It never has the key of the trusted certificates, not even empty: a later
    /// `kubectl apply` would wipe those that were set in the cluster.
    #[must_use]
    pub fn object(&self) -> Value {
        let mut metadata = json!({"name": self.name});
        let mut conditions = vec![json!({
            "name": "not-a-mirror-pod",
            "expression": "!(has(object.metadata.annotations) && \
                           'kubernetes.io/config.mirror' in object.metadata.annotations)",
        })];
        if let Some(ImageCondition { expression, configuration }) = &self.image_condition {
            metadata["annotations"] = json!({CONFIGURATION_ANNOTATION: configuration});
            conditions.push(json!({"name": "an-image-could-match", "expression": expression}));
        }
        let client = match &self.endpoint {
            Endpoint::Service(Service { name, namespace, port }) => json!({
                "service": {"name": name, "namespace": namespace, "path": REVIEW_PATH, "port": port},
            }),
            Endpoint::Url(url) => json!({"url": url}),
        };
        let closed = json!(["disabled", "false"]);
        let by_label = match self.namespaces {
            Namespaces::OptIn => {
                json!({"key": INJECT_LABEL, "operator": "In", "values": ["enabled", "true"]})
            }
            Namespaces::OptOut => json!({"key": INJECT_LABEL, "operator": "NotIn", "values": closed}),
        };
        let mut excluded = vec!["kube-system", self.own_namespace.as_str()];
        excluded.dedup();
        let by_name = json!({"key": NAME_LABEL, "operator": "NotIn", "values": excluded});
        json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "MutatingWebhookConfiguration",
            "metadata": metadata,
            "webhooks": [{
                "name": WEBHOOK_NAME,
                "admissionReviewVersions": ["v1"],
                "clientConfig": client,
                "rules": [{
                    "apiGroups": [""],
                    "apiVersions": ["v1"],
                    "operations": ["CREATE"],
                    "resources": ["pods"],
                    "scope": "Namespaced",
                }],
                "matchPolicy": "Equivalent",
                "namespaceSelector": {"matchExpressions": [by_label, by_name]},
                "objectSelector": {
                    "matchExpressions": [{"key": INJECT_LABEL, "operator": "NotIn", "values": closed}],
                },
                "matchConditions": conditions,
                "failurePolicy": match self.failure_policy {
                    FailurePolicy::Fail => "Fail",
                    FailurePolicy::Ignore => "Ignore",
                },
                "timeoutSeconds": self.timeout_seconds,
                "reinvocationPolicy": "IfNeeded",
                "sideEffects": "None",
            }],
        })
    }

    /// The comments, by the JSON pointer of what they stand above.
    fn comments(&self) -> Vec<(&'static str, Vec<&'static str>)> {
        let namespaces = match self.namespaces {
            Namespaces::OptIn => {
                "Only namespaces that opted in, and never the two that pullkey itself depends on, whatever their labels say."
            }
            Namespaces::OptOut => {
                "All namespaces but those that opted out, and never the two that pullkey itself depends on, whatever their labels say."
            }
        };
        let mut conditions = vec![
            "The API server refuses a mirror Pod that references a Secret, so such Pods are left alone.",
        ];
        if self.image_condition.is_none() {
            conditions.extend([
                "There is no condition on images: a webhook that is skipped in the first round is not called in the second,",
                "and the image of a sidecar that another webhook adds would be missed.",
                "`pullkey registration --match-conditions` adds one at this price.",
            ]);
        }
        let failure = match self.failure_policy {
            FailurePolicy::Fail => vec![
                "A Pod that slipped through can never be repaired, while controllers retry a refused one.",
                "`--fail-policy ignore` and deploy/components/fail-open choose the other way.",
            ],
            FailurePolicy::Ignore => vec![
                "A Pod is created without pull secrets when pullkey does not answer, instead of being refused.",
                "Such a Pod can never be repaired, only created again.",
            ],
        };
        vec![
            (
                "",
                vec![
                    "MutatingWebhookConfiguration: tells the API server which Pods pullkey sees.",
                    "Printed by `pullkey registration`, which has a flag for all that may differ.",
                    "The trusted certificates of clientConfig are set in the cluster and never stand in a manifest,",
                    "not even empty: a later `kubectl apply` would wipe them.",
                ],
            ),
            (
                "/webhooks/0/rules",
                vec!["imagePullSecrets can be set at creation only: the API server refuses a later change."],
            ),
            (
                "/webhooks/0/namespaceSelector",
                vec![namespaces, "The API server sets the label of the second line; nobody can forge it."],
            ),
            ("/webhooks/0/objectSelector", vec!["A Pod may opt out by label."]),
            ("/webhooks/0/matchConditions", conditions),
            (
                "/webhooks/0/matchConditions/1",
                vec![
                    "Made from a configuration: the API server asks only about Pods with an image that some entry could match.",
                    "Price: the image of a sidecar that another webhook adds to a Pod that was skipped here is missed,",
                    "and whoever changes the configuration must render and apply this again, before the new one is in use.",
                ],
            ),
            ("/webhooks/0/failurePolicy", failure),
            (
                "/webhooks/0/timeoutSeconds",
                vec!["For one Pod and all tries together; the API server tries again after a second."],
            ),
            ("/webhooks/0/reinvocationPolicy", vec!["Another webhook may add a container after us."]),
        ]
    }
}
