//! Whether any image is matched by both a key and a pattern: an image is made up that both match.
//!
//! What is made up is read and compared as any image, so a mistake here can overlook one, and never
//! find one that does not exist.

use std::collections::{HashSet, VecDeque};

use super::{Key, may_come_from_docker_hub};
use crate::engine::image::ImageRef;
use crate::engine::pattern::Pattern;

/// Tells whether the key serves some image that the pattern matches, also as Docker Hub's key.
pub(super) fn of(key: &Key, pattern: &Pattern) -> bool {
    let hosts = hosts(key, pattern);
    let port = pattern.port().map(|port| format!(":{port}")).unwrap_or_default();
    let paths = paths(key, pattern);
    hosts.iter().any(|host| {
        paths.iter().any(|path| {
            let image = format!("{host}{port}/{path}");
            ImageRef::parse(&image).is_ok_and(|image| {
                let serves = key.matches(&image) || key.is_docker_hub && may_come_from_docker_hub(&image);
                serves && pattern.matches(&image)
            })
        })
    })
}

/// Paths of which one has both as a prefix, if any path has.
fn paths(key: &Key, pattern: &Pattern) -> Vec<String> {
    let of_key = key.place.as_ref().and_then(|place| place.path.strip_prefix('/')).unwrap_or_default();
    let of_pattern = pattern.path().unwrap_or_default();
    let mut paths = vec!["a/a".to_owned()];
    for path in [of_key, of_pattern].into_iter().filter(|path| !path.is_empty()) {
        paths.extend(["", "a", "/a", "a/a"].map(|more| format!("{path}{more}")));
    }
    paths
}

/// Hosts of which one is matched by both, if any host is.
fn hosts(key: &Key, pattern: &Pattern) -> Vec<String> {
    if let Some(host) = pattern.exact_host() {
        return vec![host.to_owned()];
    }
    let mut hosts = Vec::new();
    if key.is_docker_hub {
        // The hosts that the kubelet takes for Docker Hub.
        hosts.extend(["docker.io".to_owned(), "localhost".to_owned()]);
        hosts.extend(common(pattern.host(), "*", pattern.port().is_none()));
    }
    if let Some(place) = &key.place {
        hosts.push(place.host.clone());
        hosts.push("localhost".to_owned());
        hosts.extend(common(pattern.host(), &place.host, pattern.port().is_none()));
    }
    hosts
}

/// Hosts that both globs match: one with letters of any case, and one with underscores, which take
/// neither capitals nor a port.
fn common(one: &str, other: &str, without_port: bool) -> Vec<String> {
    let (one, other): (Vec<_>, Vec<_>) = (one.split('.').collect(), other.split('.').collect());
    if one.len() != other.len() {
        return Vec::new();
    }
    // A single label needs a capital to be a host at all.
    let capital = without_port && one.len() == 1;
    let host = |is_allowed: fn(char) -> bool, capital: bool| {
        let labels = one.iter().zip(&other);
        let labels: Option<Vec<_>> =
            labels.map(|(one, other)| common_label(one, other, is_allowed, capital)).collect();
        labels.map(|labels| labels.join("."))
    };
    let with_case = host(|c| c.is_ascii_alphanumeric() || c == '-', capital);
    let with_underscore = host(|c| !c.is_ascii_uppercase(), false).filter(|_| without_port);
    with_case.into_iter().chain(with_underscore).collect()
}

/// The shortest text that both globs match and that can be a label, found letter by letter.
fn common_label(one: &str, other: &str, is_allowed: fn(char) -> bool, capital: bool) -> Option<String> {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut letters: Vec<char> = one.iter().chain(&other).copied().filter(|c| *c != '*').collect();
    letters.extend(['a', 'A']);
    letters.retain(|c| is_allowed(*c));
    let mut seen = HashSet::new();
    let mut waiting = VecDeque::from([(0, 0, String::new())]);
    while let Some((at, other_at, text)) = waiting.pop_front() {
        let has_capital = text.contains(|c: char| c.is_ascii_uppercase());
        // Whether it may end here, and what may follow, hangs on its last letters only.
        let tail: String = text.chars().rev().take(2).collect();
        if !seen.insert((at, other_at, tail, has_capital)) {
            continue;
        }
        let ends = rest_is_stars(&one[at..]) && rest_is_stars(&other[other_at..]);
        let is_edge = text.ends_with(|c: char| c.is_ascii_alphanumeric());
        if ends && is_edge && (has_capital || !capital) {
            return Some(text);
        }
        for letter in &letters {
            if text.is_empty() && !letter.is_ascii_alphanumeric() {
                continue;
            }
            for next in steps(&one, at, *letter) {
                for other_next in steps(&other, other_at, *letter) {
                    waiting.push_back((next, other_next, format!("{text}{letter}")));
                }
            }
        }
    }
    None
}

fn rest_is_stars(glob: &[char]) -> bool {
    glob.iter().all(|c| *c == '*')
}

/// Where in the glob one may stand after this letter.
fn steps(glob: &[char], mut at: usize, letter: char) -> Vec<usize> {
    let mut steps = Vec::new();
    while glob.get(at) == Some(&'*') {
        steps.push(at);
        at += 1;
    }
    if glob.get(at) == Some(&letter) {
        steps.push(at + 1);
    }
    steps
}
