//! What is wrong with a text that is no pattern, and what to write instead.

use std::fmt;

use super::{DOCKER_HUB, DOCKER_HUB_LEGACY, Pattern, parse};

/// A text that is no pattern: why not, and the pattern that was probably meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternError {
    text: String,
    reason: Reason,
    fix: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    Empty,
    Blank,
    Scheme,
    UserInfo,
    Digest,
    Tag,
    PortOrTag,
    PortGlob,
    PortEmpty,
    PathGlob,
    PathCase,
    PathComponent(String),
    TrailingSlash,
    ApiPrefix,
    DockerHubLegacy,
    NoHost,
    HostCharacter(char),
    HostNever,
    SingleLabel,
    Ipv6,
    Ipv6WithoutPort,
}

impl PatternError {
    pub(super) fn new(text: &str, reason: Reason) -> Self {
        let fix = suggest(text, &reason);
        // Whoever pasted a password finds it in no log.
        let text = match (&reason, text.rsplit_once('@')) {
            (Reason::UserInfo, Some((_, host))) => format!("…@{host}"),
            _ => text.to_owned(),
        };
        Self { text, reason, fix }
    }

    /// What is wrong, without the text and the fix.
    pub(crate) fn reason(&self) -> impl fmt::Display {
        &self.reason
    }

    /// The pattern that was probably meant.
    pub(crate) fn fix(&self) -> Option<&str> {
        self.fix.as_deref()
    }
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not a pattern: {}", self.text, self.reason)?;
        match (&self.reason, &self.fix) {
            (Reason::SingleLabel, Some(fix)) => write!(f, ", or write {fix:?} for that repository"),
            (_, Some(fix)) => write!(f, "; write {fix:?}"),
            (_, None) => Ok(()),
        }
    }
}

impl std::error::Error for PatternError {}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "it is empty; write a registry such as \"registry.example.com\", or \"docker.io\" for Docker Hub",
            Self::Blank => "it has a blank or a control character",
            Self::Scheme => "an image name has no scheme",
            Self::UserInfo => "an image name has no user; credentials stand in the Secret",
            Self::Digest => "a digest is never compared",
            Self::Tag => "a tag is never compared",
            Self::PortOrTag => "what follows the colon is no port, and a tag is never compared",
            Self::PortGlob => "a port has no glob; write one pattern for each port",
            Self::PortEmpty => "the port is empty",
            Self::PathGlob => "a path has no glob; a path already matches everything below it",
            Self::PathCase => "a repository is lower case, so this never matches",
            Self::PathComponent(component) => {
                return write!(f, "{component:?} cannot be a part of a repository, so this never matches");
            }
            Self::TrailingSlash => "a path ends without a slash and matches everything below it",
            Self::ApiPrefix => "the kubelet drops a leading v1/ or v2/ from a credential key, so no key of this text would serve such an image",
            Self::DockerHubLegacy => "to image names this is another spelling of Docker Hub",
            Self::NoHost => "the host is missing",
            Self::HostCharacter(c) => return write!(f, "{c:?} cannot stand in a host"),
            Self::HostNever => "no image name can have this host, so this never matches",
            Self::SingleLabel => {
                "a single lower-case label without a port is a Docker Hub repository, not a host, so this never matches; name the port, or the full host"
            }
            Self::Ipv6 => "an IPv6 host is hexadecimal digits and colons in brackets, without a glob",
            Self::Ipv6WithoutPort => "the kubelet never matches an IPv6 host without a port; name the port",
        })
    }
}

/// The nearest text that is a pattern with the same meaning, if cleaning up yields one.
fn suggest(written: &str, reason: &Reason) -> Option<String> {
    if *reason == Reason::SingleLabel {
        let name = written.split(':').next()?;
        let repository = if name.contains('/') {
            format!("docker.io/{name}")
        } else {
            format!("docker.io/library/{name}")
        };
        return Some(repository).filter(|repository| parse(repository).is_ok());
    }
    let text = written.trim();
    let text = text.split_once("://").map_or(text, |(_, rest)| rest);
    let text = text.split(['?', '#']).next()?;
    let (authority, path) = text.split_once('/').unwrap_or((text, ""));
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let authority = authority.trim_end_matches(['.', ':']);
    let authority = if authority == DOCKER_HUB_LEGACY { DOCKER_HUB } else { authority };
    let path = path.trim_matches('/').to_lowercase();
    let path = path.strip_suffix("/*").unwrap_or(&path);
    let path = match path {
        "v1" | "v2" | "*" | "**" => "",
        path => path.strip_prefix("v1/").or_else(|| path.strip_prefix("v2/")).unwrap_or(path),
    };
    let path = path.split(['@', ':']).next()?;
    let candidate = if path.is_empty() { authority.to_owned() } else { format!("{authority}/{path}") };
    // A port that is no number was probably a tag; without any other port, images with one would be lost.
    let candidate = match (reason, candidate.split_once(':')) {
        (Reason::PortOrTag, Some((name, rest))) => match rest.split_once('/') {
            Some((_, path)) => format!("{name}/{path}"),
            None if parse(name).is_err() => return suggest(name, &Reason::SingleLabel),
            None => name.to_owned(),
        },
        _ => candidate,
    };
    Some(candidate).filter(|candidate| candidate != written && parse(candidate).is_ok())
}

pub(super) fn warnings(pattern: &Pattern) -> Vec<String> {
    let mut warnings = Vec::new();
    let (authority, path) = pattern.text.split_once('/').unwrap_or((&pattern.text, ""));
    let (host, port) = super::grammar::split_port(authority);
    if matches!(host, "*.docker.io" | "hub.docker.com" | "registry-1.docker.io" | "registry.hub.docker.com") {
        warnings.push(format!(
            "{:?} is not Docker Hub: image names of Docker Hub have the host \"docker.io\"; write \"docker.io\" if you mean it",
            pattern.text
        ));
    }
    if host != DOCKER_HUB && host.eq_ignore_ascii_case(DOCKER_HUB) {
        warnings.push(format!(
            "{:?} is not Docker Hub: hosts compare with their case; write \"docker.io\"",
            pattern.text
        ));
    }
    if host == DOCKER_HUB && OFFICIAL.contains(&path) {
        warnings.push(format!(
            "{:?} matches the repositories of an account called {path:?}; the official image is \"docker.io/library/{path}\"",
            pattern.text
        ));
    }
    if port == Some("443") {
        warnings.push(format!(
            "{:?} matches only images that name port 443: ports compare as text, and no port is not port 443",
            pattern.text
        ));
    }
    if port.is_some_and(|port| port.starts_with('0') || port.parse::<u16>().is_err()) {
        warnings.push(format!(
            "{:?} has a port that no registry listens on: ports compare as text",
            pattern.text
        ));
    }
    if host.contains('*') && !host.contains('.') && port.is_none() && pattern.host_misses_localhost() {
        warnings.push(format!(
            "{:?} matches only hosts of one label with an upper-case letter: other single labels without a port are Docker Hub repositories",
            pattern.text
        ));
    }
    warnings
}

/// Official images that people write without `library/`.
const OFFICIAL: [&str; 28] = [
    "alpine",
    "busybox",
    "caddy",
    "centos",
    "debian",
    "docker",
    "elasticsearch",
    "golang",
    "haproxy",
    "httpd",
    "mariadb",
    "maven",
    "memcached",
    "mongo",
    "mysql",
    "nginx",
    "node",
    "openjdk",
    "php",
    "postgres",
    "python",
    "rabbitmq",
    "redis",
    "registry",
    "ruby",
    "rust",
    "traefik",
    "ubuntu",
];
