//! The grammar of image names, piece by piece (`regexp.go` of `distribution/reference`).

use super::ImageError;

const TAG_BYTES_MAX: usize = 128;

/// Splits `host:port`; the brackets of an IPv6 address stay with the host.
pub(crate) fn split_port(authority: &str) -> (&str, Option<&str>) {
    let port_from = authority.rfind(']').unwrap_or(0);
    match authority[port_from..].find(':') {
        Some(colon) => {
            let (host, port) = authority.split_at(port_from + colon);
            (host, Some(&port[1..]))
        }
        None => (authority, None),
    }
}

pub(super) fn is_domain(domain: &str) -> bool {
    let (host, port) = split_port(domain);
    let host_is_valid = match host.strip_prefix('[') {
        Some(address) => address.strip_suffix(']').is_some_and(is_ipv6_text),
        None => host.split('.').all(is_host_label),
    };
    host_is_valid && port.is_none_or(|port| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()))
}

/// Tells whether a text can be one label of a host: letters, digits and inner dashes.
pub(crate) fn is_host_label(label: &str) -> bool {
    let bytes = label.as_bytes();
    let edge = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    edge(bytes.first()) && edge(bytes.last()) && bytes.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-')
}

/// Tells whether a text can stand in the brackets of an IPv6 host; the address is not checked.
fn is_ipv6_text(address: &str) -> bool {
    !address.is_empty() && address.bytes().all(|b| b.is_ascii_hexdigit() || b == b':')
}

pub(super) fn is_path(path: &str) -> bool {
    path.split('/').all(is_path_component)
}

/// Tells whether a text is one component of a repository path:
/// lower-case letters and digits, joined by `.`, `_`, `__` or dashes.
pub(crate) fn is_path_component(component: &str) -> bool {
    let mut rest = component.as_bytes();
    loop {
        let word = rest.iter().take_while(|b| is_lower_alphanumeric(**b)).count();
        if word == 0 {
            return false;
        }
        rest = &rest[word..];
        rest = match rest {
            [] => return true,
            [b'_', b'_', after @ ..] | [b'.' | b'_', after @ ..] => after,
            [b'-', ..] => &rest[rest.iter().take_while(|b| **b == b'-').count()..],
            _ => return false,
        };
    }
}

pub(super) fn is_tag(tag: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    tag.len() <= TAG_BYTES_MAX
        && tag.bytes().next().is_some_and(word)
        && tag.bytes().all(|b| word(b) || matches!(b, b'.' | b'-'))
}

/// The grammar's digest; whether the algorithm is known comes later, as in the Go reference.
pub(super) fn is_digest(digest: &str) -> bool {
    let Some((algorithm, hex)) = digest.split_once(':') else {
        return false;
    };
    let component = |part: &str| {
        part.bytes().next().is_some_and(|b| b.is_ascii_alphabetic())
            && part.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    algorithm.split(['-', '_', '+', '.']).all(component)
        && hex.len() >= 32
        && hex.bytes().all(|b| b.is_ascii_hexdigit())
}

pub(super) fn check_digest(digest: &str) -> Result<(), ImageError> {
    let Some((algorithm, hex)) = digest.split_once(':') else {
        return Err(ImageError::DigestFormat);
    };
    let length = match algorithm {
        "sha256" => 64,
        "sha384" => 96,
        "sha512" => 128,
        other if other.bytes().any(|b| b.is_ascii_uppercase()) => return Err(ImageError::DigestFormat),
        _ => return Err(ImageError::DigestUnsupported),
    };
    if hex.len() != length {
        Err(ImageError::DigestLength)
    } else if hex.bytes().all(is_lower_hex) {
        Ok(())
    } else {
        Err(ImageError::DigestFormat)
    }
}

/// `strings.ToLower(text) != text`, for letters of every script.
pub(super) fn changes_in_lower_case(text: &str) -> bool {
    if text.is_ascii() {
        return text.bytes().any(|b| b.is_ascii_uppercase());
    }
    text.chars().any(|c| !c.to_lowercase().eq([c]))
}

pub(super) fn is_lower_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

fn is_lower_alphanumeric(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'z')
}
