//! The configuration: what the YAML says, what it means, and what is wrong with it.
//!
//! A wrong shape (an unknown field, a list that is none) stops at the first problem.
//! Problems of meaning are all reported at once, each with its place and its fix.

use std::collections::HashSet;
use std::fmt;

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::glob::Glob;
use super::pattern::Pattern;

mod names;

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
        let mut checker = Checker::default();
        let config = checker.config(&raw);
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
    except_images: Option<RawList>,
    pull_secrets: RawList,
    namespaces: Option<RawList>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct RawAlways {
    name: Option<Spanned<String>>,
    pull_secrets: RawList,
    namespaces: Option<RawList>,
}

type RawList = Spanned<Vec<Spanned<String>>>;

fn read(yaml: &str) -> Result<RawConfig, Findings> {
    let shape = |line, column, message| Findings {
        problems: vec![Finding { field: String::new(), line, column, message }],
        warnings: Vec::new(),
    };
    if yaml.lines().all(|line| matches!(line.trim_start().chars().next(), None | Some('#'))) {
        return Err(shape(
            0,
            0,
            format!("the configuration is empty; start with \"apiVersion: {API_VERSION}\""),
        ));
    }
    serde_saphyr::from_str(yaml).map_err(|error| {
        let error = error.without_snippet();
        let (line, column) = error.location().map_or((0, 0), |at| (at.line(), at.column()));
        shape(line, column, names::shape_message(&error.to_string()))
    })
}

/// Collects findings while it turns the written form into the meant one.
#[derive(Default)]
struct Checker {
    findings: Findings,
    names: HashSet<String>,
}

impl Checker {
    fn config(&mut self, raw: &RawConfig) -> Config {
        if raw.api_version.value != API_VERSION {
            let message = format!("{:?} is not known; write {API_VERSION:?}", raw.api_version.value);
            self.problem("apiVersion", &raw.api_version, message);
        }
        if raw.kind.value != KIND {
            self.problem("kind", &raw.kind, format!("{:?} is not known; write {KIND:?}", raw.kind.value));
        }
        let registries = raw.registries.as_deref().unwrap_or_default();
        let always = raw.always.as_deref().unwrap_or_default();
        if registries.is_empty() && always.is_empty() {
            let message = "no entry: list at least one registry with matchImages and pullSecrets".to_owned();
            self.problem("registries", &raw.kind, message);
        }
        let mut entries = Vec::with_capacity(registries.len() + always.len());
        for (i, raw) in registries.iter().enumerate() {
            entries.push(self.registry(&format!("registries[{i}]"), raw));
        }
        for (i, raw) in always.iter().enumerate() {
            let field = format!("always[{i}]");
            entries.push(Entry {
                name: self.name(&field, raw.name.as_ref()).unwrap_or_else(|| field.clone()),
                always: true,
                match_images: Vec::new(),
                except_images: Vec::new(),
                pull_secrets: self.pull_secrets(&field, &raw.pull_secrets),
                namespaces: self.namespaces(&field, raw.namespaces.as_ref()),
            });
        }
        Config { entries }
    }

    fn registry(&mut self, field: &str, raw: &RawEntry) -> Entry {
        let matched = self.patterns(&format!("{field}.matchImages"), &raw.match_images);
        let excepted = match &raw.except_images {
            Some(list) => self.patterns(&format!("{field}.exceptImages"), list),
            None => Vec::new(),
        };
        for (place, at, pattern) in &matched {
            if let Some((other, ..)) = excepted.iter().find(|(.., except)| except.covers(pattern)) {
                self.problem(
                    place,
                    at,
                    format!("{:?} never matches: {other} excepts all of it", pattern.as_str()),
                );
            }
        }
        for (place, at, except) in &excepted {
            if matched.iter().all(|(.., pattern)| pattern.is_disjoint(except)) {
                let message =
                    format!("{:?} excepts nothing: no pattern of matchImages reaches it", except.as_str());
                self.warning(place, at, message);
            }
        }
        let first = raw.match_images.value.first().map_or_else(String::new, |first| first.value.clone());
        let patterns =
            |list: Vec<(String, Place, Pattern)>| list.into_iter().map(|(.., pattern)| pattern).collect();
        Entry {
            name: self.name(field, raw.name.as_ref()).unwrap_or(first),
            always: false,
            match_images: patterns(matched),
            except_images: patterns(excepted),
            pull_secrets: self.pull_secrets(field, &raw.pull_secrets),
            namespaces: self.namespaces(field, raw.namespaces.as_ref()),
        }
    }

