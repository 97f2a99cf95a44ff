//! Patterns: `host-glob[:port][/path]`, the grammar of `matchImages` in the kubelet's
//! `CredentialProviderConfig`.
//!
//! A pattern matches only images for which a kubelet credential key of the same text would match
//! (`URLsMatch` in `pkg/credentialprovider/keyring.go`). It is stricter in one place: a path ends
//! at a slash, so `host/team` does not reach `host/team-b`. A bracketed IPv6 host compares as text.

use std::fmt;
use std::str::FromStr;

use super::glob::Glob;
use super::image::grammar;
use super::image::{DOCKER_HUB, DOCKER_HUB_LEGACY, ImageRef, Location};

mod refusal;

pub use refusal::PatternError;
use refusal::Reason;

/// A compiled pattern. It comes only from parsing, so matching cannot fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    host: Host,
    port: Option<String>,
    path: Option<String>,
}

/// The host of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    Exact(String),
    /// One glob for each label.
    Glob(Vec<Glob>),
}

/// How a location compares with a pattern: the first part that differs decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Match,
    /// Only upper and lower case differ in the host.
    HostCase,
    Host,
    Port,
    /// The path is a prefix of the image's, but ends inside a component.
    PathInsideComponent,
    Path,
}

impl Pattern {
    /// Tells whether the pattern matches an image.
    #[must_use]
    pub fn matches(&self, image: &ImageRef<'_>) -> bool {
        self.matches_location(&image.location())
    }

    /// The pattern as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What is probably not meant, as whole sentences without a full stop.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        refusal::warnings(self)
    }

    pub(crate) fn matches_location(&self, location: &Location<'_>) -> bool {
        self.host.matches(location.host) && self.compare_below_host(location) == Verdict::Match
    }

    /// Says what a location lacks; slower than [`Self::matches_location`], for explanations.
    pub(crate) fn compare(&self, location: &Location<'_>) -> Verdict {
        if self.host.matches(location.host) {
            self.compare_below_host(location)
        } else if self.host.to_lowercase().matches(&location.host.to_lowercase()) {
            Verdict::HostCase
        } else {
            Verdict::Host
        }
    }

    fn compare_below_host(&self, location: &Location<'_>) -> Verdict {
        if self.port.as_deref() != location.port {
            return Verdict::Port;
        }
        match self.path.as_deref() {
            None => Verdict::Match,
            Some(path) if is_path_prefix(path, location.path) => Verdict::Match,
            Some(path) if location.path.starts_with(path) => Verdict::PathInsideComponent,
            Some(_) => Verdict::Path,
        }
    }

    /// The host, when it has no glob: the key of the index over many patterns.
    pub(crate) fn exact_host(&self) -> Option<&str> {
        match &self.host {
            Host::Exact(host) => Some(host),
            Host::Glob(_) => None,
        }
    }

    /// The host as it is written, with its stars.
    pub(crate) fn host(&self) -> &str {
        let authority = self.text.split('/').next().unwrap_or(&self.text);
        grammar::split_port(authority).0
    }

    pub(crate) fn port(&self) -> Option<&str> {
        self.port.as_deref()
    }

    pub(crate) fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }

    fn host_misses_localhost(&self) -> bool {
        !self.host.matches("localhost")
    }

    /// Tells whether every image that `other` matches is certainly matched by this pattern.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        let host = match other.exact_host() {
            Some(host) => self.host.matches(host),
            None => self.host == other.host,
        };
        let path = match (&self.path, &other.path) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(outer), Some(inner)) => is_path_prefix(outer, inner),
        };
        host && path && self.port == other.port
    }
}

