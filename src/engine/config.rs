//! The configuration: what the YAML says, what it means, and what is wrong with it.
//!
//! A wrong shape (an unknown field, a list that is none) stops at the first problem.
//! Problems of meaning are all reported at once, each with its place and its fix.

use std::fmt;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_saphyr::Spanned;

use super::glob::Glob;
use super::pattern::Pattern;

mod checker;
mod names;

pub use names::{is_dns_label, is_secret_name};

/// The `apiVersion` of a configuration.
pub const API_VERSION: &str = "pullkey.dev/v1alpha1";
/// The `kind` of a configuration.
pub const KIND: &str = "InjectorConfiguration";

/// A configuration in which everything can match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// `registries`, then `always`, in the order in which they are written.
    pub entries: Vec<Entry>,
}

/// One entry of `registries` or `always`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// For metrics, logs and explanations; the first pattern when the configuration has no name.
    pub name: String,
    /// Applies whatever the images are.
    pub always: bool,
    /// An image that one of these matches needs the pull secrets. Empty for `always`.
    pub match_images: Vec<Pattern>,
    /// Images that this entry leaves alone.
    pub except_images: Vec<Pattern>,
    /// Names of Secrets in the Pod's namespace.
    pub pull_secrets: Vec<String>,
    /// Where the entry applies; empty for everywhere.
    pub namespaces: Vec<NamespaceGlob>,
}

/// A namespace, or a text with `*` for any run of characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamespaceGlob {
    text: String,
    glob: Glob,
}

/// Something to say about one place of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The field as a path, such as `registries[2].matchImages[0]`; empty when the place is no field.
    pub field: String,
    /// The line, counted from 1; 0 when unknown.
    pub line: u64,
    /// The column in characters, counted from 1; 0 when unknown.
    pub column: u64,
    /// What is wrong, and what to write instead.
    pub message: String,
}

/// All that is to be said about a configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// What makes it unusable.
    pub problems: Vec<Finding>,
    /// What is probably not meant.
    pub warnings: Vec<Finding>,
}

impl Config {
    /// Reads a configuration; the warnings come with it.
    ///
    /// # Errors
    /// All problems of meaning, or the first one of shape.
    pub fn parse(yaml: &str) -> Result<(Self, Vec<Finding>), Findings> {
        let raw = read(yaml)?;
        let mut checker = checker::Checker::default();
        let config = checker.config(&raw);
        checker.findings.problems.sort_by_key(|finding| (finding.line, finding.column));
        checker.findings.warnings.sort_by_key(|finding| (finding.line, finding.column));
        if checker.findings.problems.is_empty() {
            Ok((config, checker.findings.warnings))
        } else {
            Err(checker.findings)
        }
    }
}

impl Entry {
    pub(crate) fn applies_in(&self, namespace: &str) -> bool {
        self.namespaces.is_empty() || self.namespaces.iter().any(|glob| glob.matches(namespace))
    }
}

impl NamespaceGlob {
    fn new(text: &str) -> Self {
        Self { text: text.to_owned(), glob: Glob::new(text) }
    }

    pub(crate) fn matches(&self, namespace: &str) -> bool {
        self.glob.matches(namespace)
    }
}

impl fmt::Display for NamespaceGlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.field.as_str(), self.line) {
            ("", 0) => {}
            ("", line) => write!(f, "line {line}, column {}: ", self.column)?,
            (field, 0) => write!(f, "{field}: ")?,
            (field, line) => write!(f, "{field} (line {line}, column {}): ", self.column)?,
        }
        f.write_str(&self.message)
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.problems.iter().enumerate() {
            let separator = if i == 0 { "" } else { "\n" };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Findings {}

/// What tells a configuration from other documents.
#[derive(Debug, Deserialize)]
struct RawHead {
    kind: Option<Spanned<String>>,
}

/// Exactly the YAML.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct RawConfig {
    api_version: Spanned<String>,
    kind: Spanned<String>,
    registries: Option<Vec<RawEntry>>,
    always: Option<Vec<RawAlways>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct RawEntry {
    name: Option<Spanned<String>>,
    match_images: RawList,
    #[serde(default, deserialize_with = "written")]
    except_images: Option<RawList>,
    pull_secrets: RawList,
    #[serde(default, deserialize_with = "written")]
    namespaces: Option<RawList>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct RawAlways {
    name: Option<Spanned<String>>,
    pull_secrets: RawList,
    #[serde(default, deserialize_with = "written")]
    namespaces: Option<RawList>,
}

type RawList = Spanned<Vec<Spanned<String>>>;

/// A list that is written without an item is an empty one. Taken for an absent one, a `namespaces` whose
/// items are commented out would open all namespaces.
fn written<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<RawList>, D::Error> {
    RawList::deserialize(deserializer).map(Some)
}

fn read(yaml: &str) -> Result<RawConfig, Findings> {
    let shape = |line, column, message| Findings {
        problems: vec![Finding { field: String::new(), line, column, message }],
        warnings: Vec::new(),
    };
    let is_blank = |line: &str| line == "---" || matches!(line.chars().next(), None | Some('#'));
    if yaml.trim_start_matches('\u{feff}').lines().all(|line| is_blank(line.trim())) {
        return Err(shape(
            0,
            0,
            format!("the configuration is empty; start with \"apiVersion: {API_VERSION}\""),
        ));
    }
    let wrong_shape = |error: serde_saphyr::Error| {
        let error = error.without_snippet();
        let (line, column) = error.location().map_or((0, 0), |at| (at.line(), at.column()));
        shape(line, column, names::shape_message(&error.to_string()))
    };
    serde_saphyr::from_str(yaml).map_err(|error| {
        // Of another kind of document, its kind is what is wrong, and not its fields.
        let kind = serde_saphyr::from_str(yaml).ok().and_then(|RawHead { kind }| kind);
        match kind.filter(|kind| kind.value != KIND) {
            Some(kind) => shape(
                kind.referenced.line(),
                kind.referenced.column(),
                format!("this is a {:?}; a configuration has the kind {KIND:?}", kind.value),
            ),
            // A field may only seem to be missing because the text is no YAML from there on.
            None => wrong_shape(serde_saphyr::from_str::<IgnoredAny>(yaml).err().unwrap_or(error)),
        }
    })
}
