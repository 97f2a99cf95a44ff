//! Where a key applies, and how the kubelet compares that with an image (`URLsMatch` in `keyring.go`).

use core::net::Ipv6Addr;

use super::url;
use crate::engine::glob::Glob;
use crate::engine::image::Location;

/// A key in the parts that are compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The host; the brackets of an IPv6 address are gone where a port follows.
    pub(super) host: String,
    /// Empty for none.
    pub(super) port: String,
    /// Empty, or with its leading slash. It need not end at one.
    pub(super) path: String,
    labels: Vec<Glob>,
}

impl Place {
    /// Reads the text that the kubelet files a key under. It reads it as a URL a second time, so what
    /// was percent-encoded in the key may now mean a query.
    pub(super) fn parse(index: &str) -> Option<Self> {
        let url = url::parse(index)?;
        let (host, port) = split_host_port(&url.host);
        Some(Self {
            host: host.to_owned(),
            port: port.to_owned(),
            path: url.path,
            labels: host.split('.').map(Glob::new).collect(),
        })
    }

    pub(super) fn matches(&self, image: &Location<'_>) -> bool {
        let address = image.host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        // The image is read as a URL too.
        if address.is_some_and(|address| address.parse::<Ipv6Addr>().is_err()) {
            return false;
        }
        let host = match address {
            Some(address) if image.port.is_some() => address,
            _ => image.host,
        };
        self.port == image.port.unwrap_or_default()
            && self.reaches_path(image.path)
            && self.matches_host(host)
    }

    fn reaches_path(&self, path: &str) -> bool {
        self.path.strip_prefix('/').is_none_or(|prefix| path.starts_with(prefix))
    }

    fn matches_host(&self, host: &str) -> bool {
        // With a class of characters in the place of a label, the rest of the host is one label too.
        if let Some(class) = self.class() {
            return matches_class(class, host);
        }
        let mut labels = host.split('.');
        self.labels.iter().all(|glob| labels.next().is_some_and(|label| glob.matches(label)))
            && labels.next().is_none()
    }

    /// The inside of an IPv6 address whose brackets are still there: to the kubelet a class of characters.
    pub(super) fn class(&self) -> Option<&str> {
        self.host.strip_prefix('[')
    }
}

/// `net.SplitHostPort`; where that fails, the kubelet takes the whole for the host.
fn split_host_port(authority: &str) -> (&str, &str) {
    let whole = (authority, "");
    let Some((host, port)) = authority.rsplit_once(':') else { return whole };
    match host.strip_prefix('[') {
        Some(address) => match address.strip_suffix(']') {
            Some(address) if !address.contains([']', '[']) => (address, port),
            _ => whole,
        },
        None if host.contains([':', ']']) => whole,
        None => (host, port),
    }
}

/// `filepath.Match` for one class such as `::1]`, which stands for a single character.
fn matches_class(class: &str, host: &str) -> bool {
    let Some(class) = class.strip_suffix(']') else { return false };
    let mut host = host.chars();
    let (Some(wanted), None) = (host.next(), host.next()) else { return false };
    // A range without an end is a mistake, and a pattern with a mistake matches nothing.
    if class.contains([']', '.']) {
        return false;
    }
    let mut found = false;
    let mut rest = class.chars().peekable();
    while let Some(low) = rest.next() {
        let high = match rest.next_if_eq(&'-') {
            Some(_) => rest.next(),
            None => Some(low),
        };
        match high {
            Some(high) if low != '-' && high != '-' => found |= (low..=high).contains(&wanted),
            _ => return false,
        }
    }
    found
}
