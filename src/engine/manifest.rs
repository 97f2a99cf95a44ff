//! The Pods inside manifests: what `helm template`, `kustomize build` and `kubectl get` print.
//!
//! A manifest is edited, not written anew: only lines with the added names differ, and comments,
//! quotes and numbers such as `0644` (which YAML 1.1 and 1.2 read differently) stay as they are.
//! After an edit the text is read again, and it must be what the patch makes of the document.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

use serde::Deserialize as _;
use serde_json::Value;
use serde_path_to_error::Segment;

use super::patch;
use super::pod::PodView;
use super::rules::{Rules, Selection};
use tree::Node;

mod edit;
mod json;
mod objects;
mod tree;
mod yaml;

/// A text of many documents, read.
#[derive(Debug)]
pub struct Manifests<'t> {
    text: &'t str,
    documents: Vec<Node>,
}

/// One Pod, or one Pod template, in the manifests.
#[derive(Debug)]
pub struct PodPlace {
    /// The kind of the object, such as `Deployment`.
    pub kind: String,
    /// The name of the object; `generateName` with a star when it has no other; or empty.
    pub name: String,
    /// The namespace that the object names.
    pub namespace: Option<String>,
    /// The line where the Pod or template begins, counted from 1.
    pub line: usize,
    /// The Pod or template.
    pod: Value,
    /// Which document of the text.
    document: usize,
    /// The keys and positions that lead from the document to the Pod or template.
    path: Vec<Step>,
}

/// One step from a node to a child.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Key(&'static str),
    Item(usize),
}

/// The manifests with the missing names.
#[derive(Debug)]
pub struct Injected {
    /// The whole text.
    pub text: String,
    /// How many Pods and templates got names.
    pub changed: usize,
}

/// Why manifests cannot be read or edited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestError {
    /// The line, counted from 1; 0 when it concerns the whole text.
    pub line: usize,
    /// What is wrong, and what to do.
    pub message: String,
}

impl<'t> Manifests<'t> {
    /// Reads a stream of YAML documents or of JSON objects.
    ///
    /// # Errors
    /// The text is neither, with the place.
    pub fn parse(text: &'t str) -> Result<Self, ManifestError> {
        let start = text.trim_start();
        if start.starts_with("{{") {
            let line = text[..text.len() - start.len()].matches('\n').count() + 1;
            let message = "a template begins here that was not rendered; use the output of `helm template`";
            return Err(ManifestError { line, message: message.to_owned() });
        }
        let documents = if start.starts_with('{') {
            // A YAML document in flow style begins like JSON. The error of JSON is the clearer one.
            json::read(text).or_else(|error| yaml::read(text).map_err(|_| error))?
        } else {
            yaml::read(text)?
        };
        Ok(Self { text, documents })
    }

    /// Finds every Pod and Pod template, in the order of the text.
    ///
    /// # Errors
    /// A document is no Kubernetes object, or a member of a Pod has the wrong type.
    pub fn pods(&self) -> Result<Vec<PodPlace>, ManifestError> {
        let mut pods = Vec::new();
        for (document, node) in self.documents.iter().enumerate() {
            if !node.is_null() {
                let mut finder = Finder { document, pods: &mut pods, path: Vec::new() };
                finder.object(node, None)?;
            }
        }
        Ok(pods)
    }