impl Pattern {
    /// Tells whether certainly no image is matched by both patterns.
    pub(crate) fn is_disjoint(&self, other: &Self) -> bool {
        let hosts = match (self.exact_host(), other.exact_host()) {
            (Some(host), Some(other)) => host != other,
            (Some(host), None) => !other.host.matches(host),
            (None, Some(host)) => !self.host.matches(host),
            (None, None) => false,
        };
        let paths = match (&self.path, &other.path) {
            (Some(a), Some(b)) => !is_path_prefix(a, b) && !is_path_prefix(b, a),
            _ => false,
        };
        hosts || paths || self.port != other.port
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        parse(text).map_err(|reason| PatternError::new(text, reason))
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Host {
    fn parse(host: &str) -> Result<Self, Reason> {
        if host.is_empty() {
            return Err(Reason::NoHost);
        }
        if host.starts_with('[') {
            let address = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
            return match address {
                Some(address) if is_ipv6(address) => Ok(Self::Exact(host.to_owned())),
                _ => Err(Reason::Ipv6),
            };
        }
        if let Some(c) = host.chars().find(|c| !c.is_ascii_alphanumeric() && !"-_.*".contains(*c)) {
            return Err(Reason::HostCharacter(c));
        }
        if !host.contains('*') {
            // An underscore is legal where the grammar of image names takes the host for a path.
            let possible = host.split('.').all(grammar::is_host_label) || grammar::is_path_component(host);
            return if possible { Ok(Self::Exact(host.to_owned())) } else { Err(Reason::HostNever) };
        }
        if host.split('.').any(str::is_empty) {
            return Err(Reason::HostNever);
        }
        Ok(Self::Glob(host.split('.').map(Glob::new).collect()))
    }

    fn matches(&self, host: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == host,
            Self::Glob(_) if host.starts_with('[') => false,
            Self::Glob(labels) => {
                let mut rest = host.split('.');
                labels.iter().all(|label| rest.next().is_some_and(|text| label.matches(text)))
                    && rest.next().is_none()
            }
        }
    }

    fn to_lowercase(&self) -> Self {
        match self {
            Self::Exact(host) => Self::Exact(host.to_lowercase()),
            Self::Glob(labels) => Self::Glob(labels.iter().map(Glob::to_lowercase).collect()),
        }
    }
}

fn parse(text: &str) -> Result<Pattern, Reason> {
    if text.is_empty() {
        return Err(Reason::Empty);
    }
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(Reason::Blank);
    }
    if text.contains("://") {
        return Err(Reason::Scheme);
    }
    let (authority, path) = match text.split_once('/') {
        Some((authority, path)) => (authority, Some(path)),
        None => (text, None),
    };
    if let Some((_, after)) = text.split_once('@') {
        return Err(if after.starts_with("sha") { Reason::Digest } else { Reason::UserInfo });
    }
    let (host, port) = grammar::split_port(authority);
    if authority == DOCKER_HUB_LEGACY {
        return Err(Reason::DockerHubLegacy);
    }
    let path = path.map(check_path).transpose()?;
    let compiled = Host::parse(host)?;
    check_port(host, port)?;
    // Without a dot, a colon or an upper-case letter the first component of an image name is no
    // host, unless it is `localhost`. A glob may stand for a host that has one.
    let is_single_label = !host.contains(['.', '*', '[']) && port.is_none();
    if is_single_label && host != "localhost" && !host.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err(Reason::SingleLabel);
    }
    Ok(Pattern {
        text: text.to_owned(),
        host: compiled,
        port: port.map(str::to_owned),
        path: path.map(str::to_owned),
    })
}

/// Go's URL parser, through which the kubelet reads its keys, takes only a real address in brackets.
/// One with an IPv4 part is no host to the grammar of image names.
fn is_ipv6(address: &str) -> bool {
    address.parse::<core::net::Ipv6Addr>().is_ok() && !address.contains('.')
}

/// Tells whether a path is another or an ancestor of it, component by component.
fn is_path_prefix(prefix: &str, path: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn check_port(host: &str, port: Option<&str>) -> Result<(), Reason> {
    match port {
        // The kubelet takes the brackets of an IPv6 key without port for a character class.
        None if host.starts_with('[') => Err(Reason::Ipv6WithoutPort),
        Some(port) if port.contains('*') => Err(Reason::PortGlob),
        Some("") => Err(Reason::PortEmpty),
        Some(port) if !port.bytes().all(|b| b.is_ascii_digit()) => Err(Reason::PortOrTag),
        Some(_) if host.contains('_') => Err(Reason::HostNever),
        _ => Ok(()),
    }
}

fn check_path(path: &str) -> Result<&str, Reason> {
    if path.is_empty() || path.ends_with('/') {
        return Err(Reason::TrailingSlash);
    }
    if path.contains(':') {
        return Err(Reason::Tag);
    }
    if path.contains('*') {
        return Err(Reason::PathGlob);
    }
    if path.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err(Reason::PathCase);
    }
    // The kubelet cuts these three bytes off a key, so a key of this text means another path.
    if path.starts_with("v1/") || path.starts_with("v2/") {
        return Err(Reason::ApiPrefix);
    }
    match path.split('/').find(|component| !grammar::is_path_component(component)) {
        Some(component) => Err(Reason::PathComponent(component.to_owned())),
        None => Ok(path),
    }
}
