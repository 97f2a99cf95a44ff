//! A key pair from two PEM files, which are compared by content.
//!
//! A kubelet swaps a mounted folder by renaming a symbolic link. Whoever watches the file's inode
//! goes deaf after the first swap; whoever reads the content cannot miss one.

use std::path::{Path, PathBuf};
use std::{fs, io};

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::cell::{KeyPair, KeyPairError};

/// How often a pair is read that changes in between.
const READS_MAX: usize = 3;
/// The header of a key that OpenSSL encrypted in its own form, which is no base64 (RFC 1421).
const ENCRYPTED: &[u8] = b"Proc-Type: 4,ENCRYPTED";

/// Where the chain and the key lie.
#[derive(Clone, Debug)]
pub struct FilePair {
    /// The certificate chain, leaf first.
    pub cert: PathBuf,
    /// The private key of the leaf.
    pub key: PathBuf,
}

/// The files of the pair that is served.
#[derive(Debug)]
pub struct WatchedPair {
    files: FilePair,
    served: Contents,
    /// What the last look found instead of it and could not use.
    refused: Option<Refused>,
}

/// What a look at the files found.
#[derive(Debug)]
pub enum Look {
    /// Nothing new.
    Unchanged,
    /// After something that could not be served, the pair that is served lies there again.
    Restored,
    /// Another pair, which is to be served.
    Changed(KeyPair),
}

#[derive(Debug, PartialEq, Eq)]
enum Refused {
    Unreadable(String),
    Contents(Contents),
}

#[derive(Debug, PartialEq, Eq)]
struct Contents {
    cert: Vec<u8>,
    key: Vec<u8>,
}

/// Why the files cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// A file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A file is empty.
    #[error("{0} is empty")]
    Empty(PathBuf),
    /// The certificate file has no certificate.
    #[error("{0} has no certificate; it must be PEM with \"-----BEGIN CERTIFICATE-----\"")]
    NoCertificate(PathBuf),
    /// The key file has no key.
    #[error("{0} has no unencrypted private key; it must be PEM with \"-----BEGIN PRIVATE KEY-----\"")]
    NoKey(PathBuf),
    /// A file is broken PEM.
    #[error("{path} is damaged PEM: {reason}")]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: &'static str,
    },
    /// The two do not make a pair.
    #[error("{cert} and {key} cannot be served together")]
    Pair {
        /// The certificate file.
        cert: PathBuf,
        /// The key file.
        key: PathBuf,
        /// Why not.
        source: KeyPairError,
    },
}

impl FilePair {
    /// Reads the pair for the first time.
    ///
    /// # Errors
    /// Says which file is wrong, and how.
    pub fn load(self) -> Result<(WatchedPair, KeyPair), FilesError> {
        let served = self.read()?;
        let pair = self.pair(&served)?;
        Ok((WatchedPair { files: self, served, refused: None }, pair))
    }

    /// Reads both files. When the certificate changed while the key was read, the two may be of different
    /// pairs, and are read again.
    fn read(&self) -> Result<Contents, FilesError> {
        let mut cert = read(&self.cert)?;
        for _ in 1..READS_MAX {
            let key = read(&self.key)?;
            let cert_afterwards = read(&self.cert)?;
            if cert == cert_afterwards {
                return Ok(Contents { cert, key });
            }
            cert = cert_afterwards;
        }
        Ok(Contents { cert, key: read(&self.key)? })
    }

    fn pair(&self, contents: &Contents) -> Result<KeyPair, FilesError> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&contents.cert)
            .collect::<Result<_, _>>()
            .map_err(|error| FilesError::Pem { path: self.cert.clone(), reason: damage(&error) })?;
        if chain.is_empty() {
            return Err(FilesError::NoCertificate(self.cert.clone()));
        }
        if contents.key.windows(ENCRYPTED.len()).any(|window| window == ENCRYPTED) {
            return Err(FilesError::NoKey(self.key.clone()));
        }
        let key = PrivateKeyDer::from_pem_slice(&contents.key).map_err(|error| match error {
            pem::Error::NoItemsFound => FilesError::NoKey(self.key.clone()),
            error => FilesError::Pem { path: self.key.clone(), reason: damage(&error) },
        })?;
        KeyPair::new(chain, key).map_err(|source| {
            let Self { cert, key } = self.clone();
            FilesError::Pair { cert, key, source }
        })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, FilesError> {
    match fs::read(path) {
        Ok(content) if content.iter().all(u8::is_ascii_whitespace) => Err(FilesError::Empty(path.into())),
        Ok(content) => Ok(content),
        Err(source) => Err(FilesError::Read { path: path.into(), source }),
    }
}

/// The parser's errors print raw bytes.
fn damage(error: &pem::Error) -> &'static str {
    match error {
        pem::Error::MissingSectionEnd { .. } => "the line \"-----END …-----\" is missing",
        pem::Error::Base64Decode(_) => "the text between its lines is no base64",
        _ => "a line \"-----BEGIN …-----\" is wrong",
    }
}

impl WatchedPair {
    /// Reads the files again. What is wrong is reported once, not at every look.
    ///
    /// # Errors
    /// The files changed and cannot be served; the pair that is served stays.
    pub fn look(&mut self) -> Result<Look, FilesError> {
        let contents = match self.files.read() {
            Ok(contents) => contents,
            Err(error) => {
                let refused = Some(Refused::Unreadable(error.to_string()));
                return self.refuse(refused, error);
            }
        };
        if contents == self.served {
            return Ok(if self.refused.take().is_some() { Look::Restored } else { Look::Unchanged });
        }
        match self.files.pair(&contents) {
            Ok(pair) => {
                self.served = contents;
                self.refused = None;
                Ok(Look::Changed(pair))
            }
            Err(error) => self.refuse(Some(Refused::Contents(contents)), error),
        }
    }

    fn refuse(&mut self, refused: Option<Refused>, error: FilesError) -> Result<Look, FilesError> {
        if self.refused == refused {
            return Ok(Look::Unchanged);
        }
        self.refused = refused;
        Err(error)
    }
}
