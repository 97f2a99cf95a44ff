//! What a kubelet reads of a namespace, and what it makes of it for a container.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::kubectl::Kubectl;

/// The files of a volume, by their paths in it.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// The objects of a namespace at one time.
#[derive(Debug)]
pub(crate) struct Objects(Vec<Value>);

impl Objects {
    pub(crate) fn read(kubectl: &Kubectl, namespace: &str) -> Result<Self, String> {
        let kinds = "pods,services,configmaps,secrets";
        let printed = kubectl.attempt(&["get", kinds, "-n", namespace, "-o", "json"], "")?;
        let mut list: Value = serde_json::from_str(&printed).map_err(|error| error.to_string())?;
        let Value::Array(items) = list["items"].take() else { return Err("no list".to_owned()) };
        Ok(Self(items))
    }

    /// The Pods of pullkey that are to run, by name: replicas, and what runs to its end.
    pub(crate) fn pods(&self) -> BTreeMap<&str, &Value> {
        let pods = self.of_kind("Pod").filter(|pod| {
            pod["metadata"]["labels"]["app.kubernetes.io/part-of"] == "pullkey"
                && pod["metadata"]["deletionTimestamp"].is_null()
        });
        pods.filter_map(|pod| Some((pod["metadata"]["name"].as_str()?, pod))).collect()
    }

    /// The name of the Service that selects this Pod.
    pub(crate) fn service_of(&self, pod: &Value) -> Option<&str> {
        let selects = |service: &&Value| {
            let selector = service["spec"]["selector"].as_object();
            selector.is_some_and(|labels| {
                labels.iter().all(|(key, value)| &pod["metadata"]["labels"][key.as_str()] == value)
            })
        };
        self.of_kind("Service").find(selects)?["metadata"]["name"].as_str()
    }

    /// The files of a projected volume of this Pod.
    pub(crate) fn files(&self, pod: &Value, volume: &Value, token: &str) -> Result<Files, String> {
        let mut files = Files::new();
        for source in volume["projected"]["sources"].as_array().into_iter().flatten() {
            if let Some(name) = source["configMap"]["name"].as_str() {
                let data = &self.find("ConfigMap", name)?["data"];
                select(&mut files, data, &source["configMap"]["items"], |text| Ok(text.as_bytes().to_vec()))?;
            } else if let Some(name) = source["secret"]["name"].as_str() {
                let data = &self.find("Secret", name)?["data"];
                select(&mut files, data, &source["secret"]["items"], |text| {
                    STANDARD.decode(text).map_err(|error| format!("{name}: {error}"))
                })?;
            } else if let Some(path) = source["serviceAccountToken"]["path"].as_str() {
                files.insert(path.to_owned(), token.as_bytes().to_vec());
            } else if let Some(items) = source["downwardAPI"]["items"].as_array() {
                for item in items {
                    let path = item["path"].as_str().ok_or("an item without a path")?;
                    files.insert(path.to_owned(), field(pod, &item["fieldRef"]["fieldPath"])?.into_bytes());
                }
            } else {
                return Err(format!("a source that this stand-in does not know: {source}"));
            }
        }
        Ok(files)
    }

    fn of_kind(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.0.iter().filter(move |object| object["kind"] == kind)
    }

    fn find(&self, kind: &str, name: &str) -> Result<&Value, String> {
        let found = self.of_kind(kind).find(|object| object["metadata"]["name"] == name);
        found.ok_or_else(|| format!("{kind} {name} is not there"))
    }
}

/// Takes the keys that the items name, or all.
fn select(
    files: &mut Files,
    data: &Value,
    items: &Value,
    bytes: impl Fn(&str) -> Result<Vec<u8>, String>,
) -> Result<(), String> {
    let Some(items) = items.as_array() else {
        for (key, text) in data.as_object().into_iter().flatten() {
            files.insert(key.clone(), bytes(text.as_str().unwrap_or_default())?);
        }
        return Ok(());
    };
    for item in items {
        let (Some(key), Some(path)) = (item["key"].as_str(), item["path"].as_str()) else {
            return Err(format!("no item: {item}"));
        };
        let text = data[key].as_str().ok_or_else(|| format!("there is no {key}"))?;
        files.insert(path.to_owned(), bytes(text)?);
    }
    Ok(())
}

/// The variables of a Pod's container.
pub(crate) fn variables(pod: &Value) -> Result<Vec<(String, String)>, String> {
    let listed = pod["spec"]["containers"][0]["env"].as_array().into_iter().flatten();
    let value = |variable: &Value| match &variable["valueFrom"]["fieldRef"]["fieldPath"] {
        Value::Null => Ok(text(&variable["value"])),
        path => field(pod, path),
    };
    listed.map(|variable| Ok((text(&variable["name"]), value(variable)?))).collect()
}

/// A field of the Pod that its container may know.
fn field(pod: &Value, path: &Value) -> Result<String, String> {
    match path.as_str() {
        Some("metadata.name") => Ok(text(&pod["metadata"]["name"])),
        Some("metadata.namespace") => Ok(text(&pod["metadata"]["namespace"])),
        _ => Err(format!("a field that this stand-in does not know: {path}")),
    }
}

/// The arguments of a Pod's container, in which `$(NAME)` is replaced by the variable of that name.
pub(crate) fn arguments(pod: &Value, variables: &[(String, String)]) -> Vec<String> {
    let arguments = pod["spec"]["containers"][0]["args"].as_array().into_iter().flatten();
    let expand = |argument: &Value| {
        variables
            .iter()
            .fold(text(argument), |argument, (name, value)| argument.replace(&format!("$({name})"), value))
    };
    arguments.map(expand).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
