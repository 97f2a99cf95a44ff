//! Why an image gets its pull secrets, entry by entry: the rules again, slower and in words.

use serde::Serialize;

use super::config::Entry;
use super::image::{ImageRef, Location};
use super::pattern::{Pattern, Verdict};
use super::rules::{Rules, is_placeholder};

/// What the rules say about one image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// The image as it is written.
    pub image: String,
    /// How it is read; absent when it is no image name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_as: Option<ReadAs>,
    /// Why it is no image name, or not looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// The entries that match, and those that nearly do.
    pub entries: Vec<EntryNote>,
    /// The names that the image needs.
    pub pull_secrets: Vec<String>,
}

/// An image name in its parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadAs {
    /// The registry with its port.
    pub registry: String,
    /// The repository.
    pub repository: String,
    /// The tag, if one is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The digest, if one is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

/// What one entry says about the image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EntryNote {
    /// The name of the entry.
    pub entry: String,
    /// Whether the entry contributes its names.
    pub matches: bool,
    /// Why, or what is missing.
    pub reason: String,
    /// The names that the entry would contribute.
    pub pull_secrets: Vec<String>,
}

/// Explains an image in a namespace.
#[must_use]
pub fn explain(rules: &Rules, image: &str, namespace: &str) -> Explanation {
    let refused = |reason: String| Explanation {
        image: image.to_owned(),
        read_as: None,
        refused: Some(reason),
        entries: notes(rules, None, namespace),
        pull_secrets: names(rules, image, namespace),
    };
    if is_placeholder(image) {
        return refused("it is empty, or a placeholder that another injector replaces".to_owned());
    }
    let read = match ImageRef::parse(image) {
        Ok(read) => read,
        Err(_) if image.contains("://") => {
            return refused("it is no image name: an image name has no scheme".to_owned());
        }
        Err(_) if image.contains(char::is_whitespace) => {
            return refused("it is no image name: it has a blank or a line break".to_owned());
        }
        Err(error) => return refused(format!("it is no image name: {error}")),
    };
    let location = read.location();
    let host = match location.port {
        Some(port) => format!("{}:{port}", location.host),
        None => location.host.to_owned(),
    };
    Explanation {
        image: image.to_owned(),
        read_as: Some(ReadAs {
            registry: host,
            repository: location.path.to_owned(),
            tag: read.tag().map(str::to_owned),
            digest: read.digest().map(str::to_owned),
        }),
        refused: None,
        entries: notes(rules, Some(&location), namespace),
        pull_secrets: names(rules, image, namespace),
    }
}

fn names(rules: &Rules, image: &str, namespace: &str) -> Vec<String> {
    rules.select([image], namespace).names.into_iter().map(str::to_owned).collect()
}

fn notes(rules: &Rules, location: Option<&Location<'_>>, namespace: &str) -> Vec<EntryNote> {
    let note = |entry: &Entry| {
        let (matches, reason) = match location {
            _ if entry.always && !entry.applies_in(namespace) => return None,
            _ if entry.always => (true, "it applies whatever the images are".to_owned()),
            location => for_image(entry, location?, namespace)?,
        };
        let pull_secrets = entry.pull_secrets.clone();
        Some(EntryNote { entry: entry.name.clone(), matches, reason, pull_secrets })
    };
    rules.entries().iter().filter_map(note).collect()
}

/// What an entry says about an image; nothing when it does not come near.
fn for_image(entry: &Entry, location: &Location<'_>, namespace: &str) -> Option<(bool, String)> {
    let matching =
        |patterns: &[Pattern]| patterns.iter().find(|p| p.matches_location(location)).map(Pattern::to_string);
    let Some(pattern) = matching(&entry.match_images) else {
        return entry
            .match_images
            .iter()
            .find_map(|pattern| near_miss(pattern, location))
            .map(|reason| (false, reason));
    };
    if let Some(except) = matching(&entry.except_images) {
        return Some((
            false,
            format!("{pattern:?} matches, but exceptImages {except:?} takes the image out"),
        ));
    }
    if !entry.applies_in(namespace) {
        let namespaces: Vec<String> = entry.namespaces.iter().map(ToString::to_string).collect();
        let namespaces = namespaces.join(", ");
        let reason = format!(
            "{pattern:?} matches, but the entry is for the namespaces {namespaces}, not {namespace:?}"
        );
        return Some((false, reason));
    }
    Some((true, format!("{pattern:?} matches")))
}

/// Why a pattern does not match although somebody may have meant it to.
fn near_miss(pattern: &Pattern, location: &Location<'_>) -> Option<String> {
    match pattern.compare(location) {
        Verdict::Match | Verdict::Host => None,
        Verdict::HostCase => Some(format!(
            "{pattern:?}: the host differs only in case, and case counts",
            pattern = pattern.as_str()
        )),
        Verdict::Port => {
            let port = location.port.map_or("no port".to_owned(), |port| format!("port {port}"));
            Some(format!(
                "{:?}: the host matches, but the image has {port}, and ports must be equal",
                pattern.as_str()
            ))
        }
        Verdict::PathInsideComponent => Some(format!(
            "{:?}: the path ends inside a component of {:?}; a path ends at a slash",
            pattern.as_str(),
            location.path
        )),
        Verdict::Path => {
            Some(format!("{:?}: the host matches, but not the path {:?}", pattern.as_str(), location.path))
        }
    }
}