    fn name(&mut self, field: &str, raw: Option<&Spanned<String>>) -> Option<String> {
        let raw = raw?;
        let field = format!("{field}.name");
        if let Err(message) = names::check_entry_name(&raw.value) {
            self.problem(&field, raw, message);
        } else if !self.names.insert(raw.value.clone()) {
            self.problem(&field, raw, format!("{:?} is already the name of another entry", raw.value));
        }
        Some(raw.value.clone())
    }

    fn patterns(&mut self, field: &str, raw: &RawList) -> Vec<(String, Place, Pattern)> {
        let mut patterns: Vec<(String, Place, Pattern)> = Vec::new();
        for (place, text) in self.items(field, raw) {
            match text.value.parse::<Pattern>() {
                Ok(pattern) => {
                    for message in pattern.warnings() {
                        self.warning(&place, text, message);
                    }
                    patterns.push((place, text.into(), pattern));
                }
                Err(error) => self.problem(&place, text, error.to_string()),
            }
        }
        patterns
    }

    fn pull_secrets(&mut self, field: &str, raw: &RawList) -> Vec<String> {
        let mut secrets = Vec::new();
        for (place, name) in self.items(&format!("{field}.pullSecrets"), raw) {
            match names::check_secret_name(&name.value) {
                Ok(()) => secrets.push(name.value.clone()),
                Err(message) => self.problem(&place, name, message),
            }
        }
        secrets
    }

    fn namespaces(&mut self, field: &str, raw: Option<&RawList>) -> Vec<NamespaceGlob> {
        let mut globs = Vec::new();
        let Some(raw) = raw else { return globs };
        for (place, text) in self.items(&format!("{field}.namespaces"), raw) {
            match names::check_namespace(&text.value) {
                Ok(()) => globs.push(NamespaceGlob::new(&text.value)),
                Err(message) => self.problem(&place, text, message),
            }
        }
        globs
    }

    /// The items of a list, each once; an empty list and a repeated item are problems.
    fn items<'r>(&mut self, field: &str, raw: &'r RawList) -> Vec<(String, &'r Spanned<String>)> {
        if raw.value.is_empty() {
            self.problem(field, raw, "the list is empty; write at least one item".to_owned());
        }
        let mut seen = HashSet::new();
        let mut items = Vec::with_capacity(raw.value.len());
        for (i, item) in raw.value.iter().enumerate() {
            let place = format!("{field}[{i}]");
            if seen.insert(item.value.as_str()) {
                items.push((place, item));
            } else {
                self.problem(
                    &place,
                    item,
                    format!("{:?} stands in this list already; write it once", item.value),
                );
            }
        }
        items
    }

    fn problem(&mut self, field: &str, at: impl Into<Place>, message: String) {
        self.findings.problems.push(at.into().finding(field, message));
    }

    fn warning(&mut self, field: &str, at: impl Into<Place>, message: String) {
        self.findings.warnings.push(at.into().finding(field, message));
    }
}

/// Where a value stands in the file.
#[derive(Clone, Copy, Debug)]
struct Place {
    line: u64,
    column: u64,
}

impl Place {
    fn finding(self, field: &str, message: String) -> Finding {
        Finding { field: field.to_owned(), line: self.line, column: self.column, message }
    }
}

impl From<&Place> for Place {
    fn from(place: &Place) -> Self {
        *place
    }
}

impl<T> From<&Spanned<T>> for Place {
    fn from(spanned: &Spanned<T>) -> Self {
        Self { line: spanned.referenced.line(), column: spanned.referenced.column() }
    }
}
