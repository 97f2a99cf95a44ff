//! JSON objects as trees with places: one object, or several after each other.

use std::ops::Range;

use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::ManifestError;
use super::tree::{Key, Kind, Node};
use crate::engine::json::RawMembers;

/// How deeply values may be nested: as deep as the YAML parser goes.
const DEPTH_MAX: usize = 255;

/// Reads every object of a text.
pub(super) fn read(text: &str) -> Result<Vec<Node>, ManifestError> {
    let mut documents = Vec::new();
    // The whole text is checked first, so that an error has its line.
    for value in serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>() {
        value.map_err(|e| broken(&e))?;
    }
    let mut reader = Reader { text, at: 0, line: 1 };
    for value in serde_json::Deserializer::from_str(text).into_iter::<&RawValue>() {
        documents.push(reader.node(value.map_err(|e| broken(&e))?.get(), DEPTH_MAX)?);
    }
    Ok(documents)
}

struct Reader<'t> {
    text: &'t str,
    /// The last place whose line is known. Nodes are read in the order of the text.
    at: usize,
    line: usize,
}

impl<'t> Reader<'t> {
    /// Reads one value; `depth` is how many levels it may still have.
    fn node(&mut self, raw: &'t str, depth: usize) -> Result<Node, ManifestError> {
        let span = self.span(raw);
        let line = self.line_of(span.start);
        let Some(depth) = depth.checked_sub(1) else {
            let message =
                format!("more than {DEPTH_MAX} levels are nested here; no Kubernetes object has that many");
            return Err(ManifestError { line, message });
        };
        let kind = match raw.as_bytes().first() {
            Some(b'{') => {
                let RawMembers(members) = serde_json::from_str(raw).map_err(|e| broken(&e))?;
                let member = |(key, value): (&'t RawValue, &'t RawValue)| {
                    let text = serde_json::from_str(key.get()).map_err(|e| broken(&e))?;
                    Ok((Key { text, span: self.span(key.get()) }, self.node(value.get(), depth)?))
                };
                Kind::Map { members: members.into_iter().map(member).collect::<Result<_, _>>()?, flow: true }
            }
            Some(b'[') => {
                let items: Vec<&RawValue> = serde_json::from_str(raw).map_err(|e| broken(&e))?;
                let items =
                    items.into_iter().map(|item| self.node(item.get(), depth)).collect::<Result<_, _>>()?;
                Kind::Seq { items, flow: true }
            }
            Some(b'"') => Kind::Scalar(serde_json::from_str(raw).map_err(|e| broken(&e))?),
            _ if raw == "null" => Kind::Null,
            _ => Kind::Scalar(raw.to_owned()),
        };
        Ok(Node { kind, span, line, shared: false })
    }

    fn line_of(&mut self, at: usize) -> usize {
        self.line += self.text[self.at..at].bytes().filter(|b| *b == b'\n').count();
        self.at = at;
        self.line
    }

    /// Where a part stands in the text that it was borrowed from.
    fn span(&self, part: &str) -> Range<usize> {
        let start = part.as_ptr().addr() - self.text.as_ptr().addr();
        start..start + part.len()
    }
}

fn broken(error: &serde_json::Error) -> ManifestError {
    let text = error.to_string();
    // The line stands before the message already.
    let reason = text.rsplit_once(" at line ").map_or(&*text, |(reason, _)| reason);
    ManifestError { line: error.line(), message: format!("this is no JSON: {reason}") }
}
