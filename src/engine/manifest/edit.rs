//! Adding names to a list of pull secrets in the text itself, in the style of its surroundings.

use super::tree::{Key, Kind, MERGE_KEY, Node};
use super::{ManifestError, Step};

const LIST: &str = "imagePullSecrets";

/// A text to put in place of some bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Edit {
    start: usize,
    end: usize,
    text: String,
}

/// Carries edits out; they do not overlap.
pub(super) fn apply(text: &str, mut edits: Vec<Edit>) -> String {
    edits.sort_by_key(|edit| edit.start);
    let mut edited =
        String::with_capacity(text.len() + edits.iter().map(|edit| edit.text.len()).sum::<usize>());
    let mut from = 0;
    for edit in &edits {
        edited.push_str(&text[from..edit.start]);
        edited.push_str(&edit.text);
        from = edit.end;
    }
    edited.push_str(&text[from..]);
    edited
}

/// The edit that adds `missing` to the Pod at `path`, which has `present`.
pub(super) fn add_names(
    text: &str,
    document: &Node,
    path: &[Step],
    present: &[&str],
    missing: &[&str],
) -> Result<Edit, ManifestError> {
    let mut node = document;
    let mut owned = !node.shared;
    let steps = path.iter().chain([&Step::Key("spec")]);
    for step in steps {
        match node.step(step)? {
            Some(child) => node = child,
            None => owned = false,
        }
        owned &= !node.shared;
    }
    let Kind::Map { members, flow } = &node.kind else {
        return Err(node.error("the Pod's spec is no mapping"));
    };
    if !owned {
        return Err(node.error(
            "the Pod's spec is shared through a YAML alias, so a change here would change another Pod; write it out",
        ));
    }
    let editor = Editor { text, newline: newline_at(text, node.span.start) };
    if node.get_own(MERGE_KEY)?.is_some() {
        // To Kubernetes a merge overrides what stands above it, to other readers it does not.
        return Err(node.error("the Pod's spec has a YAML merge key (<<); write its members out"));
    }
    let all: Vec<&str> = present.iter().chain(missing).copied().collect();
    match node.get_own(LIST)? {
        Some(list) => editor.extend(
            list,
            members.iter().find(|(key, _)| key.text == LIST).map(|(key, _)| key.span.end),
            &all,
            missing,
        ),
        None => match members.first() {
            Some((key, _)) if *flow => Ok(editor.member_in_flow(node, key, &all)),
            Some((key, _)) => editor.member_in_block(node, key.span.start, &all),
            None => Ok(insert(node.span.start + 1, format!("\"{LIST}\": {}", flow_list(&all)))),
        },
    }
}

struct Editor<'t> {
    text: &'t str,
    /// How lines end here.
    newline: &'t str,
}

