//! Self-signed serving certificates. Pure: names and a time in, a certificate out.
//!
//! Such a certificate is its own trust anchor: the API server accepts a leaf that stands in the
//! caBundle itself, so no CA key exists that could sign another.

use std::net::IpAddr;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, SanType,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// How long a certificate is valid from now on.
pub const LIFE: SignedDuration = SignedDuration::from_hours(24);
/// How far a certificate reaches back, for clients whose clock is behind.
pub const BACKDATED: SignedDuration = SignedDuration::from_hours(1);

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

/// Makes a self-signed certificate (P-256) for these names.
///
/// # Errors
/// The random source fails, or a date is out of range.
pub fn issue(common_name: &str, names: &[SubjectName], now: Timestamp) -> Result<Issued, IssueError> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let mut params = CertificateParams::default();
    params.subject_alt_names = names.iter().map(|name| name.0.clone()).collect();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.not_before = date(now - BACKDATED)?;
    params.not_after = date(now + LIFE)?;
    params.is_ca = IsCa::ExplicitNoCa;
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = params.self_signed(&key)?;
    Ok(Issued {
        pem: certificate.pem(),
        certificate: certificate.der().clone(),
        key: PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
    })
}

fn date(at: Timestamp) -> Result<time::OffsetDateTime, rcgen::Error> {
    time::OffsetDateTime::from_unix_timestamp(at.as_second()).map_err(|_| rcgen::Error::Time)
}
