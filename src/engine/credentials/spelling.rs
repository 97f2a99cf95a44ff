//! A key of the kubelet as a pattern of ours.

use std::fmt;

use super::Key;
use crate::engine::image::{DOCKER_HUB, DOCKER_HUB_LEGACY, grammar};
use crate::engine::pattern::Pattern;

/// What a pattern can say of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// The pattern that matches what the key is meant for.
    Pattern {
        /// The pattern.
        pattern: Pattern,
        /// What should be known about the key.
        note: Option<Note>,
    },
    /// The key matches images, and no pattern matches these.
    Unsayable(Unsayable),
    /// The kubelet uses the key for no image.
    Never {
        /// Why not.
        reason: String,
        /// The key that was probably meant.
        fix: Option<String>,
    },
}

/// Something about a key that its pattern does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// The kubelet offers the credential also where a component only begins like the key's last one.
    InsideComponent,
    /// The path is `v1` or `v2`: without the slash behind it, it is a repository to the kubelet.
    ApiVersion,
}

/// Why no pattern matches the images of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsayable {
    /// The path ends where no component of a repository can end.
    EndsInside,
    /// The path begins with `v1/` or `v2/`, of which a pattern would not know whether the kubelet cuts it.
    ApiPrefix,
}

pub(super) fn of(key: &Key) -> Spelling {
    let never = |reason: String| Spelling::Never { reason, fix: fix(key) };
    if key.is_docker_hub {
        return pattern(DOCKER_HUB, None).unwrap_or_else(never);
    }
    let scheme = key.written.split_once("://").map_or("https", |(scheme, _)| scheme);
    if !matches!(scheme, "http" | "https") {
        return never(format!(
            "the kubelet knows only http:// and https://, and takes {scheme:?} for the host"
        ));
    }
    let Some(place) = &key.place else {
        return never("it is no address to the kubelet, which passes the entry over".to_owned());
    };
    if place.host == DOCKER_HUB_LEGACY && place.port.is_empty() {
        return never("the kubelet knows Docker Hub by the host alone, and this key has a path".to_owned());
    }
    if place.class().is_some() {
        return never("the kubelet never matches an IPv6 host without a port".to_owned());
    }
    let host = if place.host.contains(':') { format!("[{}]", place.host) } else { place.host.clone() };
    let port = if place.port.is_empty() { String::new() } else { format!(":{}", place.port) };
    let authority = host + &port;
    let path = place.path.strip_prefix('/').unwrap_or_default();
    // The host is judged first: where it never matches, its path does not matter.
    if let Err(reason) = pattern(&authority, None) {
        return never(reason);
    }
    let (parents, last) = path.rsplit_once('/').unwrap_or(("", path));
    let is_possible =
        parents.is_empty() && !path.starts_with('/') || parents.split('/').all(grammar::is_path_component);
    if !is_possible || !grammar::is_path_component(&format!("{last}a")) {
        return never("no repository has this path".to_owned());
    }
    if path.starts_with("v1/") || path.starts_with("v2/") {
        return Spelling::Unsayable(Unsayable::ApiPrefix);
    }
    match last {
        "" if path.is_empty() => pattern(&authority, None),
        "" => pattern(&format!("{authority}/{parents}"), None),
        "v1" | "v2" if parents.is_empty() => pattern(&format!("{authority}/{path}"), Some(Note::ApiVersion)),
        last if grammar::is_path_component(last) => {
            pattern(&format!("{authority}/{path}"), Some(Note::InsideComponent))
        }
        _ => return Spelling::Unsayable(Unsayable::EndsInside),
    }
    .unwrap_or_else(never)
}

fn pattern(text: &str, note: Option<Note>) -> Result<Spelling, String> {
    match text.parse::<Pattern>() {
        Ok(pattern) => Ok(Spelling::Pattern { pattern, note }),
        Err(error) => Err(error.reason().to_string()),
    }
}

/// The key that was probably meant by one that never matches.
fn fix(key: &Key) -> Option<String> {
    let bare = key.written.rsplit_once("://").map_or(&*key.written, |(_, rest)| rest);
    let authority = bare.split('/').next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if host == DOCKER_HUB_LEGACY {
        return Some(format!("https://{DOCKER_HUB_LEGACY}/v1/"));
    }
    // A name without a host is a repository of Docker Hub to whoever writes a pattern, and here a wrong host.
    let error = key.written.parse::<Pattern>().err()?;
    error.fix().filter(|fix| fix.starts_with(host)).map(str::to_owned)
}

impl fmt::Display for Unsayable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EndsInside => {
                "its path ends inside a component of a repository, where no pattern ends; write the patterns of the repositories that it is for"
            }
            Self::ApiPrefix => {
                "its path begins with v1/ or v2/, which no pattern does; write a pattern for the host, and what it shall not match into exceptImages"
            }
        })
    }
}
