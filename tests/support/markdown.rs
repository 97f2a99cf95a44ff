//! The fenced blocks of a Markdown file, and the marker that says how a block of commands is tested.
//!
//! A marker is a comment, so that a reader of the page does not see it. It stands above its block:
//!
//! ````text
//! <!-- run: KIND -->            or <!-- run: KIND, NOTE -->
//! ```sh
//! a command
//! ```
//!
//! ```text
//! what it prints
//! ```
//! ````

use std::collections::VecDeque;
use std::fs;
use std::path::Path;

/// Who runs a block of commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `tests/readme.rs`, in the repository.
    Here,
    /// `tests/readme.rs`, until it is interrupted.
    Try,
    /// `tests/apiserver`, against a cluster.
    Cluster,
    /// Nobody; the note says why.
    Elsewhere,
}

/// A block of commands with its marker.
#[derive(Debug)]
pub(crate) struct Commands {
    pub(crate) kind: Kind,
    /// What the marker says after its kind, or nothing.
    pub(crate) note: String,
    pub(crate) text: String,
    /// What the commands print, where the file shows it.
    pub(crate) expected: Option<String>,
    /// The heading above, as it stands in the file without its signs.
    pub(crate) section: String,
    /// File and line, for messages.
    pub(crate) place: String,
}

/// A fenced block.
#[derive(Debug)]
pub(crate) struct Fence {
    pub(crate) language: String,
    pub(crate) text: String,
    pub(crate) place: String,
}

/// What a file consists of, as far as the tests care.
#[derive(Debug)]
enum Part {
    Fence(Fence),
    Marker { words: String, place: String },
    Heading(String),
    Line,
}

/// The text of a Markdown file of this repository.
#[track_caller]
pub(crate) fn read(path: &str) -> String {
    let full = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(full).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// All fenced blocks of a file.
pub(crate) fn fences(path: &str, text: &str) -> Result<Vec<Fence>, String> {
    let parts = parts(path, text)?.into_iter();
    Ok(parts.filter_map(|part| if let Part::Fence(fence) = part { Some(fence) } else { None }).collect())
}

/// All blocks of commands of a file, or what is wrong with one of them.
pub(crate) fn commands(path: &str, text: &str) -> Result<Vec<Commands>, String> {
    let mut parts = VecDeque::from(parts(path, text)?);
    let (mut found, mut section, mut marker) = (Vec::new(), String::new(), None);
    while let Some(part) = parts.pop_front() {
        match (part, marker.take()) {
            (Part::Marker { words, place }, None) => marker = Some((words, place)),
            (Part::Fence(fence), Some((words, _))) if fence.language == "sh" => {
                let (kind, note) = kind(&words).map_err(|reason| format!("{}: {reason}", fence.place))?;
                let expected = take_expected(&mut parts);
                let Fence { text, place, .. } = fence;
                found.push(Commands { kind, note, text, expected, section: section.clone(), place });
            }
            (_, Some((_, place))) => {
                return Err(format!("{place}: a marker stands above a block of commands"));
            }
            (Part::Fence(fence), None) => match fence.language.as_str() {
                "sh" => {
                    return Err(format!(
                        "{}: no marker says how these commands are tested; write <!-- run: KIND --> above, see tests/support/markdown.rs",
                        fence.place
                    ));
                }
                "bash" | "shell" | "console" => {
                    return Err(format!("{}: a block of commands is marked as sh", fence.place));
                }
                _ => {}
            },
            (Part::Heading(heading), None) => section = heading,
            (Part::Line, None) => {}
        }
    }
    match marker {
        Some((_, place)) => Err(format!("{place}: no block of commands follows this marker")),
        None => Ok(found),
    }
}

/// The block of text that follows at once, or after one line that leads to it.
fn take_expected(parts: &mut VecDeque<Part>) -> Option<String> {
    let line = usize::from(matches!(parts.front(), Some(Part::Line)));
    match parts.get(line) {
        Some(Part::Fence(fence)) if fence.language == "text" => {
            let expected = fence.text.clone();
            parts.drain(..=line);
            Some(expected)
        }
        _ => None,
    }
}

fn kind(words: &str) -> Result<(Kind, String), String> {
    let (kind, note) = words.split_once(',').unwrap_or((words, ""));
    let kind = match kind.trim() {
        "here" => Kind::Here,
        "try" => Kind::Try,
        "cluster" => Kind::Cluster,
        "elsewhere" => Kind::Elsewhere,
        other => return Err(format!("\"{other}\" is none of here, try, cluster and elsewhere")),
    };
    let note = note.trim().to_owned();
    if kind == Kind::Elsewhere && note.is_empty() {
        return Err("commands that no test runs need a reason: <!-- run: elsewhere, REASON -->".to_owned());
    }
    Ok((kind, note))
}

/// Reads a file; blank lines mean nothing.
fn parts(path: &str, text: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut lines = text.lines().zip(1..);
    while let Some((line, number)) = lines.next() {
        let place = format!("{path}:{number}");
        let line = line.trim();
        if let Some(language) = line.strip_prefix("```") {
            let mut text = String::new();
            loop {
                let (line, _) = lines.next().ok_or_else(|| format!("{place}: this block does not end"))?;
                if line.trim() == "```" {
                    break;
                }
                text.push_str(line);
                text.push('\n');
            }
            parts.push(Part::Fence(Fence { language: language.to_owned(), text, place }));
        } else if let Some(words) = line.strip_prefix("<!-- run:") {
            let words = words.strip_suffix("-->").ok_or_else(|| format!("{place}: a marker is one line"))?;
            parts.push(Part::Marker { words: words.trim().to_owned(), place });
        } else if let Some(heading) = line.strip_prefix('#') {
            parts.push(Part::Heading(heading.trim_start_matches('#').trim().to_owned()));
        } else if !line.is_empty() {
            parts.push(Part::Line);
        }
    }
    Ok(parts)
}
