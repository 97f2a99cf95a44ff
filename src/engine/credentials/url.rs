//! Addresses as Go's `net/url` reads them (Go 1.26), as far as the kubelet looks at them.

use core::net::Ipv6Addr;

/// The parts that the kubelet compares, percent-decoded.
#[derive(Debug)]
pub(super) struct Url {
    /// With the port, and with the brackets of an IPv6 address.
    pub(super) host: String,
    /// Empty, or with its leading slash.
    pub(super) path: String,
}

/// What may stand where, which decides what may be percent-encoded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Host,
    Zone,
    Other,
}

/// How the kubelet files an `auths` key (`BasicDockerKeyring.Add`); nothing for one that it passes over.
pub(super) fn index(key: &str) -> Option<String> {
    let rest = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://"));
    let Url { host, path } = parse(rest.unwrap_or(key))?;
    // Only with a slash behind it the version of the registry's API is cut, and only once.
    let is_api = path.starts_with("/v1/") || path.starts_with("/v2/");
    let path = if is_api { &path[3..] } else { &path };
    Some(if path == "/" { host } else { host + path })
}

/// A key without its user, query and fragment, where people paste passwords.
#[must_use]
pub fn redacted(key: &str) -> String {
    // A password may hold any sign, also a question mark or a slash, so the last of all @ counts, and first.
    let (before, after) = match key.rsplit_once('@') {
        Some((before, after)) => (format!("{}…@", scheme(before)), after),
        None => (String::new(), key),
    };
    let bare = after.split(['?', '#']).next().unwrap_or_default();
    let tail = if bare.len() < after.len() { "?…" } else { "" };
    format!("{before}{bare}{tail}")
}

/// The `https://` at the beginning of a key, if there is any scheme.
fn scheme(key: &str) -> &str {
    let end = key.find("://").map_or(0, |at| at + 3);
    let is_scheme = |text: &str| text.chars().all(|c| c.is_ascii_alphabetic());
    if is_scheme(key[..end].trim_end_matches("://").trim()) { &key[..end] } else { "" }
}

/// Reads what follows `https://`.
pub(super) fn parse(text: &str) -> Option<Url> {
    let (text, fragment) = text.split_once('#').unwrap_or((text, ""));
    if text.bytes().any(|b| b < b' ' || b == 0x7f) {
        return None;
    }
    decode(fragment, Part::Other)?;
    let text = text.split('?').next().unwrap_or_default();
    let (authority, path) = text.split_at(text.find('/').unwrap_or(text.len()));
    let host = match authority.rsplit_once('@') {
        Some((user, host)) => {
            let is_user = |b: u8| b.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&b);
            if !user.bytes().all(is_user) {
                return None;
            }
            decode(user, Part::Other)?;
            host
        }
        None => authority,
    };
    Some(Url { host: parse_host(host)?, path: decode(path, Part::Other)? })
}

fn parse_host(host: &str) -> Option<String> {
    let port_from = match host.rfind('[') {
        None => host.find(':').unwrap_or(host.len()),
        Some(0) => host.rfind(']')? + 1,
        Some(_) => return None,
    };
    let (name, port) = host.split_at(port_from);
    if !port.is_empty() && !port.strip_prefix(':')?.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let Some(address) = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else {
        return decode(host, Part::Host);
    };
    let (address, zone) = address.split_at(address.find("%25").unwrap_or(address.len()));
    let address = decode(address, Part::Host)? + &decode(zone, Part::Zone)?;
    let is_address = match address.split_once('%') {
        Some((address, zone)) => !zone.is_empty() && address.parse::<Ipv6Addr>().is_ok(),
        None => address.parse::<Ipv6Addr>().is_ok(),
    };
    is_address.then(|| format!("[{address}]{port}"))
}

/// Resolves `%61`. What comes out and is no UTF-8 is in no image name, so its bytes need not be kept.
fn decode(text: &str, part: Part) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        rest = after;
        if *byte != b'%' {
            if part != Part::Other && !is_host_byte(*byte) {
                return None;
            }
            decoded.push(*byte);
            continue;
        }
        let [high, low, after @ ..] = rest else { return None };
        rest = after;
        let value = hex(*high)? << 4 | hex(*low)?;
        let allowed = match part {
            Part::Other => true,
            Part::Host => value >= 0x80 || value == b'%',
            Part::Zone => value.is_ascii() && (is_host_byte(value) || matches!(value, b'%' | b' ')),
        };
        if !allowed {
            return None;
        }
        decoded.push(value);
    }
    Some(String::from_utf8_lossy(&decoded).into_owned())
}

fn is_host_byte(byte: u8) -> bool {
    !byte.is_ascii() || byte.is_ascii_alphanumeric() || b"!\"$&'()*+,-.:;<=>[]_~".contains(&byte)
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}
