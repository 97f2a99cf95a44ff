//! Self-signed serving certificates. Pure: names and a time in, a certificate out.
//!
//! Such a certificate is its own trust anchor: the API server accepts a leaf that stands in the
//! caBundle itself, so no CA key exists that could sign another.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, SanType,
};
use ring::digest::{SHA256, digest};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// How long a certificate is valid when nothing else is said.
pub const LIFE: Duration = Duration::from_secs(24 * 60 * 60);
/// How far a certificate reaches back, for clients whose clock is behind.
pub const BACKDATED: SignedDuration = SignedDuration::from_hours(1);

/// What a renewal needs: a write, a touch after two seconds at most, and a second more.
const RENEWAL_TAKES: SignedDuration = SignedDuration::from_secs(6);
/// The longest common name.
const NAME_CHARS_MAX: usize = 64;
/// How many characters of a common name differ at each certificate.
const RANDOM_CHARS: usize = 12;

/// A name that a certificate is valid for: a DNS name or an IP address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubjectName(SanType);

/// A certificate with its key.
#[derive(Debug)]
pub struct Issued {
    /// The certificate.
    pub certificate: CertificateDer<'static>,
    /// The certificate as PEM: what a client must trust.
    pub pem: String,
    /// The private key.
    pub key: PrivateKeyDer<'static>,
    /// The private key as PEM.
    pub key_pem: String,
}

/// The times of a certificate that was issued here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// From when on it is valid: an hour before it was issued.
    pub not_before: Timestamp,
    /// When it is to be replaced.
    pub renew_at: Timestamp,
    /// When it ends.
    pub not_after: Timestamp,
}

/// A self-signed certificate could not be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot make a certificate")]
pub struct IssueError(#[from] rcgen::Error);

impl FromStr for SubjectName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self(SanType::IpAddress(address)));
        }
        let label = |label: &str| {
            let edge = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric());
            label.len() <= 63
                && edge(label.bytes().next())
                && edge(label.bytes().last())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        let refused = || format!("{text:?} is no host name; write one such as pullkey.pullkey-system.svc");
        if text.len() > 253 || !text.split('.').all(label) {
            return Err(refused());
        }
        text.try_into().map(|name| Self(SanType::DnsName(name))).map_err(|_| refused())
    }
}

impl SubjectName {
    fn text(&self) -> String {
        match &self.0 {
            SanType::DnsName(name) => name.as_str().to_ascii_lowercase(),
            SanType::IpAddress(address) => address.to_string(),
            other => format!("{other:?}"),
        }
    }
}

impl Life {
    /// The times of a certificate by what stands in it.
    #[must_use]
    pub fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
        let validity = certificate.validity();
        let not_before = Timestamp::from_second(validity.not_before.timestamp()).ok()?;
        let not_after = Timestamp::from_second(validity.not_after.timestamp()).ok()?;
        let issued_at = not_before + BACKDATED;
        let life = not_after.duration_since(issued_at);
        // Two thirds of the life; of a short one less, so that the renewal is through in time.
        let renew_after = (life * 2 / 3).min(life - RENEWAL_TAKES).max(life / 3);
        Some(Self { not_before, renew_at: issued_at + renew_after, not_after })
    }
}

/// The beginning that the common names of one Pod's certificates share. Of a long name the end is
/// kept: there Pods of one Deployment differ.
#[must_use]
pub fn own_name(pod: &str) -> String {
    if pod.is_empty() {
        return "pullkey ".to_owned();
    }
    let pod: Vec<char> = pod.chars().filter(char::is_ascii_graphic).collect();
    let room = NAME_CHARS_MAX - "pullkey  ".len() - RANDOM_CHARS;
    let pod: String = pod[pod.len().saturating_sub(room)..].iter().collect();
    format!("pullkey {pod} ")
}

/// Whether a certificate is for exactly these names, and for this Pod.
#[must_use]
pub fn is_for(certificate: &CertificateDer<'_>, own_name: &str, names: &[SubjectName]) -> bool {
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else {
        return false;
    };
    let common_name = certificate.subject().iter_common_name().next().and_then(|name| name.as_str().ok());
    let Ok(Some(alternatives)) = certificate.subject_alternative_name() else {
        return false;
    };
    let found = alternatives.value.general_names.iter().map(|name| match name {
        GeneralName::DNSName(name) => name.to_ascii_lowercase(),
        GeneralName::IPAddress(address) => {
            match (<[u8; 4]>::try_from(*address), <[u8; 16]>::try_from(*address)) {
                (Ok(address), _) => IpAddr::from(address).to_string(),
                (_, Ok(address)) => IpAddr::from(address).to_string(),
                _ => String::new(),
            }
        }
        other => format!("{other:?}"),
    });
    let found: BTreeSet<String> = found.collect();
    let expected: BTreeSet<String> = names.iter().map(SubjectName::text).collect();
    common_name.is_some_and(|name| name.starts_with(own_name)) && found == expected
}

/// Makes a self-signed certificate for these names that is valid for a day.
///
/// # Errors
/// The random source fails, or a date is out of range.
pub fn issue(own_name: &str, names: &[SubjectName], now: Timestamp) -> Result<Issued, IssueError> {
    issue_for(own_name, names, LIFE, now)
}

/// Makes a self-signed certificate (P-256) for these names. No two have the same common name, because
/// a verifier tries all of one subject.
///
/// # Errors
/// The random source fails, or a date is out of range.
pub fn issue_for(
    own_name: &str,
    names: &[SubjectName],
    life: Duration,
    now: Timestamp,
) -> Result<Issued, IssueError> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let mut params = CertificateParams::default();
    params.subject_alt_names = names.iter().map(|name| name.0.clone()).collect();
    params.distinguished_name.push(DnType::CommonName, format!("{own_name}{}", random_part(&key)));
    params.not_before = date(now - BACKDATED)?;
    // A certificate counts in seconds; the one that has begun is given.
    params.not_after =
        date(now.saturating_add(life).map_err(|_| rcgen::Error::Time)?)? + time::Duration::SECOND;
    // Says that it is no CA; with it come the key identifiers.
    params.is_ca = IsCa::ExplicitNoCa;
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = params.self_signed(&key)?;
    Ok(Issued {
        pem: certificate.pem(),
        certificate: certificate.der().clone(),
        key_pem: key.serialize_pem(),
        key: PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
    })
}

/// As random as the key.
fn random_part(key: &KeyPair) -> String {
    let hash = digest(&SHA256, key.public_key_raw());
    hash.as_ref().iter().take(RANDOM_CHARS / 2).map(|byte| format!("{byte:02x}")).collect()
}

fn date(at: Timestamp) -> Result<time::OffsetDateTime, rcgen::Error> {
    time::OffsetDateTime::from_unix_timestamp(at.as_second()).map_err(|_| rcgen::Error::Time)
}
