//! The user's pull Secrets, as far as a configuration is about them.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::remarks::Remarks;
use crate::engine::config::{is_dns_label, is_secret_name};
use crate::engine::credentials::{Format, Ignored, Key, PullSecret};

/// Its Pods are never sent to pullkey.
const NEVER_SENT: &str = "kube-system";

/// The pull Secrets that can be read, with their keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Secrets {
    by_place: BTreeMap<Place, Vec<Key>>,
    seen: usize,
    /// `OpenShift` makes them by the dozen, and puts them on the Pods itself.
    made_for_accounts: usize,
}

/// Where a Secret is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Nothing for a Secret whose namespace is not known: it may be in any.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

impl Secrets {
    /// Takes a Secret as the API server or a manifest has it; one that is no pull secret is passed over.
    ///
    /// Of two with the same name the later one counts, as with `kubectl apply`.
    pub fn add(&mut self, object: &Value, default_namespace: Option<&str>, remarks: &mut Remarks) {
        let metadata = &object["metadata"];
        let namespace = metadata["namespace"].as_str().filter(|name| !name.is_empty()).or(default_namespace);
        let name = metadata["name"].as_str().unwrap_or_default();
        let secret_type = object["type"].as_str().filter(|name| !name.is_empty()).unwrap_or("Opaque");
        self.seen += 1;
        let data = match data(object, secret_type) {
            Data::None => return,
            Data::WrongType(key) => {
                let text = format!(
                    "it has {key}, but the type {secret_type:?}, so the kubelet passes it over; make it again with `kubectl create secret docker-registry`"
                );
                return remarks.about(name, namespace, text);
            }
            Data::Broken => {
                let text = "its data is not base64, so the API server refuses it; it is left out";
                return remarks.about(name, namespace, text.to_owned());
            }
            Data::Text(data) => data,
        };
        if is_made_for_an_account(metadata) {
            self.made_for_accounts += 1;
            return;
        }
        if namespace == Some(NEVER_SENT) {
            let text = format!("Pods of {NEVER_SENT} are never sent to pullkey; its Secrets are left out");
            return remarks.say(text);
        }
        if !is_secret_name(name) || !namespace.is_none_or(is_dns_label) {
            let text = "this cannot be the name of a Secret or of its namespace; it is left out";
            return remarks.about(&format!("{name:?}"), namespace, text.to_owned());
        }
        match PullSecret::read(secret_type, |_| Some(&data)) {
            PullSecret::Keys(keys) => self.insert(namespace, name, keys, remarks),
            PullSecret::Malformed(malformed) => {
                let text = format!(
                    "the kubelet cannot read it, and pulls nothing for a Pod that names it: {malformed}; it is left out"
                );
                remarks.about(name, namespace, text);
            }
            PullSecret::Ignored(Ignored::Type) => {}
            PullSecret::Ignored(Ignored::NoData(format)) => {
                let text =
                    format!("its {} is missing or empty, so the kubelet passes it over", format.data_key());
                remarks.about(name, namespace, text);
            }
        }
    }

    /// Takes the keys of one Secret.
    pub fn insert(&mut self, namespace: Option<&str>, name: &str, keys: Vec<Key>, remarks: &mut Remarks) {
        if keys.is_empty() {
            remarks.about(name, namespace, "it has no entry".to_owned());
        }
        self.by_place.insert(Place { namespace: namespace.map(str::to_owned), name: name.to_owned() }, keys);
    }

    /// The Secrets, in the order of their places.
    pub fn iter(&self) -> impl Iterator<Item = (&Place, &[Key])> {
        self.by_place.iter().map(|(place, keys)| (place, keys.as_slice()))
    }

    /// The keys of the Secrets that a Pod in this namespace may name.
    pub fn keys_in(&self, namespace: &str) -> impl Iterator<Item = &Key> {
        let is_there = move |place: &Place| place.namespace.as_deref().is_none_or(|own| own == namespace);
        self.iter().filter(move |(place, _)| is_there(place)).flat_map(|(_, keys)| keys)
    }

    /// Drops every key that is not wanted, and the Secrets without one.
    pub fn retain(&mut self, mut is_wanted: impl FnMut(&Place, &Key) -> bool) {
        self.by_place.retain(|place, keys| {
            keys.retain(|key| is_wanted(place, key));
            !keys.is_empty()
        });
    }

    /// How many Secrets of whatever type were looked at.
    #[must_use]
    pub fn seen(&self) -> usize {
        self.seen
    }

    /// How many were passed over because `OpenShift` makes and uses them by itself.
    #[must_use]
    pub fn made_for_accounts(&self) -> usize {
        self.made_for_accounts
    }
}

/// What a Secret has for the kubelet.
enum Data {
    /// It is for something else.
    None,
    /// It was probably meant as a pull secret.
    WrongType(&'static str),
    Broken,
    Text(Vec<u8>),
}

fn data(object: &Value, secret_type: &str) -> Data {
    let member =
        |format: Format, of: &str| object[of].get(format.data_key()).filter(|value| !value.is_null());
    let Some(format) = Format::of_type(secret_type) else {
        let is_there = |format: &Format| member(*format, "data").or(member(*format, "stringData")).is_some();
        let meant = [Format::ConfigJson, Format::Cfg].into_iter().find(is_there);
        return meant.map_or(Data::None, |format| Data::WrongType(format.data_key()));
    };
    // The API server writes what is in stringData over what is in data.
    if let Some(text) = member(format, "stringData") {
        return text.as_str().map_or(Data::Broken, |text| Data::Text(text.as_bytes().to_vec()));
    }
    let Some(text) = member(format, "data") else { return Data::Text(Vec::new()) };
    let text = text.as_str().unwrap_or("-").replace(['\r', '\n'], "");
    STANDARD.decode(text).map_or(Data::Broken, Data::Text)
}

/// The annotations by which `OpenShift` ties a Secret to a `ServiceAccount`, in its older and newer form.
fn is_made_for_an_account(metadata: &Value) -> bool {
    let annotations = metadata["annotations"].as_object();
    annotations.into_iter().flat_map(|annotations| annotations.keys()).any(|name| {
        name == "kubernetes.io/service-account.name"
            || name == "openshift.io/token-secret.name"
            || name.starts_with("openshift.io/internal-registry-auth-token.")
    })
}