impl Editor<'_> {
    /// A list before the first member of a flow mapping, on lines of its own where that one is.
    fn member_in_flow(&self, map: &Node, key: &Key, names: &[&str]) -> Edit {
        let at = map.span.start + 1;
        let first = key.span.start;
        let gap = &self.text[at..first];
        let Some(indent) = gap.rfind('\n').map(|newline| &gap[newline + 1..]) else {
            let text = format!("\"{LIST}\": {}, ", flow_list(names));
            // kubectl's compact JSON has no blanks.
            let is_compact = !self.text[key.span.end..].starts_with(": ");
            return insert(first, if is_compact { text.replace(' ', "") } else { text });
        };
        let outer = self.indent_of_line(map.span.start);
        let unit = indent.strip_prefix(outer).unwrap_or("  ");
        let newline = self.newline;
        let item = |name: &&str| pretty_item(name, &format!("{indent}{unit}"), unit, newline);
        let items = names.iter().map(item).collect::<Vec<_>>().join(",");
        insert(first, format!("\"{LIST}\": [{items}{newline}{indent}],{newline}{indent}"))
    }

    /// A list before the first member of a block mapping.
    fn member_in_block(&self, map: &Node, first: usize, names: &[&str]) -> Result<Edit, ManifestError> {
        let before = &self.text[self.line_start(first)..first];
        if !before.chars().all(|c| matches!(c, ' ' | '-')) {
            return Err(
                map.error("the Pod's spec begins with a tag, an anchor or a question mark; leave that out")
            );
        }
        // In `- name: x` the mapping begins behind the dash, so its lines are indented as far.
        let indent = " ".repeat(before.chars().count());
        let newline = self.newline;
        let items: String =
            names.iter().map(|name| format!("{indent}- name: {}{newline}", plain(name))).collect();
        if before.contains('-') {
            return Ok(insert(first, format!("{LIST}:{newline}{items}{indent}")));
        }
        // A comment above the first member stays with it.
        let at = self.start_of_comments_above(first);
        Ok(insert(at, format!("{indent}{LIST}:{newline}{items}")))
    }

    /// More items for a list that is there.
    fn extend(
        &self,
        list: &Node,
        key_end: Option<usize>,
        all: &[&str],
        missing: &[&str],
    ) -> Result<Edit, ManifestError> {
        match &list.kind {
            // An alias can only be replaced, as its value belongs to another place.
            _ if list.shared && self.text[list.span.clone()].starts_with('*') => {
                Ok(replace(list, flow_list(all)))
            }
            _ if list.shared => Err(list.error(
                "the list of pull secrets is shared through a YAML alias, so a change here would change another Pod; write it out",
            )),
            Kind::Null if list.span.is_empty() => {
                // The place of a value that is left out is the colon behind its key.
                let colon = key_end.and_then(|end| Some(end + self.text[end..].find(':')? + 1));
                Ok(insert(colon.unwrap_or(list.span.end), format!(" {}", flow_list(all))))
            }
            Kind::Null => Ok(replace(list, flow_list(all))),
            Kind::Seq { items, flow: true } => Ok(self.items_in_flow(list, items, missing)),
            Kind::Seq { items, flow: false } => self.items_in_block(list, items, missing),
            Kind::Scalar(_) | Kind::Map { .. } => Err(list.error("imagePullSecrets is no list")),
        }
    }

    fn items_in_flow(&self, list: &Node, items: &[Node], missing: &[&str]) -> Edit {
        let Some(last) = items.last() else {
            let items: Vec<String> = missing.iter().map(|name| flow_item(name)).collect();
            return insert(list.span.start + 1, items.join(", "));
        };
        let indent = self.indent_of_line(last.span.start);
        let stands_alone = self.line_start(last.span.start) + indent.len() == last.span.start;
        if !stands_alone || self.line_start(list.span.start) == self.line_start(last.span.start) {
            let items: String = missing.iter().map(|name| format!(", {}", flow_item(name))).collect();
            let is_compact = !self.text[last.span.clone()].contains(": ");
            return insert(last.span.end, if is_compact { items.replace(' ', "") } else { items });
        }
        let unit = indent.strip_prefix(self.indent_of_line(list.span.start)).unwrap_or("  ");
        let item = |name: &&str| format!(",{}", pretty_item(name, indent, unit, self.newline));
        insert(last.span.end, missing.iter().map(item).collect())
    }

    fn items_in_block(&self, list: &Node, items: &[Node], missing: &[&str]) -> Result<Edit, ManifestError> {
        let refused =
            || list.error("the last item of imagePullSecrets cannot be continued; write `- name: …`");
        let last = items.last().filter(|last| !last.is_null()).ok_or_else(refused)?;
        let line = self.line_start(last.span.start);
        let dash = self.text[line..last.span.start].rfind('-').ok_or_else(refused)?;
        let indent = " ".repeat(self.text[line..line + dash].chars().count());
        let end =
            last.span.end + self.text[last.span.end..].find('\n').unwrap_or(self.text.len() - last.span.end);
        let end = end - usize::from(self.text[..end].ends_with('\r'));
        let newline = self.newline;
        Ok(insert(
            end,
            missing.iter().map(|name| format!("{newline}{indent}- name: {}", plain(name))).collect(),
        ))
    }

    /// The start of the first of the blank and comment lines right above a place, or of its own line.
    fn start_of_comments_above(&self, at: usize) -> usize {
        let mut start = self.line_start(at);
        while start > 0 {
            let above = self.line_start(start - 1);
            if !matches!(self.text[above..start].trim_start().chars().next(), None | Some('#')) {
                break;
            }
            start = above;
        }
        start
    }

    fn line_start(&self, at: usize) -> usize {
        self.text[..at].rfind('\n').map_or(0, |newline| newline + 1)
    }

    fn indent_of_line(&self, at: usize) -> &str {
        let line = &self.text[self.line_start(at)..];
        &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
    }
}

/// How the line above a place ends, or the first line.
fn newline_at(text: &str, at: usize) -> &'static str {
    let above = text[..at].rfind('\n').or_else(|| text.find('\n'));
    if above.is_some_and(|newline| text[..newline].ends_with('\r')) { "\r\n" } else { "\n" }
}

fn insert(at: usize, text: String) -> Edit {
    Edit { start: at, end: at, text }
}

fn replace(node: &Node, text: String) -> Edit {
    Edit { start: node.span.start, end: node.span.end, text }
}

/// Legal in YAML and in JSON.
fn flow_list(names: &[&str]) -> String {
    let items: Vec<String> = names.iter().map(|name| flow_item(name)).collect();
    format!("[{}]", items.join(", "))
}

fn flow_item(name: &str) -> String {
    format!("{{\"name\": {}}}", quoted(name))
}

fn pretty_item(name: &str, indent: &str, unit: &str, newline: &str) -> String {
    format!("{newline}{indent}{{{newline}{indent}{unit}\"name\": {}{newline}{indent}}}", quoted(name))
}

/// The name as a plain scalar, unless YAML would read a number, a boolean or nothing.
fn plain(name: &str) -> String {
    let is_word = name.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
    let is_simple =
        name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.'));
    let is_reserved = matches!(name, "null" | "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n");
    if is_word && is_simple && !is_reserved { name.to_owned() } else { quoted(name) }
}

fn quoted(name: &str) -> String {
    serde_json::Value::from(name).to_string()
}
