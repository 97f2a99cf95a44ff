//! Image names, read exactly as `distribution/reference` 0.6 reads them
//! (`ParseNormalizedNamed` in its `normalize.go`, `Parse` in its `reference.go`).
//!
//! The kubelet looks a credential up by the normalised name without tag and digest.
//! Whoever reads a name differently matches images that the kubelet would not, or misses some.

use std::borrow::Cow;
use std::fmt;

use grammar::{
    changes_in_lower_case, check_digest, is_digest, is_domain, is_lower_hex, is_path, is_path_component,
    is_tag, split_port,
};

pub(crate) mod grammar;

/// The registry that an image without a host comes from.
pub(crate) const DOCKER_HUB: &str = "docker.io";
/// The other spelling of Docker Hub, rewritten to [`DOCKER_HUB`] by every reader of image names.
pub(crate) const DOCKER_HUB_LEGACY: &str = "index.docker.io";
/// The longest repository path in bytes (`RepositoryNameTotalLengthMax` in `reference.go`).
const PATH_BYTES_MAX: usize = 255;

/// An image name in its normalised parts, borrowed from the text it was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageRef<'a> {
    domain: &'a str,
    path: Cow<'a, str>,
    tag: Option<&'a str>,
    digest: Option<&'a str>,
}

/// Why a text is no image name, in the classes of the Go reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageError {
    /// 64 lower-case hexadecimal characters: an image identifier, not a name.
    Identifier,
    /// The repository has an upper-case letter.
    Uppercase,
    /// The text does not follow the grammar.
    InvalidFormat,
    /// The path is longer than 255 bytes.
    TooLong,
    /// The digest's algorithm is none of sha256, sha384, sha512.
    DigestUnsupported,
    /// The digest has the wrong number of characters for its algorithm.
    DigestLength,
    /// The digest has characters that a digest may not have.
    DigestFormat,
}

/// Where an image is pulled from, in the parts that the kubelet compares with a credential key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Location<'a> {
    /// The host with its case; an IPv6 address keeps its brackets.
    pub(crate) host: &'a str,
    /// The port as it is written. Ports compare as text, `:443` is not "no port".
    pub(crate) port: Option<&'a str>,
    /// The repository below the host, without a leading slash.
    pub(crate) path: &'a str,
}

impl<'a> ImageRef<'a> {
    /// Reads an image name.
    ///
    /// # Errors
    /// Says why the Go reference refuses the same text.
    pub fn parse(text: &'a str) -> Result<Self, ImageError> {
        if text.len() == 64 && text.bytes().all(is_lower_hex) {
            return Err(ImageError::Identifier);
        }
        let (domain, remainder) = split_domain(text);
        let library = domain == DOCKER_HUB && !remainder.contains('/');
        let repository = remainder.split(':').next().unwrap_or(remainder);
        if changes_in_lower_case(repository) {
            return Err(ImageError::Uppercase);
        }

        let (path, suffix) = remainder.split_at(name_end(remainder));
        let has_domain = is_domain(domain);
        // A first component such as `my_registry.example` is no domain to the grammar. The Go
        // reference then takes it for a part of the path and reports an empty domain.
        if !is_path(path) || !(has_domain || is_path_component(domain)) {
            return Err(invalid(domain, remainder));
        }
        let Some((tag, digest)) = split_suffix(suffix) else {
            return Err(invalid(domain, remainder));
        };
        let path = match (has_domain, library) {
            (true, false) => Cow::Borrowed(path),
            (true, true) => Cow::Owned(format!("library/{path}")),
            (false, _) => Cow::Borrowed(&text[..domain.len() + 1 + path.len()]),
        };
        if path.len() > PATH_BYTES_MAX {
            return Err(ImageError::TooLong);
        }
        if let Some(digest) = digest {
            check_digest(digest)?;
        }
        let domain = if has_domain { domain } else { "" };
        Ok(Self { domain, path, tag, digest })
    }

    /// The registry with its port, `docker.io` for Docker Hub.
    /// Empty when the host has an underscore, as in the Go reference.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.domain
    }

    /// The repository, with `library/` for Docker Hub's short names.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The tag, if one is written.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.tag
    }

    /// The digest, if one is written.
    #[must_use]
    pub fn digest(&self) -> Option<&str> {
        self.digest
    }

    /// The normalised name without tag and digest: what the kubelet looks credentials up by.
    #[must_use]
    pub fn repository(&self) -> Repository<'_> {
        Repository(self)
    }

    /// The parts that a pattern compares.
    pub(crate) fn location(&self) -> Location<'_> {
        let (authority, path) = if self.domain.is_empty() {
            self.path.split_once('/').unwrap_or(("", &self.path))
        } else {
            (self.domain, &*self.path)
        };
        let (host, port) = split_port(authority);
        Location { host, port, path }
    }
}

/// Prints an image's repository as `domain/path`.
#[derive(Debug)]
pub struct Repository<'a>(&'a ImageRef<'a>);

