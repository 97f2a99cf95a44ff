//! A caBundle: a set of certificates as PEM. Pure: bytes in, bytes out.
//!
//! The API server checks nothing when a caBundle is written. Text that is no PEM makes every later
//! call fail, and a missing line end between two certificates loses both, so what is read leniently
//! is written again in one form only.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, general_purpose::STANDARD};
use jiff::{SignedDuration, Timestamp};
use ring::digest::{SHA256, digest};
use x509_parser::prelude::{FromDer, X509Certificate};

/// How many certificates a bundle keeps. 64 are 34 KiB; the API server holds on to the last 200 bundles.
pub const CERTIFICATES_MAX: usize = 64;
/// How long a bundle gets. Those of 64 replicas are a quarter of it, and the admission policy in `deploy/`
/// refuses more.
pub const BYTES_MAX: usize = 128 * 1024;
/// How long an expired certificate stays: as long as it lived. By a clock that is hours ahead, what others serve has
/// expired; and an expired certificate does no harm.
pub const EXPIRED_KEPT: SignedDuration = SignedDuration::from_hours(24);
/// How long it stays in a bundle that is full.
const EXPIRED_KEPT_WHEN_FULL: SignedDuration = SignedDuration::from_hours(1);

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";
/// The length of a line of PEM.
const LINE: usize = 64;
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What tells certificates apart: SHA-256 of the DER.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fingerprint([u8; 32]);

/// A certificate of a bundle.
#[derive(Clone, PartialEq, Eq)]
pub struct Anchor {
    der: Vec<u8>,
    fingerprint: Fingerprint,
    not_after: Timestamp,
    common_name: String,
}

/// The certificates of a caBundle, each once, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bundle(Vec<Anchor>);

/// What may leave a bundle when it is written anyway.
#[derive(Clone, Copy, Debug)]
pub struct Prune<'a> {
    /// The time of the wall clock.
    pub now: Timestamp,
    /// Certificates that we published, and serve no more.
    pub former: &'a [Fingerprint],
    /// The beginning of the common name that only this Pod's certificates have.
    pub own_name: Option<&'a str>,
}

impl Anchor {
    /// Reads one certificate; nothing when it is none.
    #[must_use]
    pub fn from_der(der: Vec<u8>) -> Option<Self> {
        let (rest, certificate) = X509Certificate::from_der(&der).ok()?;
        if !rest.is_empty() {
            return None;
        }
        // The year 9999 stands for "never ends", and is later than the last moment that we can count.
        let not_after = certificate.validity().not_after.timestamp();
        let not_after = Timestamp::from_second(not_after).unwrap_or(Timestamp::MAX);
        let common_name = certificate.subject().iter_common_name().next();
        let common_name = common_name.and_then(|name| name.as_str().ok()).unwrap_or_default().to_owned();
        let fingerprint = Fingerprint::of(&der);
        Some(Self { der, fingerprint, not_after, common_name })
    }

    /// What tells it from others.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// When it ends.
    #[must_use]
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// The certificate as PEM; its last line has an end.
    #[must_use]
    pub fn pem(&self) -> String {
        let mut pem = format!("{BEGIN}\n");
        for (place, character) in STANDARD.encode(&self.der).chars().enumerate() {
            if place > 0 && place % LINE == 0 {
                pem.push('\n');
            }
            pem.push(character);
        }
        pem + "\n" + END + "\n"
    }

    /// The certificate itself.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }
}

impl fmt::Debug for Anchor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Anchor({} {:?})", self.common_name, self.fingerprint)
    }
}

impl Fingerprint {
    fn of(der: &[u8]) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, der).as_ref());
        Self(bytes)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex(&self.0[..4]))
    }
}

impl Bundle {
    /// Reads all certificates that can be found; what is no certificate is passed over.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let mut bundle = Self::default();
        for block in text.split(BEGIN).skip(1) {
            let Some((body, _)) = block.split_once(END) else {
                continue;
            };
            let body: Vec<u8> = body.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
            if let Some(anchor) = LENIENT.decode(body).ok().and_then(Anchor::from_der) {
                bundle.add(anchor);
            }
        }
        bundle
    }

    /// The one form in which a bundle is written: each block ends with a line end.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.0.iter().map(Anchor::pem).collect::<String>().into_bytes()
    }

    /// Whether a certificate stands in it.
    #[must_use]
    pub fn contains(&self, fingerprint: Fingerprint) -> bool {
        self.0.iter().any(|anchor| anchor.fingerprint == fingerprint)
    }

    /// The certificates in their order.
    #[must_use]
    pub fn anchors(&self) -> &[Anchor] {
        &self.0
    }

    /// This bundle with our certificates in it, and without what may leave it.
    ///
    /// Ours never leave. Another's certificate leaves only when it expired long enough ago, or when
    /// there are too many: then what has expired, and after that the first in position, which is the oldest
    /// entry. What is too long in spite of that loses its longest ones, which are no replica's.
    #[must_use]
    pub fn with(&self, ours: &[&Anchor], prune: Prune<'_>) -> Self {
        let mut next = self.clone();
        for anchor in ours {
            next.add((*anchor).clone());
        }
        let ours: BTreeSet<Fingerprint> = ours.iter().map(|anchor| anchor.fingerprint).collect();
        let is_ours = |anchor: &Anchor| ours.contains(&anchor.fingerprint);
        next.0.retain(|anchor| is_ours(anchor) || !prune.may_leave(anchor));
        while next.0.len() > CERTIFICATES_MAX {
            let others = || next.0.iter().enumerate().filter(|(_, anchor)| !is_ours(anchor));
            let expired = others().find(|(_, anchor)| prune.has_expired(anchor, EXPIRED_KEPT_WHEN_FULL));
            let Some((first, _)) = expired.or_else(|| others().next()) else {
                break;
            };
            next.0.remove(first);
        }
        while next.encode().len() > BYTES_MAX {
            let others = next.0.iter().enumerate().filter(|(_, anchor)| !is_ours(anchor));
            let Some((longest, _)) = others.max_by_key(|(_, anchor)| anchor.der.len()) else {
                break;
            };
            next.0.remove(longest);
        }
        next
    }

    /// Whether a bundle with only these in it is one that is written.
    #[must_use]
    pub fn fits(&self) -> bool {
        self.0.len() <= CERTIFICATES_MAX && self.encode().len() <= BYTES_MAX
    }

    fn add(&mut self, anchor: Anchor) {
        if !self.contains(anchor.fingerprint) {
            self.0.push(anchor);
        }
    }
}

impl Prune<'_> {
    fn may_leave(&self, anchor: &Anchor) -> bool {
        let is_former = self.former.contains(&anchor.fingerprint)
            || self.own_name.is_some_and(|name| anchor.common_name.starts_with(name));
        is_former || self.has_expired(anchor, EXPIRED_KEPT)
    }

    fn has_expired(&self, anchor: &Anchor, kept: SignedDuration) -> bool {
        anchor.not_after.saturating_add(kept).is_ok_and(|end| end < self.now)
    }
}

/// What stands in the annotation of a settled bundle: SHA-256 of its bytes as hexadecimal digits.
#[must_use]
pub fn hash(bytes: &[u8]) -> String {
    hex(digest(&SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
