//! What stands in the namespace of the Service: the Deployment, its Pods, and what else concerns them.

use serde_json::{Value, json};

use super::program::{self, Mounted, Program};
use super::seen::Seen;
use super::selector::selects;
use crate::engine::config::Config;

/// The fix for whatever the shipped manifests have and the cluster lacks.
pub(super) const APPLY: &str = "apply your overlay again, or `helm upgrade`";

/// The objects around the Service.
#[derive(Clone, Debug)]
pub struct Home {
    /// The namespace of the Service.
    pub namespace: String,
    /// The name of the Service.
    pub service_name: String,
    /// Whether Pods are let through without an answer (`failurePolicy: Ignore`).
    pub is_fail_open: bool,
    /// The Service.
    pub service: Seen<Value>,
    /// Its `EndpointSlices`.
    pub slices: Seen<Vec<Value>>,
    /// The Deployments of the namespace.
    pub deployments: Seen<Vec<Value>>,
    /// Its Pods, as far as the Service selects them or they run pullkey.
    pub pods: Seen<Vec<Value>>,
    /// Its `PodDisruptionBudgets`.
    pub budgets: Seen<Vec<Value>>,
    /// Its `NetworkPolicies`.
    pub policies: Seen<Vec<Value>>,
    /// The nodes of the cluster.
    pub nodes: Seen<Vec<Value>>,
    /// The `ConfigMap` that the Deployment mounts, where it mounts one.
    pub config_map: Option<Seen<Value>>,
    /// The short hash of the configuration in it, as the metrics show it.
    pub configuration_hash: Option<String>,
    /// What each replica says of itself.
    pub replicas: Vec<Replica>,
}

/// What a replica says of itself, through the API server.
#[derive(Clone, Debug)]
pub struct Replica {
    /// The name of its Pod.
    pub pod: String,
    /// The chain that it serves, as PEM.
    pub certificate: Seen<String>,
    /// Its metrics.
    pub metrics: Seen<String>,
    /// What it answers the readiness probe.
    pub readiness: Seen<String>,
}

impl Home {
    /// The Deployment that runs pullkey behind the Service.
    ///
    /// The labels decide; where the Service selects none, what runs.
    #[must_use]
    pub fn deployment(&self) -> Option<&Value> {
        let deployments = self.deployments.found()?;
        let runs = |deployment: &&Value| program::runs_pullkey(&deployment["spec"]["template"]["spec"]);
        let selected = || {
            let selects =
                |deployment: &&Value| self.selects(&deployment["spec"]["template"]["metadata"]["labels"]);
            deployments.iter().filter(selects)
        };
        let named = |deployment: &&Value| deployment["metadata"]["name"] == self.service_name.as_str();
        let running = || deployments.iter().filter(runs);
        selected().find(runs).or_else(|| running().find(named)).or_else(|| running().next())
    }

    /// Whether the Service selects an object with these labels. Without a selector it selects nothing.
    #[must_use]
    pub fn selects(&self, labels: &Value) -> bool {
        let selector = self.service.found().map(|service| &service["spec"]["selector"]);
        let is_set = |selector: &&Value| selector.as_object().is_some_and(|labels| !labels.is_empty());
        selector.filter(is_set).is_some_and(|by_label| {
            by_label.as_object().into_iter().flatten().all(|(key, value)| labels.get(key) == Some(value))
        })
    }