    /// Adds the names that the Pods lack; `namespace` is that of objects which name none.
    ///
    /// # Errors
    /// As [`Self::pods`], and where an edit would change more than one Pod's list.
    pub fn inject(&self, rules: &Rules, namespace: &str) -> Result<Injected, ManifestError> {
        let mut edits = Vec::new();
        let mut expected = BTreeMap::new();
        for place in self.pods()? {
            let pod = place.view()?;
            let selection = place.select(&pod, rules, namespace);
            let missing = patch::missing(&pod, &selection.names);
            let Some(patch) = patch::patch(&pod, &missing) else { continue };
            let document = &self.documents[place.document];
            let present: Vec<&str> = pod.pull_secrets().collect();
            edits.push(edit::add_names(self.text, document, &place.path, &present, &missing)?);
            let expected = match expected.entry(place.document) {
                Entry::Occupied(value) => value.into_mut(),
                Entry::Vacant(vacant) => vacant.insert(document.to_value()?),
            };
            let target = place.path.iter().try_fold(expected, |value, step| match step {
                Step::Key(key) => value.get_mut(key),
                Step::Item(item) => value.get_mut(item),
            });
            // A patch that does not apply shows below, as the texts then differ.
            target.map(|target| json_patch::patch(target, &patch));
        }
        let changed = edits.len();
        let text = edit::apply(self.text, edits);
        check(&text, &expected)?;
        Ok(Injected { text, changed })
    }
}

impl PodPlace {
    /// The members that decide.
    ///
    /// # Errors
    /// A member has the wrong type.
    pub fn view(&self) -> Result<PodView<'_>, ManifestError> {
        PodView::deserialize(&self.pod)
            .map_err(|error| ManifestError { line: self.line, message: format!("{}: {error}", self.title()) })
    }

    /// What the rules say about the Pod: nothing when it is to be left alone. `namespace` counts when the object names none.
    #[must_use]
    pub fn select<'r>(&self, pod: &PodView<'_>, rules: &'r Rules, namespace: &str) -> Selection<'r> {
        if pod.skip().is_some() {
            return Selection::default();
        }
        rules.select(pod.images(), self.namespace.as_deref().unwrap_or(namespace))
    }

    /// Kind and name, such as `Deployment/web`.
    #[must_use]
    pub fn title(&self) -> String {
        if self.name.is_empty() { self.kind.clone() } else { format!("{}/{}", self.kind, self.name) }
    }
}

/// The way from an object to the Pod or template inside it, by `apiVersion` and `kind`.
fn way_to_pod(api_version: &str, kind: &str) -> Option<&'static [&'static str]> {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    match (group, kind) {
        ("", "Pod") => Some(&[]),
        ("", "PodTemplate") => Some(&["template"]),
        ("", "ReplicationController")
        | ("apps" | "extensions", "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet")
        | ("batch", "Job") => Some(&["spec", "template"]),
        ("batch", "CronJob") => Some(&["spec", "jobTemplate", "spec", "template"]),
        _ => None,
    }
}

/// Walks through one document.
struct Finder<'p> {
    document: usize,
    pods: &'p mut Vec<PodPlace>,
    path: Vec<Step>,
}

/// The `apiVersion` and `kind` of the items of a list such as `PodList`, which do not repeat them.
type ItemType<'a> = Option<(&'a str, &'a str)>;

