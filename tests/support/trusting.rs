//! TLS for the clients of tests, as the API server speaks it.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};

/// The settings of a client that trusts these certificates and no others.
pub(crate) fn trusting(roots: RootCertStore) -> ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("ring has TLS 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth()
}
