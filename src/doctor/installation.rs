//! What was read of one installation.

use serde_json::Value;

use super::seen::Seen;
use crate::cluster::registration::WEBHOOK_NAME;

/// One installation of pullkey, as the objects of the cluster.
#[derive(Clone, Debug)]
pub struct Installation {
    /// The name that the registration should have.
    pub name: String,
    /// The registration.
    pub registration: Seen<Value>,
    /// All other mutating webhook configurations.
    pub others: Vec<Value>,
}

impl Installation {
    /// Our webhook in the registration.
    #[must_use]
    pub fn webhook(&self) -> Option<&Value> {
        webhook(self.registration.found()?)
    }

    /// The namespace and the name of the Service that the API server is led to; none where it is a URL.
    #[must_use]
    pub fn service(&self) -> Option<(&str, &str)> {
        let service = &self.webhook()?["clientConfig"]["service"];
        Some((service["namespace"].as_str()?, service["name"].as_str()?))
    }
}

/// Our webhook in a registration.
pub(super) fn webhook(registration: &Value) -> Option<&Value> {
    let mut webhooks = registration["webhooks"].as_array().into_iter().flatten();
    webhooks.find(|webhook| webhook["name"] == WEBHOOK_NAME)
}
