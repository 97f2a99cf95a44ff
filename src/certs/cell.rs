//! The key pair being served, swapped while connections go on.

use std::sync::Arc;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::sync::Notify;
use x509_parser::prelude::{ASN1Time, FromDer, X509Certificate, X509Version};

/// A certificate chain with the key that fits its first certificate.
#[derive(Clone, Debug)]
pub struct KeyPair {
    certified: Arc<CertifiedKey>,
    leaf: Leaf,
}

/// What a client looks at in the leaf certificate.
#[derive(Clone, Copy, Debug)]
struct Leaf {
    not_before: Timestamp,
    not_after: Timestamp,
    names_a_host: bool,
}

/// Why a chain and a key cannot be served together.
#[derive(Debug, thiserror::Error)]
pub enum KeyPairError {
    /// The key is of another certificate.
    #[error("the private key does not belong to the certificate")]
    KeyDoesNotFit,
    /// The certificate is not X.509.
    #[error("the certificate is no X.509 certificate; is it damaged?")]
    Certificate,
    /// The certificate is X.509 of the first version, which has no names.
    #[error(
        "the certificate is X.509 version 1, which has no host names; sign it with a subjectAltName (openssl: -extfile)"
    )]
    Version,
    /// The key is of a kind that cannot sign here.
    #[error("the private key is no RSA (2048 to 4096 bits), ECDSA (P-256, P-384) or Ed25519 key")]
    Key,
}

/// Carries the news that a client does not trust the served certificate. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub struct Distrusted(Arc<Notify>);

/// The place of the key pair that new connections get.
#[derive(Debug)]
pub struct Cell(ArcSwap<KeyPair>);

impl KeyPair {
    /// Puts a chain, leaf first, and a key together.
    ///
    /// # Errors
    /// The two do not fit, or one of them cannot be used.
    pub fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, KeyPairError> {
        let leaf = chain.first().map_or(Err(KeyPairError::Certificate), Leaf::read)?;
        let provider: CryptoProvider = rustls::crypto::ring::default_provider();
        let certified = CertifiedKey::from_der(chain, key, &provider).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => KeyPairError::KeyDoesNotFit,
            rustls::Error::InvalidCertificate(_) => KeyPairError::Certificate,
            _ => KeyPairError::Key,
        })?;
        Ok(Self { certified: Arc::new(certified), leaf })
    }

    /// The chain, leaf first.
    #[must_use]
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.certified.cert
    }

    /// When the leaf certificate begins.
    #[must_use]
    pub fn not_before(&self) -> Timestamp {
        self.leaf.not_before
    }

    /// When the leaf certificate ends.
    #[must_use]
    pub fn not_after(&self) -> Timestamp {
        self.leaf.not_after
    }

    /// Whether the leaf has a subjectAltName; Go's clients do not read a host from the subject.
    #[must_use]
    pub fn names_a_host(&self) -> bool {
        self.leaf.names_a_host
    }
}

impl Cell {
    /// Starts with a pair, so that there is always one to serve.
    #[must_use]
    pub fn new(pair: KeyPair) -> Self {
        Self(ArcSwap::from_pointee(pair))
    }

    /// Serves another pair from the next handshake on.
    pub fn swap(&self, pair: KeyPair) {
        self.0.store(Arc::new(pair));
    }

    /// What new connections get.
    #[must_use]
    pub fn current(&self) -> Arc<KeyPair> {
        self.0.load_full()
    }

    /// Whether this is the leaf certificate that new connections get.
    #[must_use]
    pub fn serves(&self, leaf: &CertificateDer<'_>) -> bool {
        self.0.load().certified.cert.first() == Some(leaf)
    }
}

impl Distrusted {
    /// A client has broken off the handshake because of the certificate. Costs nothing to say often.
    pub fn report(&self) {
        self.0.notify_one();
    }

    /// Waits until one has.
    pub async fn reported(&self) {
        self.0.notified().await;
    }
}

impl ResolvesServerCert for Cell {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.load().certified))
    }
}

impl Leaf {
    fn read(leaf: &CertificateDer<'_>) -> Result<Self, KeyPairError> {
        let (_, leaf) = X509Certificate::from_der(leaf).map_err(|_| KeyPairError::Certificate)?;
        if leaf.version() != X509Version::V3 {
            return Err(KeyPairError::Version);
        }
        // The year 9999 stands for "never ends", and is later than the last moment that we can count.
        let second = |time: ASN1Time, beyond| Timestamp::from_second(time.timestamp()).unwrap_or(beyond);
        Ok(Self {
            not_before: second(leaf.validity().not_before, Timestamp::MIN),
            not_after: second(leaf.validity().not_after, Timestamp::MAX),
            names_a_host: matches!(leaf.subject_alternative_name(), Ok(Some(_))),
        })
    }
}
