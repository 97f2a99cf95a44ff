//! A certificate authority of the test's own, and the files that it makes.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

/// The name that the API server calls the webhook by.
pub(crate) const HOST: &str = "pullkey.pullkey-system.svc";

/// The files of a replica and of a client that trusts it.
#[derive(Debug)]
pub(crate) struct Certificates {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) ca: PathBuf,
}

impl Certificates {
    /// A new authority and a certificate for [`HOST`].
    pub(crate) fn make(folder: &Path) -> Self {
        let ca_key = KeyPair::generate().expect("a key can be made");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = params.self_signed(&ca_key).expect("a certificate can be made");
        let issuer = Issuer::new(params, ca_key);
        let key = KeyPair::generate().expect("a key can be made");
        let leaf =
            CertificateParams::new([HOST.to_owned()]).and_then(|params| params.signed_by(&key, &issuer));
        let leaf = leaf.expect("a certificate can be made");
        let files = Self {
            certificate: folder.join("tls.crt"),
            key: folder.join("tls.key"),
            ca: folder.join("ca.crt"),
        };
        write(&files.ca, &ca.pem());
        write(&files.key, &key.serialize_pem());
        write(&files.certificate, &leaf.pem());
        files
    }

    /// The flags of a replica.
    pub(crate) fn arguments(&self) -> Vec<String> {
        vec![
            format!("--tls-cert={}", self.certificate.display()),
            format!("--tls-key={}", self.key.display()),
        ]
    }
}

/// Writes a file; failing is a failure of the test.
pub(crate) fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
