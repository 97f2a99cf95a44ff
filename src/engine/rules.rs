//! From the images of a Pod and its namespace to the pull secrets that the Pod needs.

use std::collections::HashMap;

use super::config::{Config, Entry};
use super::image::{ImageRef, Location};
use super::pattern::Pattern;

/// The configuration, indexed: entries with an exact host cost nothing until an image names it.
#[derive(Debug)]
pub struct Rules {
    config: Config,
    exact: HashMap<String, Vec<Candidate>>,
    globs: Vec<Candidate>,
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
        Self { config, exact, globs }
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
        for image in images {
            if is_placeholder(image) {
                continue;
            }
            match ImageRef::parse(image) {
                Ok(image) => self.select_for(&image.location(), namespace, &mut selection.entries),
                Err(_) => selection.unparsable += 1,
            }
        }
        for (position, entry) in self.entries().iter().enumerate() {
            if entry.always && entry.applies_in(namespace) {
                selection.entries.push(position);
            }
        }
        selection.entries.sort_unstable();
        selection.names = self.names(&selection.entries);
        selection
    }

    fn select_for(&self, location: &Location<'_>, namespace: &str, matched: &mut Vec<usize>) {
        let exact = self.exact.get(location.host).map_or(&[][..], Vec::as_slice);
        for candidate in exact.iter().chain(&self.globs) {
            let entry = &self.entries()[candidate.entry];
            if !matched.contains(&candidate.entry)
                && entry.match_images[candidate.pattern].matches_location(location)
                && !matches_any(&entry.except_images, location)
                && entry.applies_in(namespace)
            {
                matched.push(candidate.entry);
            }
        }
    }

    fn names(&self, entries: &[usize]) -> Vec<&str> {
        let mut names = Vec::new();
        for position in entries {
            for name in &self.entries()[*position].pull_secrets {
                if !names.contains(&name.as_str()) {
                    names.push(name.as_str());
                }
            }
        }
        names
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
