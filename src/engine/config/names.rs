//! What a name in the configuration may look like, and what to say when it does not.

use super::{API_VERSION, KIND};

/// The longest name of a Secret in bytes (RFC 1123 subdomain, as the API server checks it).
const SUBDOMAIN_BYTES_MAX: usize = 253;
/// The longest name of a namespace in bytes (RFC 1123 label).
const LABEL_BYTES_MAX: usize = 63;
/// Long enough for a pattern with its path, short enough for a metric label.
const ENTRY_NAME_CHARS_MAX: usize = 128;

/// Checks the name of a Secret: an RFC 1123 subdomain.
pub(super) fn check_secret_name(name: &str) -> Result<(), String> {
    if is_secret_name(name) {
        return Ok(());
    }
    Err(format!(
        "{name:?} cannot be the name of a Secret: write lower-case letters, digits, dashes and dots, at most {SUBDOMAIN_BYTES_MAX} characters"
    ))
}

/// Checks a namespace, in which `*` may stand for any run of characters.
pub(super) fn check_namespace(text: &str) -> Result<(), String> {
    let literal = text.chars().filter(|c| *c != '*').count();
    let characters = text.bytes().all(|b| is_label_byte(b) || b == b'*');
    let edges = !text.starts_with('-') && !text.ends_with('-');
    if !text.is_empty() && characters && edges && literal <= LABEL_BYTES_MAX {
        return Ok(());
    }
    Err(format!(
        "{text:?} matches no namespace: write lower-case letters, digits and dashes, and * for any run of characters"
    ))
}

/// Checks the name of an entry, which becomes the value of a metric label.
pub(super) fn check_entry_name(name: &str) -> Result<(), String> {
    let printable = !name.chars().any(char::is_control) && name.trim() == name;
    if !name.is_empty() && printable && name.chars().count() <= ENTRY_NAME_CHARS_MAX {
        return Ok(());
    }
    Err(format!(
        "{name:?} is no name: write 1 to {ENTRY_NAME_CHARS_MAX} printable characters without blanks at the ends"
    ))
}

/// Says an error of shape in the words of the configuration instead of the parser's.
pub(super) fn shape_message(text: &str) -> String {
    let text = text.lines().next().unwrap_or(text);
    // The place stands before the message already.
    let text = text.rsplit_once(" at line ").map_or(text, |(message, _)| message);
    let text = text.strip_prefix("error: ").unwrap_or(text);
    if let Some(rest) = text.strip_prefix("duplicate mapping key: ") {
        let key = rest.split(',').next().unwrap_or(rest);
        return format!("the field `{key}` is written twice");
    }
    if let Some(field) = text.strip_prefix("missing field ") {
        return match field {
            "`apiVersion`" => format!("the field {field} is missing; write \"apiVersion: {API_VERSION}\""),
            "`kind`" => format!("the field {field} is missing; write \"kind: {KIND}\""),
            field => format!("the field {field} is missing"),
        };
    }
    match text {
        "alias references unknown anchor" => {
            "a text that begins with a star needs quotes: write \"*.example.com\""
        }
        "while scanning an anchor or alias, did not find expected alphabetic or numeric character" => {
            "a text that begins with a star or an ampersand needs quotes: write \"*\""
        }
        "expected sequence start" => {
            "a list is expected here: items that begin with a dash, or [\"…\", \"…\"]"
        }
        "expected mapping start" => "a mapping is expected here: write `field: value`",
        "expected string scalar" => "a text is expected here, such as a pattern or only the name of a Secret",
        text if text.starts_with("cannot deserialize null") => "the value is missing",
        "while parsing a block collection, did not find expected '-' indicator"
        | "while parsing a block mapping, did not find expected key" => {
            "this line is indented as none above it to which it could belong"
        }
        text if text.starts_with("budget breached") => {
            "the configuration is too large up to here; one entry may list many patterns"
        }
        text if text.starts_with("multiple YAML documents") => {
            "a second document begins; a file has one configuration"
        }
        text => text,
    }
    .to_owned()
}

/// Tells whether a text is an RFC 1123 subdomain, as the name of a Secret is.
#[must_use]
pub fn is_secret_name(text: &str) -> bool {
    text.len() <= SUBDOMAIN_BYTES_MAX && text.split('.').all(is_label)
}

/// Tells whether a text is an RFC 1123 label, as the name of a namespace is.
#[must_use]
pub fn is_dns_label(text: &str) -> bool {
    text.len() <= LABEL_BYTES_MAX && is_label(text)
}

fn is_label(label: &str) -> bool {
    !label.is_empty() && label.bytes().all(is_label_byte) && !label.starts_with('-') && !label.ends_with('-')
}

fn is_label_byte(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')
}
