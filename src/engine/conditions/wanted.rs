//! Which images a configuration wants to see, in the terms that are cheap to test in CEL.

use std::collections::{BTreeMap, BTreeSet};

use super::Detail;
use crate::engine::config::{Config, Entry};
use crate::engine::image::{DOCKER_HUB, Location};
use crate::engine::pattern::Pattern;

/// What is wanted, over all entries. It covers what they match, and here and there more.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// Of Docker Hub, which an image need not name.
    pub(super) docker_hub: Paths,
    /// By the host with its port, as an image spells it.
    pub(super) hosts: BTreeMap<String, Paths>,
    /// By the last two labels of the host, with the port.
    pub(super) domains: BTreeSet<String>,
    /// By pieces of the host.
    pub(super) globs: BTreeSet<HostGlob>,
}

/// Which repositories below one host, told by the first component of the path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Paths {
    #[default]
    None,
    /// Those that begin with one of these.
    Only(BTreeSet<String>),
    /// All but those that begin with one of these.
    AllBut(BTreeSet<String>),
}

/// What a host with its port must begin with, contain, and end with. Nothing of all that is a lone star: any host of
/// one label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct HostGlob {
    pub(super) prefix: String,
    pub(super) middle: Vec<String>,
    pub(super) suffix: String,
}

impl Wanted {
    pub(super) fn of(config: &Config, detail: Detail) -> Self {
        let mut wanted = Self::default();
        for entry in &config.entries {
            for pattern in &entry.match_images {
                wanted.add(entry, pattern, detail);
            }
        }
        wanted
    }

    fn add(&mut self, entry: &Entry, pattern: &Pattern, detail: Detail) {
        let paths = |host: &str, port| match detail {
            Detail::Path => paths(entry, pattern, host, port),
            Detail::Host | Detail::Domain => Paths::AllBut(BTreeSet::new()),
        };
        // Also by a glob, such as `*.io`.
        if pattern.reaches(DOCKER_HUB, None) {
            self.docker_hub.add(paths(DOCKER_HUB, None));
        }
        let authority = authority(pattern.host(), pattern.port());
        match pattern.exact_host() {
            Some(DOCKER_HUB) if pattern.port().is_none() => {}
            _ if detail == Detail::Domain && domain(&authority).is_some() => {
                self.domains.extend(domain(&authority).map(str::to_owned));
            }
            Some(host) => self.hosts.entry(authority).or_default().add(paths(host, pattern.port())),
            None => drop(self.globs.insert(HostGlob::of(&authority))),
        }
    }
}

impl Paths {
    fn add(&mut self, more: Self) {
        *self = match (std::mem::take(self), more) {
            (Self::None, other) | (other, Self::None) => other,
            (Self::Only(some), Self::Only(more)) => Self::Only(&some | &more),
            (Self::AllBut(none), Self::AllBut(other)) => Self::AllBut(&none & &other),
            (Self::AllBut(none), Self::Only(some)) | (Self::Only(some), Self::AllBut(none)) => {
                Self::AllBut(&none - &some)
            }
        };
    }
}

impl HostGlob {
    fn of(authority: &str) -> Self {
        let mut pieces = authority.split('*').map(str::to_owned);
        let prefix = pieces.next().unwrap_or_default();
        let mut middle: Vec<String> = pieces.collect();
        let suffix = middle.pop().unwrap_or_default();
        // A lone dot says little beside other pieces.
        let has_ends = !prefix.is_empty() || !suffix.is_empty();
        middle.retain(|piece| !piece.is_empty() && (piece != "." || !has_ends));
        middle.dedup();
        Self { prefix, middle, suffix }
    }
}

/// What a pattern of an entry wants below a host that it reaches.
fn paths(entry: &Entry, pattern: &Pattern, host: &str, port: Option<&str>) -> Paths {
    if let Some(path) = pattern.path() {
        return Paths::Only(BTreeSet::from([first_component(path).to_owned()]));
    }
    // An exception of one component takes out all that begins with it; a longer one only a part of that.
    let excepted = entry.except_images.iter().filter(|except| except.reaches(host, port));
    let components = excepted.filter_map(|except| except.path()).filter(|path| !path.contains('/'));
    Paths::AllBut(components.map(str::to_owned).collect())
}

