//! YAML documents as trees with places.

use std::collections::{HashMap, HashSet};

use granit_parser::{Event, Parser, ScalarStyle, Span, StructureStyle};

use super::ManifestError;
use super::tree::{Key, Kind, Node};

/// Aliases multiply what they name: a text that grows by this many nodes is an attack or a mistake.
const ALIASED_NODES_MAX: usize = 1_000_000;

/// Reads every document of a stream.
pub(super) fn read(text: &str) -> Result<Vec<Node>, ManifestError> {
    let events = || Parser::new_from_str_with_options(text, granit_parser::options! { emit_comments: false });
    let mut builder = Builder::default();
    if text.contains('*') {
        // Most anchors are never named again; only of the others a copy is needed.
        let named = events().filter_map(|event| match event {
            Ok((Event::Alias(anchor), _)) => Some(anchor),
            _ => None,
        });
        builder.named = named.collect();
    }
    for event in events() {
        let (event, span) = event.map_err(|error| ManifestError {
            line: error.marker().line(),
            message: format!("this is no YAML: {}", error.info()),
        })?;
        builder.take(event, span)?;
    }
    let Builder { mut documents, aliased, .. } = builder;
    for document in &mut documents {
        mark_shared(document, &aliased);
    }
    Ok(documents)
}

#[derive(Debug, Default)]
struct Builder {
    documents: Vec<Node>,
    /// The collections whose end has not come yet, outermost first.
    open: Vec<Open>,
    /// The anchors that an alias names somewhere.
    named: HashSet<usize>,
    /// What aliases stand for, by the parser's number of the anchor.
    anchors: HashMap<usize, Node>,
    /// Where the values begin that an alias stands for.
    aliased: HashSet<usize>,
    copied_nodes: usize,
}

#[derive(Debug)]
struct Open {
    node: Node,
    anchor: usize,
    /// The key whose value comes next.
    key: Option<Key>,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), ManifestError> {
        let range = span.byte_range().unwrap_or_default();
        let node = |kind| Node { kind, span: range.clone(), line: span.start.line(), shared: false };
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let is_null =
                    style == ScalarStyle::Plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
                let kind =
                    if is_null && !self.expects_key() { Kind::Null } else { Kind::Scalar(text.into_owned()) };
                self.add(node(kind), anchor)
            }
            Event::SequenceStart(style, anchor, _) => {
                let kind = Kind::Seq { items: Vec::new(), flow: style == StructureStyle::Flow };
                self.open.push(Open { node: node(kind), anchor, key: None });
                Ok(())
            }
            Event::MappingStart(style, anchor, _) => {
                let kind = Kind::Map { members: Vec::new(), flow: style == StructureStyle::Flow };
                self.open.push(Open { node: node(kind), anchor, key: None });
                Ok(())
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(Open { mut node, anchor, .. }) = self.open.pop() else { return Ok(()) };
                node.span.end = content_end(&node).unwrap_or(range.end);
                self.add(node, anchor)
            }
            Event::Alias(anchor) => {
                let Some(target) = self.anchors.get(&anchor).cloned() else {
                    return Err(node(Kind::Null).error("this alias stands inside the value that it names"));
                };
                self.aliased.insert(target.span.start);
                let alias = Node { shared: true, span: range, line: span.start.line(), ..target };
                self.count_copy(&alias)?;
                self.add(alias, 0)
            }
            _ => Ok(()),
        }
    }

    fn count_copy(&mut self, node: &Node) -> Result<(), ManifestError> {
        self.copied_nodes += node.size();
        if self.copied_nodes > ALIASED_NODES_MAX {
            return Err(node.error("the aliases up to here make the text too large"));
        }
        Ok(())
    }

    fn expects_key(&self) -> bool {
        matches!(self.open.last(), Some(Open { node: Node { kind: Kind::Map { .. }, .. }, key: None, .. }))
    }

    fn add(&mut self, node: Node, anchor: usize) -> Result<(), ManifestError> {
        if self.named.contains(&anchor) {
            self.count_copy(&node)?;
            self.anchors.insert(anchor, node.clone());
        }
        let expects_key = self.expects_key();
        let Some(parent) = self.open.last_mut() else {
            self.documents.push(node);
            return Ok(());
        };
        match &mut parent.node.kind {
            Kind::Seq { items, .. } => items.push(node),
            Kind::Map { .. } if expects_key => {
                let Kind::Scalar(text) = node.kind else {
                    return Err(node.error("a key is no text here; was this template rendered?"));
                };
                parent.key = Some(Key { text, span: node.span });
            }
            Kind::Map { members, .. } => members.extend(parent.key.take().map(|key| (key, node))),
            Kind::Null | Kind::Scalar(_) => {}
        }
        Ok(())
    }
}

/// Where a block collection's content ends; the parser sees the end only at the next token.
fn content_end(node: &Node) -> Option<usize> {
    match &node.kind {
        Kind::Seq { items, flow: false } => items.last().map(|item| item.span.end),
        Kind::Map { members, flow: false } => {
            members.last().map(|(key, node)| node.span.end.max(key.span.end))
        }
        _ => None,
    }
}

fn mark_shared(node: &mut Node, aliased: &HashSet<usize>) {
    node.shared |= aliased.contains(&node.span.start);
    match &mut node.kind {
        Kind::Null | Kind::Scalar(_) => {}
        Kind::Seq { items, .. } => items.iter_mut().for_each(|item| mark_shared(item, aliased)),
        Kind::Map { members, .. } => members.iter_mut().for_each(|(_, node)| mark_shared(node, aliased)),
    }
}