impl fmt::Display for Repository<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(image) = self;
        if !image.domain.is_empty() {
            write!(f, "{}/", image.domain)?;
        }
        f.write_str(&image.path)
    }
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Identifier => "64 hexadecimal characters are an image identifier, not a name",
            Self::Uppercase => "the repository must be lower case",
            Self::InvalidFormat => "it does not follow the grammar `[host[:port]/]path[:tag][@digest]`",
            Self::TooLong => "the repository is longer than 255 bytes",
            Self::DigestUnsupported => "the digest's algorithm is none of sha256, sha384, sha512",
            Self::DigestLength => "the digest has the wrong length for its algorithm",
            Self::DigestFormat => "the digest is not lower-case hexadecimal",
        })
    }
}

impl std::error::Error for ImageError {}

/// `splitDockerDomain` of `normalize.go`, without the added `library/`.
fn split_domain(text: &str) -> (&str, &str) {
    match text.split_once('/') {
        Some((DOCKER_HUB_LEGACY, rest)) => (DOCKER_HUB, rest),
        Some((first, rest))
            if first == "localhost" || first.contains(['.', ':']) || changes_in_lower_case(first) =>
        {
            (first, rest)
        }
        _ => (DOCKER_HUB, text),
    }
}

/// The Go reference calls a name upper case when it would be valid in lower case.
fn invalid(domain: &str, remainder: &str) -> ImageError {
    if !changes_in_lower_case(domain) && !changes_in_lower_case(remainder) {
        return ImageError::InvalidFormat;
    }
    // Go lower-cases letter by letter, also where the lower-case form has several.
    let lower = |text: &str| text.chars().map(|c| c.to_lowercase().next().unwrap_or(c)).collect::<String>();
    let (domain, remainder) = (&*lower(domain), &*lower(remainder));
    let (path, suffix) = remainder.split_at(name_end(remainder));
    let valid =
        is_path(path) && (is_domain(domain) || is_path_component(domain)) && split_suffix(suffix).is_some();
    if valid { ImageError::Uppercase } else { ImageError::InvalidFormat }
}

fn name_end(remainder: &str) -> usize {
    remainder.find([':', '@']).unwrap_or(remainder.len())
}

fn split_suffix(suffix: &str) -> Option<(Option<&str>, Option<&str>)> {
    let (tag, digest) = match suffix.split_once('@') {
        Some((tag, digest)) => (tag, Some(digest)),
        None => (suffix, None),
    };
    let tag = match tag {
        "" => None,
        tag => Some(tag.strip_prefix(':').filter(|tag| is_tag(tag))?),
    };
    if digest.is_some_and(|digest| !is_digest(digest)) {
        return None;
    }
    Some((tag, digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (String, String) {
        let image = ImageRef::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        (image.domain().to_owned(), image.path().to_owned())
    }

    #[test]
    fn names_are_normalised_as_in_the_go_reference() {
        for (text, domain, path) in [
            ("nginx", "docker.io", "library/nginx"),
            (
                "nginx:1.27@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
                "docker.io",
                "library/nginx",
            ),
            ("janedoe/jdoe-private:v1", "docker.io", "janedoe/jdoe-private"),
            ("index.docker.io/nginx", "docker.io", "library/nginx"),
            ("index.docker.io/x/y", "docker.io", "x/y"),
            ("registry-1.docker.io/nginx", "registry-1.docker.io", "nginx"),
            ("quay.io", "docker.io", "library/quay.io"),
            ("localhost/app", "localhost", "app"),
            ("localhost:5000", "docker.io", "library/localhost"),
            ("localhost:5000/app", "localhost:5000", "app"),
            ("[::1]:5000/app", "[::1]:5000", "app"),
            ("[fe80::1]/app", "[fe80::1]", "app"),
            ("MyReg/app", "MyReg", "app"),
            ("my_reg.example.com/a", "", "my_reg.example.com/a"),
            ("a/b__c---d.e", "docker.io", "a/b__c---d.e"),
            (
                "proxy.replicated.com/proxy/my-app/quay.io/my-org/api:1",
                "proxy.replicated.com",
                "proxy/my-app/quay.io/my-org/api",
            ),
        ] {
            assert_eq!(parts(text), (domain.to_owned(), path.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_the_go_reference_refuses_is_refused_for_the_same_reason() {
        let hex64 = "0123456789abcdef".repeat(4);
        let long = format!("a.b/{}", "a".repeat(256));
        for (text, error) in [
            (hex64.as_str(), ImageError::Identifier),
            ("", ImageError::InvalidFormat),
            ("a.b/App", ImageError::Uppercase),
            ("https://registry.example.com/app", ImageError::InvalidFormat),
            ("a.b/app:tag with blank", ImageError::InvalidFormat),
            ("a.b/app\n", ImageError::InvalidFormat),
            ("a.b/", ImageError::InvalidFormat),
            ("a.b//c", ImageError::InvalidFormat),
            ("my_reg:5000/app", ImageError::InvalidFormat),
            ("My_Reg/app", ImageError::Uppercase),
            (long.as_str(), ImageError::TooLong),
            ("a@md5:0123456789abcdef0123456789abcdef", ImageError::DigestUnsupported),
            ("a@sha256:0123456789abcdef0123456789abcdef", ImageError::DigestLength),
            (
                "a:x@sha256:0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef",
                ImageError::DigestFormat,
            ),
        ] {
            assert_eq!(ImageRef::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn a_host_with_an_underscore_still_has_a_location() {
        let image = ImageRef::parse("my_reg.example.com/a/b").unwrap();
        assert_eq!(image.location(), Location { host: "my_reg.example.com", port: None, path: "a/b" });
    }
}