impl Finder<'_> {
    fn object(&mut self, node: &Node, item_type: ItemType<'_>) -> Result<(), ManifestError> {
        if !node.is_map() {
            return Err(node.error("this is no Kubernetes object, which has at least apiVersion and kind"));
        }
        let text = |key| Ok::<_, ManifestError>(node.get(key)?.and_then(Node::as_str));
        let (api_version, kind) = match (text("apiVersion")?, text("kind")?, item_type) {
            (Some(api_version), Some(kind), _) | (None, None, Some((api_version, kind))) => {
                (api_version, kind)
            }
            (None, _, _) => {
                return Err(node.error("the object has no apiVersion; is this a Kubernetes manifest?"));
            }
            (_, None, _) => return Err(node.error("the object has no kind; is this a Kubernetes manifest?")),
        };
        // A list is that of the core, or one of a kind that we know; other kinds may only be called so.
        match kind.strip_suffix("List") {
            Some("") if api_version == "v1" => return self.items(node, None),
            Some(item_kind) if way_to_pod(api_version, item_kind).is_some() => {
                return self.items(node, Some((api_version, item_kind)));
            }
            _ => {}
        }
        match way_to_pod(api_version, kind) {
            Some(way) => self.pod(node, kind, way),
            None => Ok(()),
        }
    }

    fn items(&mut self, list: &Node, item_type: ItemType<'_>) -> Result<(), ManifestError> {
        let Some(node) = list.get("items")?.filter(|node| !node.is_null()) else { return Ok(()) };
        let Some(items) = node.as_seq() else { return Err(node.error("items: a list is expected here")) };
        self.path.push(Step::Key("items"));
        for (position, item) in items.iter().enumerate() {
            self.path.push(Step::Item(position));
            self.object(item, item_type)?;
            self.path.pop();
        }
        self.path.pop();
        Ok(())
    }

    fn pod(&mut self, object: &Node, kind: &str, way: &'static [&'static str]) -> Result<(), ManifestError> {
        let mut pod = object;
        for key in way {
            match mapping(pod, key)? {
                Some(child) => pod = child,
                None => return Ok(()),
            }
        }
        if mapping(pod, "spec")?.is_none() {
            return Ok(());
        }
        let metadata = |key| match object.get("metadata")? {
            Some(metadata) => text(metadata, key),
            None => Ok(None),
        };
        let name = match (metadata("name")?, metadata("generateName")?) {
            (Some(name), _) => name.to_owned(),
            (None, Some(prefix)) => format!("{prefix}*"),
            (None, None) => String::new(),
        };
        let value = pod.to_value()?;
        check_members(pod, &value)?;
        let path = self.path.iter().cloned().chain(way.iter().map(|key| Step::Key(key))).collect();
        self.pods.push(PodPlace {
            kind: kind.to_owned(),
            name,
            namespace: metadata("namespace")?.filter(|namespace| !namespace.is_empty()).map(str::to_owned),
            line: pod.line(),
            pod: value,
            document: self.document,
            path,
        });
        Ok(())
    }
}

/// The member of an object that is a mapping, unless it is left out or null.
fn mapping<'n>(object: &'n Node, key: &str) -> Result<Option<&'n Node>, ManifestError> {
    match object.get(key)? {
        Some(child) if child.is_map() => Ok(Some(child)),
        Some(child) if !child.is_null() => Err(child.error(&format!("{key}: a mapping is expected here"))),
        _ => Ok(None),
    }
}

/// The member of an object that is a text, unless it is left out or null.
fn text<'n>(object: &'n Node, key: &str) -> Result<Option<&'n str>, ManifestError> {
    match object.get(key)? {
        Some(child) if child.as_str().is_none() && !child.is_null() => {
            Err(child.error(&format!("{key}: a text is expected here")))
        }
        child => Ok(child.and_then(Node::as_str)),
    }
}

/// Says which member of a Pod has the wrong type, and where.
fn check_members(pod: &Node, value: &Value) -> Result<(), ManifestError> {
    let Err(error) = serde_path_to_error::deserialize::<_, PodView<'_>>(value) else { return Ok(()) };
    let mut place = pod;
    for segment in error.path() {
        let child = match segment {
            Segment::Map { key } => place.get(key)?,
            Segment::Seq { index } => place.as_seq().and_then(|items| items.get(*index)),
            _ => None,
        };
        place = child.unwrap_or(place);
    }
    Err(place.error(&format!("{}: {}", error.path(), error.inner())))
}

/// Reads an edited text again. What it says must be what the patches made of the documents.
fn check(text: &str, expected: &BTreeMap<usize, Value>) -> Result<(), ManifestError> {
    if expected.is_empty() {
        return Ok(());
    }
    let is_as_expected = |again: Manifests<'_>| {
        expected.iter().all(|(document, expected)| {
            again.documents.get(*document).is_some_and(|node| node.to_value().as_ref() == Ok(expected))
        })
    };
    if Manifests::parse(text).is_ok_and(is_as_expected) {
        return Ok(());
    }
    let message = "the names cannot be added to this text without changing something else; \
                   write the manifest in plain block style";
    Err(ManifestError { line: 0, message: message.to_owned() })
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}: ", self.line)?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for ManifestError {}