fn first_component(path: &str) -> &str {
    path.split('/').next().unwrap_or(path)
}

fn authority(host: &str, port: Option<&str>) -> String {
    match port {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// The last two labels, with the port, unless a glob is among them. A host of one label is its own domain.
fn domain(authority: &str) -> Option<&str> {
    let dots: Vec<usize> = authority.match_indices('.').map(|(at, _)| at).collect();
    let from = dots.len().checked_sub(2).map_or(0, |second_last| dots[second_last] + 1);
    Some(&authority[from..]).filter(|domain| !domain.contains('*'))
}

impl Pattern {
    /// Tells whether the pattern matches some image below this host and port.
    fn reaches(&self, host: &str, port: Option<&str>) -> bool {
        // Its own path is one that it matches.
        self.matches_location(&Location { host, port, path: self.path().unwrap_or_default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(registries: &str, detail: Detail) -> Wanted {
        let head = "apiVersion: pullkey.dev/v1alpha1\nkind: InjectorConfiguration\nregistries: ";
        let (config, _) = Config::parse(&format!("{head}{registries}\n")).unwrap();
        Wanted::of(&config, detail)
    }

    fn set(texts: &[&str]) -> BTreeSet<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn what_one_entry_excepts_another_may_want() {
        for (registries, expected) in [
            ("[{matchImages: [a.b], pullSecrets: [s]}]", Paths::AllBut(set(&[]))),
            ("[{matchImages: [a.b/c/d, a.b/e], pullSecrets: [s]}]", Paths::Only(set(&["c", "e"]))),
            (
                "[{matchImages: [a.b], exceptImages: [a.b/c, a.b/d/e, '*.b/f'], pullSecrets: [s]}]",
                Paths::AllBut(set(&["c", "f"])),
            ),
            (
                "[{matchImages: [a.b], exceptImages: [a.b/c, a.b/d], pullSecrets: [s]}, \
                  {matchImages: [a.b], exceptImages: [a.b/d, a.b/e], pullSecrets: [t]}]",
                Paths::AllBut(set(&["d"])),
            ),
            (
                "[{matchImages: [a.b], exceptImages: [a.b/c, a.b/d], pullSecrets: [s]}, \
                  {matchImages: [a.b/c/x], pullSecrets: [t]}]",
                Paths::AllBut(set(&["d"])),
            ),
        ] {
            assert_eq!(wanted(registries, Detail::Path).hosts["a.b"], expected, "{registries}");
        }
    }

    #[test]
    fn docker_hub_is_reached_by_globs_too() {
        let by_name = wanted("[{matchImages: [docker.io/team], pullSecrets: [s]}]", Detail::Path);
        assert_eq!(by_name.docker_hub, Paths::Only(set(&["team"])));
        assert!(by_name.hosts.is_empty() && by_name.globs.is_empty());
        let by_glob = wanted("[{matchImages: ['*.io/team', '*.io:443'], pullSecrets: [s]}]", Detail::Path);
        assert_eq!(by_glob.docker_hub, Paths::Only(set(&["team"])));
        assert_eq!(by_glob.globs.len(), 2);
    }

    #[test]
    fn a_domain_is_two_labels_without_a_star() {
        for (authority, expected) in [
            ("registry.example.com", Some("example.com")),
            ("registry.example.com:5000", Some("example.com:5000")),
            ("*.dkr.ecr.*.amazonaws.com", Some("amazonaws.com")),
            ("example.com", Some("example.com")),
            ("localhost", Some("localhost")),
            ("[::1]:5000", Some("[::1]:5000")),
            ("registry.*.com", None),
            ("*.com", None),
            ("*", None),
        ] {
            assert_eq!(domain(authority), expected, "{authority}");
        }
    }
}
