//! The objects of one kind, for who looks at more than Pods.

use serde_json::Value;

use super::tree::Node;
use super::{ManifestError, Manifests};

impl Manifests<'_> {
    /// Finds every object of a kind of the core group, such as `Secret`, also inside lists, with its line.
    ///
    /// Numbers and booleans come as the text that they are written as.
    ///
    /// # Errors
    /// A document is no Kubernetes object.
    pub fn core_objects(&self, kind: &str) -> Result<Vec<(usize, Value)>, ManifestError> {
        let mut objects = Vec::new();
        for node in self.documents.iter().filter(|node| !node.is_null()) {
            find(node, kind, false, &mut objects)?;
        }
        Ok(objects)
    }
}

/// The items of a list such as `SecretList` do not repeat their kind.
fn find(
    node: &Node,
    wanted: &str,
    is_item: bool,
    objects: &mut Vec<(usize, Value)>,
) -> Result<(), ManifestError> {
    if !node.is_map() {
        return Err(node.error("this is no Kubernetes object, which has at least apiVersion and kind"));
    }
    let text = |key| Ok::<_, ManifestError>(node.get(key)?.and_then(Node::as_str));
    let (api_version, kind) = match (text("apiVersion")?, text("kind")?) {
        (None, None) if is_item => ("v1", wanted),
        (Some(api_version), Some(kind)) => (api_version, kind),
        _ => return Err(node.error("the object has no apiVersion and kind; is this a Kubernetes manifest?")),
    };
    if api_version != "v1" {
        return Ok(());
    }
    if kind == wanted {
        objects.push((node.line(), node.to_value()?));
        return Ok(());
    }
    let Some(item_kind) = kind.strip_suffix("List") else { return Ok(()) };
    if !item_kind.is_empty() && item_kind != wanted {
        return Ok(());
    }
    let items = node.get("items")?.and_then(Node::as_seq).unwrap_or_default();
    items.iter().try_for_each(|item| find(item, wanted, item_kind == wanted, objects))
}
