//! A manifest as YAML that people read: with comments, short lists in one line, long texts in several.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// The longest line of a text; a longer one is folded.
const COLUMNS: usize = 66;

/// What stands above a place, by its JSON pointer.
pub(super) type Comments<'c> = dyn Fn(&str) -> &'c [&'static str] + 'c;

/// Writes an object with the comments of its places.
pub(super) fn yaml<'c>(object: &'c Value, comments: &Comments<'c>) -> String {
    let mut writer = Writer { text: String::new(), comments };
    writer.comment("", 0);
    if let Value::Object(members) = object {
        writer.members(members, "", 0);
    }
    writer.text
}

struct Writer<'w, 'c> {
    text: String,
    comments: &'w Comments<'c>,
}

impl Writer<'_, '_> {
    fn members(&mut self, members: &Map<String, Value>, pointer: &str, indent: usize) {
        for (position, (key, value)) in members.iter().enumerate() {
            let pointer = format!("{pointer}/{key}");
            // The first member of an item of a list stands in the line of the item's dash.
            if !(position == 0 && self.text.ends_with("- ")) {
                self.comment(&pointer, indent);
                self.indent(indent);
            }
            self.text += &scalar(key);
            self.text.push(':');
            self.value(value, &pointer, indent + 2);
        }
    }

    fn value(&mut self, value: &Value, pointer: &str, indent: usize) {
        match value {
            Value::Object(members) => {
                self.text.push('\n');
                self.members(members, pointer, indent);
            }
            Value::Array(items) if items.iter().any(Value::is_object) => {
                self.text.push('\n');
                for (position, item) in items.iter().enumerate() {
                    let pointer = format!("{pointer}/{position}");
                    self.comment(&pointer, indent);
                    self.indent(indent);
                    self.text += "- ";
                    if let Value::Object(members) = item {
                        self.members(members, &pointer, indent + 2);
                    }
                }
            }
            Value::Array(items) => {
                let items: Vec<String> = items.iter().map(in_line).collect();
                let _ = writeln!(self.text, " [{}]", items.join(", "));
            }
            Value::String(text) if text.contains('\n') => self.block("|-", text.lines(), indent),
            Value::String(text) if text.len() > COLUMNS && is_foldable(text) => {
                let lines = folded(text);
                self.block(">-", lines.iter().map(String::as_str), indent);
            }
            value => {
                let _ = writeln!(self.text, " {}", in_line(value));
            }
        }
    }

    fn block<'l>(&mut self, style: &str, lines: impl Iterator<Item = &'l str>, indent: usize) {
        let _ = writeln!(self.text, " {style}");
        for line in lines {
            self.indent(indent);
            self.text += line;
            self.text.push('\n');
        }
    }

    fn comment(&mut self, pointer: &str, indent: usize) {
        for line in (self.comments)(pointer) {
            self.indent(indent);
            let _ = writeln!(self.text, "# {line}");
        }
    }

    fn indent(&mut self, indent: usize) {
        self.text.extend(std::iter::repeat_n(' ', indent));
    }
}

fn in_line(value: &Value) -> String {
    match value {
        Value::String(text) => scalar(text),
        // Numbers and truth values are the same in YAML and JSON.
        value => value.to_string(),
    }
}

/// The text as it is where every reader of YAML takes it for a text, and in quotes otherwise.
fn scalar(text: &str) -> String {
    let begins_well = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '/');
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:".contains(c);
    // Readers of YAML 1.1 know more words for true and false than those of 1.2.
    let words = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let is_word = words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if begins_well && text.chars().all(is_plain) && !text.ends_with(':') && !is_word {
        text.to_owned()
    } else {
        Value::from(text).to_string()
    }
}

/// Folding loses nothing where single blanks stand between words of printable ASCII.
fn is_foldable(text: &str) -> bool {
    text.split(' ').all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_graphic()))
}

fn folded(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= COLUMNS => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::yaml;

    #[test]
    fn what_is_written_is_read_again_as_it_was() {
        let long = "a ".repeat(60).trim_end().to_owned();
        let texts = [
            "",
            " ",
            "a",
            "true",
            "True",
            "no",
            "Y",
            "null",
            "~",
            "1",
            "1e5",
            "0x1f",
            "- a",
            "a: b",
            "a:",
            "a #b",
            "#a",
            "[a]",
            "{a}",
            "a,b",
            "*a",
            "&a",
            "!a",
            "%a",
            "@a",
            "'a'",
            "\"a\"",
            "a\\b",
            "é",
            "a\tb",
            "https://a.b:1/c",
            "a\nb",
            "a\n  b\nc",
            "0123",
            "1_000",
            "12:30",
            ".inf",
            "2001-01-01",
            "  a",
            "a  ",
            long.as_str(),
            "Off",
            "=",
            "<<",
        ];
        for text in texts {
            let object =
                json!({"key": text, "list": [text, text], "items": [{"first": text}, {text: [1, true]}]});
            let written = yaml(&object, &|_| &["comment"]);
            let read: serde_json::Value =
                serde_saphyr::from_str(&written).unwrap_or_else(|error| panic!("{error}\n{written}"));
            assert_eq!(read, object, "{written}");
        }
    }
}