    /// The program in the Deployment's Pods.
    #[must_use]
    pub fn program(&self) -> Option<Program<'_>> {
        Program::of(&self.deployment()?["spec"]["template"]["spec"])
    }

    /// Where the configuration of the Deployment's Pods stands.
    #[must_use]
    pub fn mounted(&self) -> Option<Mounted> {
        self.program()?.configuration()
    }

    /// The configuration that the next Pod would read.
    #[must_use]
    pub fn configuration_text(&self) -> Option<&str> {
        let config_map = self.config_map.as_ref()?.found()?;
        config_map["data"][self.mounted()?.key].as_str()
    }

    /// The Pods that run pullkey and are not about to go: those of the Deployment, or else those that the Service
    /// selects.
    pub fn own_pods(&self) -> impl Iterator<Item = &Value> {
        let selector = self.deployment().map(|deployment| &deployment["spec"]["selector"]);
        let pods = self.pods.found().into_iter().flatten();
        pods.filter(move |pod| {
            let labels = &pod["metadata"]["labels"];
            let is_meant = match selector {
                Some(selector) => selects(selector, labels),
                None => self.selects(labels),
            };
            is_meant && program::runs_pullkey(&pod["spec"]) && is_alive(pod)
        })
    }

    /// Whether a Pod is made of what the Deployment says now, by the `ConfigMap` that it mounts.
    pub(super) fn is_of_current_template(&self, pod: &Value) -> bool {
        let mounted = Program::of(&pod["spec"]).and_then(|program| program.configuration());
        mounted.is_some() && mounted == self.mounted()
    }

    /// The Pod of this name.
    pub(super) fn pod(&self, name: &str) -> Option<&Value> {
        self.pods.found()?.iter().find(|pod| pod["metadata"]["name"] == name)
    }

    /// Whether the next Pod can start with the configuration that it would read, as far as that was seen.
    pub(super) fn has_valid_configuration(&self) -> bool {
        match &self.config_map {
            Some(Seen::Found(_)) => self.configuration_text().is_some_and(|text| Config::parse(text).is_ok()),
            Some(Seen::Missing) => false,
            _ => true,
        }
    }

    /// Whether pullkey publishes its certificates itself.
    pub(super) fn publishes(&self) -> bool {
        self.program().is_some_and(|program| program.option("--registration").is_some())
    }

    /// What becomes of Pods for which no replica answers.
    pub(super) fn lost(&self) -> &'static str {
        if self.is_fail_open {
            "every Pod that is sent comes without its pull secrets"
        } else {
            "every Pod that is sent is refused"
        }
    }

    /// The same of those for which one replica does not.
    pub(super) fn lost_there(&self) -> &'static str {
        if self.is_fail_open {
            "Pods that are sent to it come without their pull secrets"
        } else {
            "Pods that are sent to it are refused"
        }
    }

    /// The command that makes all Pods of the Deployment anew.
    pub(super) fn restart(&self) -> String {
        let name = self.deployment_name().unwrap_or_default();
        format!("kubectl -n {} rollout restart deployment/{name}", self.namespace)
    }

    /// How findings name the Service.
    pub(super) fn service_object(&self) -> String {
        format!("Service {}/{}", self.namespace, self.service_name)
    }

    /// How findings name the Deployment.
    pub(super) fn deployment_object(&self) -> String {
        match self.deployment_name() {
            Some(name) => format!("Deployment {}/{name}", self.namespace),
            None => format!("Namespace {}", self.namespace),
        }
    }

    pub(super) fn deployment_name(&self) -> Option<&str> {
        self.deployment()?["metadata"]["name"].as_str()
    }

    /// A command that changes an object of this namespace: by JSON Patch where it is a list of steps.
    pub(super) fn patch(&self, kind: &str, name: &str, patch: &Value) -> String {
        let form = if patch.is_array() { "json" } else { "merge" };
        let patch = patch.to_string().replace('\'', r"'\''");
        format!("kubectl -n {} patch {kind} {name} --type={form} -p '{patch}'", self.namespace)
    }

    /// A command that changes what the Deployment makes its Pods of.
    pub(super) fn patch_template(&self, change: &Value) -> String {
        let name = self.deployment_name().unwrap_or_default();
        self.patch("deployment", name, &json!({"spec": {"template": change}}))
    }

    /// How findings name a Pod.
    pub(super) fn pod_object(&self, pod: &str) -> String {
        format!("Pod {}/{pod}", self.namespace)
    }
}

/// Whether a Pod has not ended and is not about to.
pub(super) fn is_alive(pod: &Value) -> bool {
    let has_ended = pod["status"]["phase"] == "Succeeded" || pod["status"]["phase"] == "Failed";
    pod["metadata"]["deletionTimestamp"].is_null() && !has_ended
}

/// Whether a Pod is ready.
pub(super) fn is_ready(pod: &Value) -> bool {
    condition(pod, "Ready").is_some_and(|condition| condition["status"] == "True")
}

/// A condition of an object.
pub(super) fn condition<'o>(object: &'o Value, kind: &str) -> Option<&'o Value> {
    let mut conditions = object["status"]["conditions"].as_array().into_iter().flatten();
    conditions.find(|condition| condition["type"] == kind)
}
