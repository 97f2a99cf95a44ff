//! A document as a tree in which every node knows its place in the text.

use std::collections::HashSet;
use std::ops::Range;

use serde_json::{Map, Value};

use super::{ManifestError, Step};

/// The key under which YAML 1.1 merges other mappings into one.
pub(super) const MERGE_KEY: &str = "<<";

/// A value with its place.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    /// The bytes that the value takes, without the end of a block collection.
    pub(super) span: Range<usize>,
    /// The line where the value begins, counted from 1.
    pub(super) line: usize,
    /// An alias stands here, or an alias elsewhere stands for this value.
    pub(super) shared: bool,
}

/// What a node is. Numbers and booleans stand as their text: nothing here looks at them.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    Null,
    Scalar(String),
    Seq { items: Vec<Node>, flow: bool },
    Map { members: Vec<(Key, Node)>, flow: bool },
}

/// The key of a member, with its place.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) text: String,
    pub(super) span: Range<usize>,
}

impl Node {
    pub(super) fn is_null(&self) -> bool {
        matches!(self.kind, Kind::Null)
    }

    pub(super) fn is_map(&self) -> bool {
        matches!(self.kind, Kind::Map { .. })
    }

    pub(super) fn as_str(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn as_seq(&self) -> Option<&[Node]> {
        match &self.kind {
            Kind::Seq { items, .. } => Some(items),
            _ => None,
        }
    }

    pub(super) fn line(&self) -> usize {
        self.line
    }

    pub(super) fn error(&self, message: &str) -> ManifestError {
        ManifestError { line: self.line, message: message.to_owned() }
    }

    /// The member of a mapping, also one that is merged in.
    ///
    /// The last one counts, be it written or merged: that is how Kubernetes reads a merge key (go-yaml v2).
    pub(super) fn get(&self, key: &str) -> Result<Option<&Node>, ManifestError> {
        let own = self.get_own(key)?;
        let Kind::Map { members, .. } = &self.kind else { return Ok(None) };
        for (name, node) in members.iter().rev() {
            if name.text == key {
                return Ok(own);
            }
            if name.text == MERGE_KEY {
                for source in sources(node) {
                    if let Some(merged) = source.get(key)? {
                        return Ok(Some(merged));
                    }
                }
            }
        }
        Ok(None)
    }

    /// The member of a mapping that is written in it.
    pub(super) fn get_own(&self, key: &str) -> Result<Option<&Node>, ManifestError> {
        let Kind::Map { members, .. } = &self.kind else { return Ok(None) };
        let mut found = members.iter().filter(|(name, _)| name.text == key).map(|(_, node)| node);
        match (found.next(), found.next()) {
            (Some(_), Some(second)) => {
                Err(second.error(&format!("the key {key:?} stands here a second time")))
            }
            (found, _) => Ok(found),
        }
    }

    pub(super) fn step(&self, step: &Step) -> Result<Option<&Node>, ManifestError> {
        match step {
            Step::Key(key) => self.get_own(key),
            Step::Item(item) => Ok(self.as_seq().and_then(|items| items.get(*item))),
        }
    }

    /// The value without places.
    pub(super) fn to_value(&self) -> Result<Value, ManifestError> {
        Ok(match &self.kind {
            Kind::Null => Value::Null,
            Kind::Scalar(text) => Value::String(text.clone()),
            Kind::Seq { items, .. } => {
                Value::Array(items.iter().map(Node::to_value).collect::<Result<_, _>>()?)
            }
            Kind::Map { members, .. } => {
                let mut object = Map::new();
                let mut own = HashSet::new();
                for (key, node) in members {
                    if key.text == MERGE_KEY {
                        // Of several sources the first counts, so it is written last.
                        for source in sources(node).iter().rev() {
                            if let Value::Object(merged) = source.to_value()? {
                                object.extend(merged);
                            }
                        }
                    } else if own.insert(key.text.as_str()) {
                        object.insert(key.text.clone(), node.to_value()?);
                    } else {
                        return Err(node.error(&format!("the key {:?} stands here a second time", key.text)));
                    }
                }
                Value::Object(object)
            }
        })
    }

    /// How many nodes the tree has.
    pub(super) fn size(&self) -> usize {
        1 + match &self.kind {
            Kind::Null | Kind::Scalar(_) => 0,
            Kind::Seq { items, .. } => items.iter().map(Node::size).sum(),
            Kind::Map { members, .. } => members.iter().map(|(_, node)| node.size()).sum(),
        }
    }
}

/// What a merge key merges: one mapping, or several.
fn sources(node: &Node) -> &[Node] {
    node.as_seq().unwrap_or(std::slice::from_ref(node))
}
