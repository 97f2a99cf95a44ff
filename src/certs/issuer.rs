//! Issues certificates for the process, and keeps the served one for a restarted container.

use std::fmt;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::bundle::Anchor;
use super::cell::{KeyPair, KeyPairError};
use super::issue::{self, IssueError, Life, SubjectName};
use super::plan::leaf::Leaf;

/// The file of `--state-dir`: the key, then the certificate. One file cannot be half of another pair.
const STATE_FILE: &str = "pullkey.pem";

/// How certificates are issued.
#[derive(Debug)]
pub struct Issuer {
    /// What they are valid for.
    pub names: Vec<SubjectName>,
    /// How long they are valid.
    pub life: Duration,
    /// The beginning of their common names.
    pub own_name: String,
    /// Where the PEM of each goes, for a client that has to trust it.
    pub ca_out: Option<PathBuf>,
    /// Where the served pair is kept.
    pub state_dir: Option<PathBuf>,
}

/// A certificate that was issued here.
pub struct Own {
    /// What is served.
    pub pair: KeyPair,
    /// When it begins and ends, and that it is its own trust anchor.
    pub leaf: Leaf,
    state: String,
}

/// Why no certificate could be issued.
#[derive(Debug, thiserror::Error)]
pub enum IssuerError {
    /// It could not be made.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// It could not be used.
    #[error(transparent)]
    Pair(#[from] KeyPairError),
    /// Its PEM could not be written.
    #[error("cannot write the certificate to {path} (--ca-out)")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
}

impl Issuer {
    /// Takes up the pair that was kept, or says why not.
    ///
    /// # Errors
    /// There is one that cannot be used; that there is none is no error.
    pub fn take_up(&self, now: Timestamp) -> Result<Option<Own>, String> {
        let Some(path) = self.state_file() else {
            return Ok(None);
        };
        let state = match fs::read_to_string(&path) {
            Ok(state) => state,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("{}: {error}", path.display())),
        };
        let refused = |reason: &str| format!("{}: {reason}", path.display());
        let key = PrivateKeyDer::from_pem_slice(state.as_bytes());
        let certificate = CertificateDer::from_pem_slice(state.as_bytes());
        let (Ok(key), Ok(certificate)) = (key, certificate) else {
            return Err(refused("no private key with a certificate"));
        };
        if !issue::is_for(&certificate, &self.own_name, &self.names) {
            return Err(refused("the certificate is for other names, or of another Pod"));
        }
        let own = own(certificate, key, state).map_err(|error| refused(&error.to_string()))?;
        // That it has ended is what happens to certificates, and no reason to warn.
        Ok(Some(own).filter(|own| own.leaf.is_worth_taking_up(now)))
    }

    /// Issues a certificate.
    ///
    /// # Errors
    /// It cannot be made, or not be written to `ca_out`.
    pub fn issue(&self, now: Timestamp) -> Result<Own, IssuerError> {
        let issued = issue::issue_for(&self.own_name, &self.names, self.life, now)?;
        let own = own(issued.certificate, issued.key, issued.key_pem + &issued.pem)?;
        self.hand_out(&own)?;
        Ok(own)
    }

    /// Writes the certificate where its clients look for it, if there is such a place.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn hand_out(&self, own: &Own) -> Result<(), IssuerError> {
        let Some(path) = &self.ca_out else {
            return Ok(());
        };
        let pem = own.leaf.anchors.iter().map(Anchor::pem).collect::<String>();
        write_whole(path, pem.as_bytes(), 0o666)
            .map_err(|source| IssuerError::Write { path: path.clone(), source })
    }

    /// Keeps a pair for the next start. Without it the process only starts a little slower.
    pub fn keep(&self, own: &Own) {
        let Some(path) = self.state_file() else {
            return;
        };
        if let Err(error) = write_whole(&path, own.state.as_bytes(), 0o600) {
            tracing::warn!(%error, path = %path.display(), "the certificate cannot be kept for the next start (--state-dir)");
        }
    }

    fn state_file(&self) -> Option<PathBuf> {
        self.state_dir.as_ref().map(|folder| folder.join(STATE_FILE))
    }
}

impl fmt::Debug for Own {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The key stands in the state.
        write!(formatter, "Own({:?})", self.leaf)
    }
}

fn own(
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
    state: String,
) -> Result<Own, KeyPairError> {
    let anchor = Anchor::from_der(certificate.to_vec()).ok_or(KeyPairError::Certificate)?;
    let life = Life::of(&certificate).ok_or(KeyPairError::Certificate)?;
    let leaf = Leaf {
        anchors: vec![anchor],
        not_before: life.not_before,
        renew_at: Some(life.renew_at),
        not_after: life.not_after,
    };
    Ok(Own { pair: KeyPair::new(vec![certificate], key)?, leaf, state })
}

/// Replaces a file as a whole, so that a reader finds the old text or the new one.
fn write_whole(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        // A pipe or a terminal cannot be replaced.
        return fs::write(path, content);
    }
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    // Left over by a crash, possibly with other permissions.
    match fs::remove_file(&partial) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&partial)?;
    file.write_all(content)?;
    fs::rename(partial, path)
}
