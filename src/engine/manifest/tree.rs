//! A document as a tree in which every node knows its place in the text.

use std::ops::Range;

use serde_json::{Map, Value};

use super::{ManifestError, Step};

/// The key under which YAML 1.1 merges other mappings into one.
const MERGE_KEY: &str = "<<";

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
    pub(super) fn get(&self, key: &str) -> Result<Option<&Node>, ManifestError> {
        let own = self.get_own(key)?;
        if own.is_some() {
            return Ok(own);
        }
        for merged in self.merged() {
            if let Some(node) = merged.get(key)? {
                return Ok(Some(node));
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

    /// The value without places; merged members come after the own ones.
    pub(super) fn to_value(&self) -> Result<Value, ManifestError> {
        Ok(match &self.kind {
            Kind::Null => Value::Null,
            Kind::Scalar(text) => Value::String(text.clone()),
            Kind::Seq { items, .. } => {
                Value::Array(items.iter().map(Node::to_value).collect::<Result<_, _>>()?)
            }
            Kind::Map { members, .. } => {
                let mut object = Map::new();
                for (key, node) in members.iter().filter(|(key, _)| key.text != MERGE_KEY) {
                    if object.insert(key.text.clone(), node.to_value()?).is_some() {
                        return Err(node.error(&format!("the key {:?} stands here a second time", key.text)));
                    }
                }
                for merged in self.merged() {
                    if let Value::Object(members) = merged.to_value()? {
                        for (key, value) in members {
                            object.entry(key).or_insert(value);
                        }
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

    fn merged(&self) -> impl Iterator<Item = &Node> {
        let Kind::Map { members, .. } = &self.kind else { return [].iter().chain(None) };
        let value = members.iter().find(|(key, _)| key.text == MERGE_KEY).map(|(_, node)| node);
        match value.map(|node| (&node.kind, node)) {
            Some((Kind::Seq { items, .. }, _)) => items.iter().chain(None),
            Some((_, node)) => [].iter().chain(Some(node)),
            None => [].iter().chain(None),
        }
    }
}
