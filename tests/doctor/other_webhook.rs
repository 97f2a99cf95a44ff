//! A second webhook that changes the Pods of one namespace after pullkey has.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::support::kubectl::Kubectl;
use crate::support::patching::serve;
use crate::support::sandbox::ADDRESS;

/// It is registered until this is dropped.
pub(crate) struct OtherWebhook {
    kubectl: Kubectl,
    name: String,
}

impl OtherWebhook {
    /// Registers it; the API server asks it after pullkey, as registrations are asked by their names.
    pub(crate) fn install(kubectl: &Kubectl, namespace: &str, patch: &Value) -> Self {
        let (port, certificate) = serve(patch.clone());
        let other = Self { kubectl: kubectl.clone(), name: format!("zz-{namespace}") };
        let url = format!("https://{ADDRESS}:{port}/");
        let registration = json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "MutatingWebhookConfiguration",
            "metadata": {"name": other.name},
            "webhooks": [{
                "name": "other.example.com",
                "admissionReviewVersions": ["v1"],
                "clientConfig": {"url": url, "caBundle": BASE64_STANDARD.encode(certificate)},
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
                // It is asked again after pullkey, which is asked again after it: the last word is its own.
                "reinvocationPolicy": "IfNeeded",
                "sideEffects": "None",
            }],
        });
        kubectl.run_with_input(&["create", "-f", "-"], &registration.to_string());
        other
    }

    /// The name of its registration.
    pub(crate) fn registration(&self) -> &str {
        &self.name
    }
}

impl Drop for OtherWebhook {
    fn drop(&mut self) {
        // It concerns its own namespace only.
        let _ = self.kubectl.attempt(&["delete", "mutatingwebhookconfiguration", &self.name], "");
    }
}
