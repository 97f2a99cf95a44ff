//! A self-issued certificate that nobody publishes: for a trial, or where the operator hands its
//! PEM on himself.

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::cell::{Cell, KeyPair, KeyPairError};
use super::issue::{self, IssueError, SubjectName};

/// How often the clock is looked at. A sleep until the renewal would not notice a suspended machine.
const LOOK_INTERVAL: Duration = Duration::from_secs(60);
/// The share of a certificate's life after which it is replaced.
const RENEW_AFTER: SignedDuration = SignedDuration::from_hours(16);

/// Issues certificates for some names and writes each one's PEM where a client finds it.
#[derive(Debug)]
pub struct Ephemeral {
    names: Vec<SubjectName>,
    ca_out: Option<PathBuf>,
    issued_at: Timestamp,
}

/// Why no certificate could be issued.
#[derive(Debug, thiserror::Error)]
pub enum EphemeralError {
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

impl Ephemeral {
    /// Issues the first certificate.
    ///
    /// # Errors
    /// It cannot be made, or not be written to `ca_out`.
    pub fn issue(
        names: Vec<SubjectName>,
        ca_out: Option<PathBuf>,
        now: Timestamp,
    ) -> Result<(Self, KeyPair), EphemeralError> {
        let mut ephemeral = Self { names, ca_out, issued_at: now };
        let pair = ephemeral.renew(now)?;
        Ok((ephemeral, pair))
    }

    /// Replaces the certificate after two thirds of its life, for as long as the process runs.
    /// `renewed` hears when each new one ends.
    pub async fn keep(mut self, cell: Arc<Cell>, renewed: impl Fn(Timestamp)) {
        loop {
            tokio::time::sleep(LOOK_INTERVAL).await;
            let now = Timestamp::now();
            if now < self.issued_at + RENEW_AFTER {
                continue;
            }
            match self.renew(now) {
                Ok(pair) => {
                    tracing::info!(not_after = %pair.not_after(), "renewed the self-issued certificate");
                    renewed(pair.not_after());
                    cell.swap(pair);
                }
                Err(error) => tracing::error!(%error, "the self-issued certificate was not renewed"),
            }
        }
    }

    fn renew(&mut self, now: Timestamp) -> Result<KeyPair, EphemeralError> {
        let issued = issue::issue("pullkey", &self.names, now)?;
        let pair = KeyPair::new(vec![issued.certificate], issued.key)?;
        if let Some(path) = &self.ca_out {
            write_whole(path, issued.pem.as_bytes())
                .map_err(|source| EphemeralError::Write { path: path.clone(), source })?;
        }
        self.issued_at = now;
        Ok(pair)
    }
}

/// Replaces a file as a whole, so that a reader finds the old text or the new one.
fn write_whole(path: &PathBuf, content: &[u8]) -> io::Result<()> {
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        // A pipe or a terminal cannot be replaced.
        return fs::write(path, content);
    }
    let mut partial = path.clone().into_os_string();
    partial.push(".partial");
    let mut file = fs::File::create(&partial)?;
    file.write_all(content)?;
    fs::rename(partial, path)
}
