//! Whether a client trusts what is served. Pure: certificates in, a verdict out.

use jiff::Timestamp;
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, RootCertStore};
use x509_parser::prelude::{ASN1Time, FromDer as _, X509Certificate};

use super::bundle::Anchor;

/// Whether a client that trusts these certificates trusts the chain, leaf first.
///
/// # Errors
/// It does not; why. That a certificate has expired is no question of trust; it is said elsewhere.
pub fn verify(chain: &[CertificateDer<'_>], anchors: &[Anchor], now: Timestamp) -> Result<(), rustls::Error> {
    let Some((leaf, intermediates)) = chain.split_first() else {
        return Err(rustls::Error::NoCertificatesPresented);
    };
    if anchors.iter().any(|anchor| anchor.der() == leaf.as_ref()) {
        // A leaf that stands in the bundle itself is trusted, whoever signed it.
        return Ok(());
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(anchors.iter().map(|anchor| CertificateDer::from(anchor.der())));
    let now = UnixTime::since_unix_epoch(now.duration_since(Timestamp::UNIX_EPOCH).unsigned_abs());
    let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms.all;
    let leaf = ParsedCertificate::try_from(leaf)?;
    match verify_server_cert_signed_by_trust_anchor(&leaf, &roots, intermediates, now, algorithms) {
        Err(rustls::Error::InvalidCertificate(
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. },
        )) => Ok(()),
        verified => verified,
    }
}

/// From when until when a certificate is valid.
#[must_use]
pub fn validity(certificate: &CertificateDer<'_>) -> Option<(Timestamp, Timestamp)> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let validity = certificate.validity();
    let time = |time: ASN1Time| Timestamp::from_second(time.timestamp()).ok();
    // The year 9999 stands for "never ends", and is later than the last moment that we can count.
    Some((time(validity.not_before)?, time(validity.not_after).unwrap_or(Timestamp::MAX)))
}

/// Whether the certificate is for this host, such as `pullkey.pullkey-system.svc`.
#[must_use]
pub fn is_for(leaf: &CertificateDer<'_>, host: &str) -> bool {
    let (Ok(leaf), Ok(host)) = (ParsedCertificate::try_from(leaf), ServerName::try_from(host)) else {
        return false;
    };
    verify_server_name(&leaf, &host).is_ok()
}
