//! TLS as the API server speaks it to a webhook: version 1.3, ALPN `http/1.1`, no resumption.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::{NoServerSessionStorage, ResolvesServerCert};

/// The settings of the TLS port; the certificate comes from `certificates` at every handshake.
///
/// # Panics
/// Never: the versions are those that the cryptography provider has.
#[must_use]
pub fn config(certificates: Arc<dyn ResolvesServerCert>) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("ring has TLS 1.3")
        .with_no_client_auth()
        .with_cert_resolver(certificates);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // The API server resumes no sessions; tickets would only cost bytes in every handshake.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config
}
