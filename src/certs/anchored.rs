//! Certificate files with the CA certificates that clients must trust for them.

use std::path::PathBuf;
use std::{fs, io};

use jiff::Timestamp;

use super::bundle::{BYTES_MAX, Bundle, CERTIFICATES_MAX};
use super::cell::KeyPair;
use super::files::{FilePair, FilesError, Look, WatchedPair};
use super::plan::leaf::Leaf;
use super::trust::verify;

/// A pair of files and a file of CA certificates that fit together, watched.
#[derive(Debug)]
pub struct AnchoredFiles {
    files: WatchedPair,
    ca: PathBuf,
    /// What lies in the files now.
    pair: KeyPair,
    /// The CA file as last read, or what was wrong with it.
    ca_seen: Result<Vec<u8>, String>,
}

/// What is to be served, and what must be trusted for it.
#[derive(Debug)]
pub struct Anchored {
    /// What is served.
    pub pair: KeyPair,
    /// What has to be published before.
    pub leaf: Leaf,
}

/// Why the files cannot be used together.
#[derive(Debug, thiserror::Error)]
pub enum AnchoredError {
    /// The pair alone is wrong.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// The CA file cannot be read.
    #[error("cannot read {path} (--tls-ca)")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The CA file has no certificate.
    #[error("{0} has no certificate (--tls-ca); it must be PEM with \"-----BEGIN CERTIFICATE-----\"")]
    NoCertificate(PathBuf),
    /// The CA file has more than may be published.
    #[error(
        "{0} has more certificates than a caBundle shall hold ({CERTIFICATES_MAX} of {limit} KiB together); give only the CA that signed the certificate (--tls-ca)",
        limit = BYTES_MAX / 1024
    )]
    TooMuch(PathBuf),
    /// The certificate was not signed by the CA.
    #[error("the certificate does not verify against {path} (--tls-ca): {reason}")]
    Unverified {
        /// The file.
        path: PathBuf,
        /// What the verifier says.
        reason: rustls::Error,
    },
}

impl AnchoredFiles {
    /// Reads the files for the first time.
    ///
    /// # Errors
    /// Says which file is wrong, or that they do not fit together.
    pub fn load(pair: FilePair, ca: PathBuf) -> Result<(Self, Anchored), AnchoredError> {
        let (files, pair) = pair.load()?;
        let bytes = fs::read(&ca).map_err(|source| AnchoredError::Read { path: ca.clone(), source })?;
        let mut anchored = Self { files, ca, pair, ca_seen: Ok(Vec::new()) };
        let first = anchored.fit(&bytes)?;
        anchored.ca_seen = Ok(bytes);
        Ok((anchored, first))
    }

    /// Reads the files again. What is wrong is reported once, not at every look.
    ///
    /// # Errors
    /// The files changed, and cannot be used; what is served stays.
    pub fn look(&mut self) -> Result<Option<Anchored>, AnchoredError> {
        let is_other_pair = match self.files.look()? {
            Look::Changed(pair) => {
                self.pair = pair;
                true
            }
            Look::Unchanged | Look::Restored => false,
        };
        let read = fs::read(&self.ca);
        let ca_seen = read.as_ref().map(Clone::clone).map_err(ToString::to_string);
        if !is_other_pair && ca_seen == self.ca_seen {
            return Ok(None);
        }
        self.ca_seen = ca_seen;
        let bytes = read.map_err(|source| AnchoredError::Read { path: self.ca.clone(), source })?;
        self.fit(&bytes).map(Some)
    }

    fn fit(&self, ca: &[u8]) -> Result<Anchored, AnchoredError> {
        let bundle = Bundle::parse(ca);
        if bundle.anchors().is_empty() {
            return Err(AnchoredError::NoCertificate(self.ca.clone()));
        }
        if !bundle.fits() {
            return Err(AnchoredError::TooMuch(self.ca.clone()));
        }
        verify(self.pair.chain(), bundle.anchors(), Timestamp::now())
            .map_err(|reason| AnchoredError::Unverified { path: self.ca.clone(), reason })?;
        let leaf = Leaf {
            anchors: bundle.anchors().to_vec(),
            not_before: Timestamp::MIN,
            renew_at: None,
            not_after: self.pair.not_after(),
        };
        Ok(Anchored { pair: self.pair.clone(), leaf })
    }
}
