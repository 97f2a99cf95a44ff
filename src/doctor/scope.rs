//! What the registration sends: which namespaces, and which of their Pods.

use serde_json::{Value, json};

use super::installation::{Installation, webhook};
use super::selector::{requirements, selects};
use super::spelling::{self, Meaning};
use crate::cluster::registration::rendered::{INJECT_LABEL, NAME_LABEL};

/// What closes a namespace or a Pod, whatever opens it.
const CLOSING: [&str; 2] = ["disabled", "false"];
/// What opens where the registration lists only what closes.
const OPENING: [&str; 2] = ["enabled", "true"];

/// Which Pods reach pullkey, and what people write to say so.
#[derive(Debug)]
pub(super) struct Scope<'i> {
    webhook: &'i Value,
    /// Other installations, by the names of their registrations.
    others: Vec<(&'i str, &'i Value)>,
    /// The label that opens and closes.
    pub(super) key: &'i str,
    /// Whether that label is for nothing else.
    is_pullkeys_own: bool,
    /// The values that open; the first is the one to write.
    opening: Vec<&'i str>,
    /// The same for those that close.
    closing: Vec<&'i str>,
    /// The values that our own registration opens for.
    ours: Vec<&'i str>,
    /// Whether a namespace without the label is sent.
    pub(super) is_opt_out: bool,
}

impl<'i> Scope<'i> {
    /// Reads it from the registration, when there is one.
    pub(super) fn of(installation: &'i Installation) -> Option<Self> {
        let ours = installation.webhook()?;
        let others: Vec<(&str, &Value)> = installation
            .others
            .iter()
            .filter_map(|other| Some((other["metadata"]["name"].as_str()?, webhook(other)?)))
            .collect();
        let selector = &ours["namespaceSelector"];
        let keys: Vec<&str> = requirements(selector).map(|line| line.key).collect();
        // Who selects by labels of his own does not look at ours.
        let is_ours = |key: &str| key == INJECT_LABEL || spelling::is_meant(key, INJECT_LABEL);
        let other_label = || keys.iter().find(|key| **key != NAME_LABEL);
        let key = keys.iter().find(|key| is_ours(key)).or_else(other_label).copied().unwrap_or(INJECT_LABEL);
        let values = |webhook: &'i Value, opens: bool| {
            let lines = requirements(&webhook["namespaceSelector"]).filter(move |line| line.key == key);
            let lines = lines.filter(move |line| if opens { line.opens } else { line.closes });
            lines.flat_map(|line| line.values).collect::<Vec<_>>()
        };
        let all = |opens: bool, words: [&'i str; 2]| {
            let mut found = values(ours, opens);
            found.extend(others.iter().flat_map(|(_, webhook)| values(webhook, opens)));
            if found.is_empty() || !opens {
                found.extend(words);
            }
            found
        };
        let mut scope = Self {
            webhook: ours,
            key,
            is_pullkeys_own: is_ours(key),
            opening: all(true, OPENING),
            closing: all(false, CLOSING),
            ours: values(ours, true),
            is_opt_out: false,
            others,
        };
        scope.is_opt_out = scope.sends_with(&json!({NAME_LABEL: "any"}));
        Some(scope)
    }

    /// Whether the Pods of a namespace are sent.
    pub(super) fn sends(&self, namespace: &Value) -> bool {
        self.sends_with(&namespace["metadata"]["labels"])
    }

    /// Whether those of a namespace with these labels would be.
    fn sends_with(&self, labels: &Value) -> bool {
        selects(&self.webhook["namespaceSelector"], labels)
    }

    /// Whether a namespace would be sent if only its label were right.
    pub(super) fn can_send(&self, namespace: &Value) -> bool {
        let mut labels = namespace["metadata"]["labels"].clone();
        if !labels.is_object() {
            labels = json!({});
        }
        labels[self.key] = json!(self.to_open());
        self.sends_with(&labels)
    }

    /// Whether a Pod with these labels is sent, once its namespace is.
    pub(super) fn sends_pod(&self, labels: &Value) -> bool {
        selects(&self.webhook["objectSelector"], labels)
    }

    /// The other installations whose registrations send a namespace.
    pub(super) fn others_that_send(&self, namespace: &Value) -> impl Iterator<Item = &'i str> {
        let labels = &namespace["metadata"]["labels"];
        let others = self.others.iter();
        others
            .filter(move |(_, webhook)| selects(&webhook["namespaceSelector"], labels))
            .map(|(name, _)| *name)
    }

    /// The value to write for opening.
    pub(super) fn to_open(&self) -> &'i str {
        self.ours.first().or(self.opening.first()).copied().unwrap_or(OPENING[0])
    }

    /// The value to write for closing.
    pub(super) fn to_close(&self) -> &'i str {
        self.closing.first().copied().unwrap_or(CLOSING[0])
    }

    /// Whether a value is one that some registration knows.
    pub(super) fn is_right(&self, value: &str) -> bool {
        self.opening.contains(&value) || self.closing.contains(&value)
    }

    /// What a value is meant to do.
    pub(super) fn meaning(&self, value: &str) -> Meaning {
        spelling::meaning(value, &self.opening, &self.closing)
    }

    /// Whether a key is the one that counts, or was probably meant to be; never one that another
    /// registration looks at.
    pub(super) fn is_like_key(&self, key: &str) -> bool {
        let is_of_another = || {
            let mut others = self.others.iter();
            others.any(|(_, webhook)| requirements(&webhook["namespaceSelector"]).any(|line| line.key == key))
        };
        // What `team: web` is meant for is not known to us, even where `team: shop` opens.
        self.is_pullkeys_own && (key == self.key || spelling::is_meant(key, self.key) && !is_of_another())
    }
}
