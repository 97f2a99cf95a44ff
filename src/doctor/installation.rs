//! What was read of one installation.

use jiff::Timestamp;
use serde_json::Value;

use super::home::Home;
use super::seen::Seen;
use crate::cluster::registration::WEBHOOK_NAME;
use crate::engine::config::Config;

/// One installation of pullkey, as the objects of the cluster.
#[derive(Clone, Debug)]
pub struct Installation {
    /// The name that the registration should have.
    pub name: String,
    /// The registration.
    pub registration: Seen<Value>,
    /// All other mutating webhook configurations.
    pub others: Vec<Value>,
    /// When all this was read.
    pub now: Timestamp,
    /// What stands around the Service; none where the API server is led to a URL, or nowhere.
    pub home: Option<Home>,
    /// The configuration that the user means to have installed, where a file was named.
    pub meant: Option<Meant>,
}

/// A configuration that should be installed.
#[derive(Clone, Debug)]
pub struct Meant {
    /// What it says.
    pub config: Config,
    /// The hash of its text, as the metrics show it.
    pub hash: String,
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

    /// The configuration that is installed: that of the cluster where it was read and is valid, or else the file's.
    #[must_use]
    pub fn config(&self) -> Option<Config> {
        let text = self.home.as_ref().and_then(Home::configuration_text);
        let installed = text.and_then(|text| Config::parse(text).ok());
        installed.map(|(config, _)| config).or_else(|| self.meant.as_ref().map(|meant| meant.config.clone()))
    }

    /// How findings name the registration.
    pub(super) fn object(&self) -> String {
        format!("MutatingWebhookConfiguration {}", self.name)
    }

    /// A command that sets one member of our webhook, such as `timeoutSeconds`.
    pub(super) fn patch(&self, member: &str, value: &Value) -> String {
        let registration = self.registration.found();
        let webhooks = registration.and_then(|registration| registration["webhooks"].as_array());
        let is_ours = |webhook: &Value| webhook["name"] == WEBHOOK_NAME;
        let place = webhooks.and_then(|webhooks| webhooks.iter().position(is_ours)).unwrap_or(0);
        let patch = serde_json::json!([
            {"op": "add", "path": format!("/webhooks/{place}/{member}"), "value": value},
        ]);
        let patch = patch.to_string().replace('\'', r"'\''");
        format!("kubectl patch mutatingwebhookconfiguration {} --type=json -p '{patch}'", self.name)
    }
}

/// Our webhook in a registration.
pub(super) fn webhook(registration: &Value) -> Option<&Value> {
    let mut webhooks = registration["webhooks"].as_array().into_iter().flatten();
    webhooks.find(|webhook| webhook["name"] == WEBHOOK_NAME)
}
