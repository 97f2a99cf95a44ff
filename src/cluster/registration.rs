//! The registration as far as certificates need it: the webhook's caBundle and one annotation.
//! Pure: JSON in, patches out. [`rendered`] is the whole of it, as it is installed.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

mod manifest;
pub mod rendered;

/// The webhook whose caBundle is ours. A registration may have others.
pub const WEBHOOK_NAME: &str = "inject.pullkey.dev";
/// Names the bundle that every API server has seen.
pub const SETTLED_ANNOTATION: &str = "pullkey.dev/settled";
/// The same as the last part of a JSON pointer.
const SETTLED_POINTER: &str = "/metadata/annotations/pullkey.dev~1settled";

/// What is known of the registration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Sight {
    /// Nothing: the API server did not answer yet.
    #[default]
    Unknown,
    /// There is none of this name.
    Missing,
    /// There is one, without our webhook.
    NoWebhook(Version),
    /// There is one.
    Found(Stored),
}

/// Which state of which object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// What tells an object from one of the same name that was made later.
    pub uid: String,
    /// What tells a state of the object from another.
    pub resource_version: String,
}

/// A registration with our webhook.
#[derive(Clone, PartialEq, Eq)]
pub struct Stored {
    /// Which state of which object.
    pub version: Version,
    /// The bytes of the caBundle, empty when there is none.
    pub ca_bundle: Vec<u8>,
    /// The annotation that names the settled bundle.
    pub settled: Option<String>,
    has_annotations: bool,
    /// Where our webhook stands in the list.
    index: usize,
}

#[derive(Deserialize)]
struct Object {
    metadata: Metadata,
    #[serde(default)]
    webhooks: Option<Vec<Webhook>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    uid: String,
    resource_version: String,
    #[serde(default)]
    annotations: Option<serde_json::Map<String, Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Webhook {
    name: String,
    client_config: ClientConfig,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientConfig {
    #[serde(default)]
    ca_bundle: Option<String>,
}

impl Sight {
    /// Reads a `MutatingWebhookConfiguration`.
    ///
    /// # Errors
    /// The value is none.
    pub fn of(object: Value) -> Result<Self, serde_json::Error> {
        let Object { metadata, webhooks } = serde_json::from_value(object)?;
        let version = Version { uid: metadata.uid, resource_version: metadata.resource_version };
        let webhooks = webhooks.unwrap_or_default();
        let Some(index) = webhooks.iter().position(|webhook| webhook.name == WEBHOOK_NAME) else {
            return Ok(Self::NoWebhook(version));
        };
        let ca_bundle = webhooks[index].client_config.ca_bundle.as_deref().unwrap_or_default();
        let settled =
            metadata.annotations.as_ref().and_then(|annotations| annotations.get(SETTLED_ANNOTATION));
        Ok(Self::Found(Stored {
            version,
            // The API server checks this one thing when it is written.
            ca_bundle: STANDARD.decode(ca_bundle).unwrap_or_default(),
            settled: settled.and_then(Value::as_str).map(str::to_owned),
            has_annotations: metadata.annotations.is_some(),
            index,
        }))
    }

    /// Which state of which object this is, if there is one.
    #[must_use]
    pub fn version(&self) -> Option<&Version> {
        match self {
            Self::Unknown | Self::Missing => None,
            Self::NoWebhook(version) | Self::Found(Stored { version, .. }) => Some(version),
        }
    }

    /// Whether this is an earlier state than another of the same object.
    #[must_use]
    pub fn is_before(&self, other: &Self) -> bool {
        let (Some(this), Some(other)) = (self.version(), other.version()) else {
            return false;
        };
        let number = |version: &Version| version.resource_version.parse::<u64>().ok();
        this.uid == other.uid && number(this).zip(number(other)).is_some_and(|(this, other)| this < other)
    }
}

impl Stored {
    /// The JSON patch that replaces the bundle. It also removes the annotation: even a bundle that
    /// was settled once has to settle again.
    #[must_use]
    pub fn with_bundle(&self, ca_bundle: &[u8]) -> Value {
        let mut patch = self.guards();
        patch.push(json!({
            "op": "add",
            "path": format!("/webhooks/{}/clientConfig/caBundle", self.index),
            "value": STANDARD.encode(ca_bundle),
        }));
        if self.settled.is_some() {
            patch.push(json!({"op": "remove", "path": SETTLED_POINTER}));
        }
        patch.into()
    }

    /// The JSON patch that writes the annotation, and nothing else.
    #[must_use]
    pub fn with_settled(&self, hash: &str) -> Value {
        let mut patch = self.guards();
        if !self.has_annotations {
            patch.push(json!({"op": "add", "path": "/metadata/annotations", "value": {}}));
        }
        patch.push(json!({"op": "add", "path": SETTLED_POINTER, "value": hash}));
        patch.into()
    }

    /// The JSON patch that removes the annotation, and nothing else.
    #[must_use]
    pub fn without_settled(&self) -> Value {
        let mut patch = self.guards();
        patch.push(json!({"op": "remove", "path": SETTLED_POINTER}));
        patch.into()
    }

    /// The webhook still stands where it stood, and nobody has written in between. Another version in
    /// a `test` would be answered with 422 like any mistake; replacing it is answered with 409.
    fn guards(&self) -> Vec<Value> {
        vec![
            json!({"op": "test", "path": format!("/webhooks/{}/name", self.index), "value": WEBHOOK_NAME}),
            json!({"op": "replace", "path": "/metadata/resourceVersion", "value": self.version.resource_version}),
        ]
    }
}

impl fmt::Debug for Stored {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, ca_bundle, settled, .. } = self;
        write!(formatter, "Stored({version:?}, {} bytes, settled {settled:?})", ca_bundle.len())
    }
}
