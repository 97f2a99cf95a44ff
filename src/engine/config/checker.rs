//! From the written form of a configuration to the meant one, with all that is wrong on the way.

use std::collections::HashSet;

use serde_saphyr::Spanned;

use super::{
    API_VERSION, Config, Entry, Finding, Findings, KIND, NamespaceGlob, RawConfig, RawEntry, RawList, names,
};
use crate::engine::pattern::Pattern;

/// Collects findings while it turns the written form into the meant one.
#[derive(Default)]
pub(super) struct Checker {
    pub(super) findings: Findings,
    names: HashSet<String>,
}

impl Checker {
    pub(super) fn config(&mut self, raw: &RawConfig) -> Config {
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
