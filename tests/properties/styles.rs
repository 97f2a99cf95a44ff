//! One value in many texts: YAML in every indentation and style that tools print, and JSON.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;

/// How a text is written.
#[derive(Clone, Debug)]
pub(crate) struct Style {
    /// How far members of a mapping stand behind their parent.
    indent: usize,
    /// A list's dashes stand below its key, as kubectl prints them, and not behind it.
    compact_lists: bool,
    /// Blanks after a dash.
    after_dash: usize,
    comments: bool,
    quoted: Quotes,
    /// From this depth on everything is in flow style.
    flow_from: usize,
    newline: &'static str,
    last_newline: bool,
}

#[derive(Clone, Copy, Debug)]
enum Quotes {
    OnlyWhereNeeded,
    Double,
    Single,
}

/// The form of a whole text.
#[derive(Clone, Debug)]
pub(crate) enum Form {
    Yaml(Style),
    JsonCompact,
    /// Pretty, with this indentation.
    JsonPretty(&'static str),
}

pub(crate) fn form() -> impl Strategy<Value = Form> {
    prop_oneof![
        8 => style().prop_map(Form::Yaml),
        1 => Just(Form::JsonCompact),
        1 => select(&["  ", "    ", "\t", " "][..]).prop_map(Form::JsonPretty),
    ]
}

fn style() -> impl Strategy<Value = Style> {
    let quotes =
        select(&[Quotes::OnlyWhereNeeded, Quotes::OnlyWhereNeeded, Quotes::Double, Quotes::Single][..]);
    (
        1..9_usize,
        any::<bool>(),
        1..4_usize,
        any::<bool>(),
        quotes,
        select(&[2, 3, 4, 5, 6, 99, 99, 99][..]),
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(
            |(indent, compact_lists, after_dash, comments, quoted, flow_from, crlf, last_newline)| Style {
                indent,
                compact_lists,
                after_dash,
                comments,
                quoted,
                flow_from,
                newline: if crlf { "\r\n" } else { "\n" },
                last_newline,
            },
        )
}

impl Form {
    /// Whether an added name always stands on a line of its own.
    pub(crate) fn is_block(&self) -> bool {
        matches!(self, Self::Yaml(style) if style.flow_from == 99)
    }

    /// The documents as one text.
    pub(crate) fn write(&self, documents: &[Value]) -> String {
        match self {
            Self::JsonCompact => documents.iter().map(|document| format!("{document}\n")).collect(),
            Self::JsonPretty(indent) => documents.iter().map(|document| pretty(document, indent)).collect(),
            Self::Yaml(style) => style.write(documents),
        }
    }
}

fn pretty(value: &Value, indent: &str) -> String {
    let formatter = serde_json::ser::PrettyFormatter::with_indent(indent.as_bytes());
    let mut text = Vec::new();
    let mut writer = serde_json::Serializer::with_formatter(&mut text, formatter);
    serde::Serialize::serialize(value, &mut writer).expect("any value can be written");
    String::from_utf8(text).expect("JSON is text") + "\n"
}

impl Style {
    fn write(&self, documents: &[Value]) -> String {
        let mut lines = Vec::new();
        for (i, document) in documents.iter().enumerate() {
            if i > 0 || self.comments {
                lines.push(if self.comments { "--- # next".to_owned() } else { "---".to_owned() });
            }
            self.comment(&mut lines, "# Source: chart/templates/a.yaml");
            self.block(document, 0, 0, &mut lines);
        }
        let text = lines.join(self.newline);
        if self.last_newline { text + self.newline } else { text }
    }

    fn comment(&self, lines: &mut Vec<String>, comment: &str) {
        if self.comments {
            lines.push(comment.to_owned());
            lines.push(String::new());
        }
    }

    /// Writes a collection on lines of its own, or anything else on one line.
    fn block(&self, value: &Value, indent: usize, depth: usize, lines: &mut Vec<String>) {
        let blanks = " ".repeat(indent);
        match value {
            Value::Object(members) if !members.is_empty() && depth < self.flow_from => {
                for (key, value) in members {
                    let key = format!("{blanks}{}:", self.scalar(key));
                    let child = match value {
                        Value::Array(_) if self.compact_lists => indent,
                        _ => indent + self.indent,
                    };
                    self.below(&key, value, child, depth + 1, lines);
                }
                self.comment(lines, &format!("{blanks}# the end of a mapping"));
            }
            Value::Array(items) if !items.is_empty() && depth < self.flow_from => {
                for item in items {
                    let dash = format!("{blanks}-{}", " ".repeat(self.after_dash));
                    let mut inner = Vec::new();
                    self.block(item, dash.len(), depth + 1, &mut inner);
                    // The first member of an item stands on the line of the dash.
                    let first = inner.remove(0);
                    lines.push(format!("{dash}{}", first.trim_start()));
                    lines.extend(inner);
                }
            }
            other => lines.push(format!("{blanks}{}", self.flow(other))),
        }
    }

    fn below(&self, key: &str, value: &Value, indent: usize, depth: usize, lines: &mut Vec<String>) {
        let is_block = depth < self.flow_from
            && match value {
                Value::Object(members) => !members.is_empty(),
                Value::Array(items) => !items.is_empty(),
                _ => false,
            };
        let comment = if self.comments { " # why" } else { "" };
        if is_block {
            lines.push(format!("{key}{comment}"));
            self.block(value, indent, depth, lines);
        } else {
            lines.push(format!("{key} {}{comment}", self.flow(value)));
        }
    }

    fn flow(&self, value: &Value) -> String {
        match value {
            Value::Object(members) => {
                let members: Vec<String> = members
                    .iter()
                    .map(|(key, value)| format!("{}: {}", self.scalar(key), self.flow(value)))
                    .collect();
                format!("{{{}}}", members.join(", "))
            }
            Value::Array(items) => {
                format!("[{}]", items.iter().map(|item| self.flow(item)).collect::<Vec<_>>().join(", "))
            }
            Value::String(text) => self.scalar(text),
            other => other.to_string(),
        }
    }

    fn scalar(&self, text: &str) -> String {
        let is_plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "./_-".contains(c))
            && text.starts_with(|c: char| c.is_ascii_alphabetic())
            && !["null", "true", "false", "yes", "no", "on", "off", "y", "n"]
                .contains(&text.to_lowercase().as_str());
        let is_printable = !text.contains(char::is_control);
        match self.quoted {
            Quotes::OnlyWhereNeeded if is_plain => text.to_owned(),
            Quotes::Single if is_printable => format!("'{}'", text.replace('\'', "''")),
            _ => Value::from(text).to_string(),
        }
    }
}
