//! From the images of a Pod and its namespace to the pull secrets that the Pod needs.

use std::collections::{HashMap, HashSet};

use super::config::{Config, Entry};
use super::image::{ImageRef, Location};
use super::pattern::Pattern;

/// The configuration, indexed: entries with an exact host cost nothing until an image names it.
#[derive(Debug)]
pub struct Rules {
    config: Config,
    exact: HashMap<String, Vec<Candidate>>,
    globs: Vec<Candidate>,
    /// The positions of the entries that need no image, so that nobody looks for them in a thousand.
    always: Vec<usize>,
}

/// One pattern of one entry, by position.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    entry: usize,
    pattern: usize,
}

/// What the rules say about one Pod.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Selection<'r> {
    /// The names of the pull secrets in the order of the configuration, each once.
    pub names: Vec<&'r str>,
    /// The positions in [`Rules::entries`] of the entries that contributed, in ascending order.
    pub entries: Vec<usize>,
    /// How many images could not be read as an image name.
    pub unparsable: usize,
}

/// The entries that matched so far: quick to ask, and short to list when there are thousands.
struct Matched {
    flags: Vec<bool>,
    positions: Vec<usize>,
}

impl Matched {
    fn add(&mut self, position: usize) {
        if !self.flags[position] {
            self.flags[position] = true;
            self.positions.push(position);
        }
    }
}

impl Rules {
    /// Indexes a configuration.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let mut exact: HashMap<String, Vec<Candidate>> = HashMap::new();
        let mut globs = Vec::new();
        for (entry, Entry { match_images, .. }) in config.entries.iter().enumerate() {
            for (pattern, compiled) in match_images.iter().enumerate() {
                let candidate = Candidate { entry, pattern };
                match compiled.exact_host() {
                    Some(host) => exact.entry(host.to_owned()).or_default().push(candidate),
                    None => globs.push(candidate),
                }
            }
        }
        let is_always = |position: &usize| config.entries[*position].always;
        let always = (0..config.entries.len()).filter(is_always).collect();
        Self { config, exact, globs, always }
    }

    /// The entries in the order of the configuration, `registries` before `always`.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.config.entries
    }

    /// Selects the pull secrets for a Pod with these images in this namespace.
    ///
    /// Every entry that matches one of the images, does not except it and applies in the namespace
    /// contributes its names: the kubelet collects the matching credentials of all named Secrets.
    pub fn select<'i>(&self, images: impl IntoIterator<Item = &'i str>, namespace: &str) -> Selection<'_> {
        let mut selection = Selection::default();
        let mut matched = Matched { flags: vec![false; self.entries().len()], positions: Vec::new() };
        let mut seen = HashSet::new();
        for image in images {
            // Each image is compared once: a Pod may name one thousands of times.
            if is_placeholder(image) || !seen.insert(image) {
                continue;
            }
            match ImageRef::parse(image) {
                Ok(image) => self.select_for(&image.location(), namespace, &mut matched),
                Err(_) => selection.unparsable += 1,
            }
        }
        let always = self.always.iter().filter(|position| self.entries()[**position].applies_in(namespace));
        always.for_each(|position| matched.add(*position));
        matched.positions.sort_unstable();
        selection.entries = matched.positions;
        selection.names = self.names(&selection.entries);
        selection
    }

    fn select_for(&self, location: &Location<'_>, namespace: &str, matched: &mut Matched) {
        let exact = self.exact.get(location.host).map_or(&[][..], Vec::as_slice);
        for candidate in exact.iter().chain(&self.globs) {
            if matched.flags[candidate.entry] {
                continue;
            }
            let entry = &self.entries()[candidate.entry];
            if entry.match_images[candidate.pattern].matches_location(location)
                && !matches_any(&entry.except_images, location)
                && entry.applies_in(namespace)
            {
                matched.add(candidate.entry);
            }
        }
    }

    fn names(&self, entries: &[usize]) -> Vec<&str> {
        let names = entries.iter().flat_map(|position| &self.entries()[*position].pull_secrets);
        let mut seen = HashSet::new();
        names.map(String::as_str).filter(|name| seen.insert(*name)).collect()
    }
}

/// Tells whether a text stands for no image at all.
///
/// A template may leave the image empty, and Istio's injector replaces its placeholder `auto`.
pub(crate) fn is_placeholder(image: &str) -> bool {
    image.is_empty() || image == "auto"
}

fn matches_any(patterns: &[Pattern], location: &Location<'_>) -> bool {
    patterns.iter().any(|pattern| pattern.matches_location(location))
}
