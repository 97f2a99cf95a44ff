//! The stored registration, and two API servers that each may miss a write.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pullkey::certs::bundle::Bundle;
use pullkey::certs::plan::Failure;
use pullkey::cluster::registration::{Sight, WEBHOOK_NAME};
use serde_json::{Value, json};

/// Two writes closer together than this may leave an API server on what it had before them.
const RACE: Duration = Duration::from_millis(20);

/// What is stored, and what the API servers make of it.
#[derive(Debug)]
pub(crate) struct Server {
    object: Option<Value>,
    /// What the object is to a reader.
    sight: Sight,
    version: u64,
    uid: u64,
    written_at: Option<Duration>,
    /// The bundle that each API server trusts.
    trusted: [Bundle; 2],
    /// Whether writes that follow another closely are missed, by one server or the other.
    pub(crate) loses: [bool; 2],
    pub(crate) writes: usize,
}

impl Server {
    pub(crate) fn new() -> Self {
        let trusted = [Bundle::default(), Bundle::default()];
        Self {
            object: None,
            sight: Sight::Missing,
            version: 1,
            uid: 0,
            written_at: None,
            trusted,
            loses: [false; 2],
            writes: 0,
        }
    }

    pub(crate) fn read(&self) -> &Sight {
        &self.sight
    }

    /// Makes the registration where there is none.
    pub(crate) fn create(&mut self, at: Duration) {
        if self.object.is_none() {
            self.uid += 1;
            let webhook =
                |name| json!({"name": name, "clientConfig": {"service": {"name": "x", "namespace": "y"}}});
            self.store(
                json!({
                    "metadata": {"name": "pullkey", "uid": self.uid.to_string(), "labels": {"a": "b"}},
                    "webhooks": [webhook("other.example.com"), webhook(WEBHOOK_NAME)],
                }),
                at,
            );
        }
    }

    pub(crate) fn delete(&mut self) {
        self.object = None;
        self.sight = Sight::Missing;
        self.version += 1;
        self.trusted = [Bundle::default(), Bundle::default()];
    }

    /// Another actor changes the object as he likes.
    pub(crate) fn meddle(&mut self, at: Duration, change: impl FnOnce(&mut Value)) {
        if let Some(mut object) = self.object.clone() {
            change(&mut object);
            self.store(object, at);
        }
    }

    /// A JSON patch, as an API server applies it.
    pub(crate) fn patch(&mut self, patch: &Value, at: Duration) -> Result<Sight, Failure> {
        let Some(mut object) = self.object.clone() else {
            return Err(Failure::Conflict);
        };
        let patch: json_patch::Patch = serde_json::from_value(patch.clone()).expect("a JSON patch");
        json_patch::patch(&mut object, &patch).map_err(|_| Failure::Refused)?;
        if object["metadata"]["resourceVersion"] != json!(self.version.to_string()) {
            return Err(Failure::Conflict);
        }
        self.writes += 1;
        self.store(object, at);
        Ok(self.sight.clone())
    }

    /// Whether both API servers accept a certificate.
    pub(crate) fn trusts(&self, der: &[u8]) -> bool {
        self.trusted.iter().all(|bundle| bundle.anchors().iter().any(|anchor| anchor.der() == der))
    }

    /// The stored bytes of the bundle.
    pub(crate) fn bundle(&self) -> Vec<u8> {
        match &self.sight {
            Sight::Found(stored) => stored.ca_bundle.clone(),
            _ => Vec::new(),
        }
    }

    fn store(&mut self, mut object: Value, at: Duration) {
        object["metadata"]["resourceVersion"] =
            self.object.as_ref().map_or(Value::Null, |old| old["metadata"]["resourceVersion"].clone());
        if self.object.as_ref() == Some(&object) {
            return;
        }
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.sight = Sight::of(object.clone()).expect("what is stored is a registration");
        self.object = Some(object);
        let is_close = self.written_at.is_some_and(|before| at.saturating_sub(before) < RACE);
        let bundle = read_as_go_does(&self.bundle());
        for (trusted, loses) in self.trusted.iter_mut().zip(self.loses) {
            if !(is_close && loses) {
                *trusted = bundle.clone();
            }
        }
        self.written_at = Some(at);
    }
}

/// The webhook's place in the object.
pub(crate) fn client_config(object: &mut Value) -> &mut Value {
    &mut object["webhooks"][1]["clientConfig"]
}

/// Go finds a block only where it begins and ends on lines of its own.
pub(crate) fn read_as_go_does(bytes: &[u8]) -> Bundle {
    let text = String::from_utf8_lossy(bytes);
    let mut blocks = String::new();
    let mut block: Option<String> = None;
    for line in text.lines() {
        match (line, &mut block) {
            ("-----BEGIN CERTIFICATE-----", _) => block = Some(format!("{line}\n")),
            ("-----END CERTIFICATE-----", Some(_)) => {
                blocks.push_str(&block.take().unwrap_or_default());
                blocks.push_str("-----END CERTIFICATE-----\n");
            }
            (line, _) if line.starts_with("-----") => block = None,
            (line, Some(block)) => {
                block.push_str(line);
                block.push('\n');
            }
            (_, None) => {}
        }
    }
    Bundle::parse(blocks.as_bytes())
}

pub(crate) fn base64(bytes: &[u8]) -> Value {
    json!(STANDARD.encode(bytes))
}
