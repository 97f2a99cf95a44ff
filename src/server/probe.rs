//! The process asks itself: a review over its own TLS port, as the API server would send one.
//!
//! Whoever can answer himself is ready. The probe is neither counted nor limited.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;

use super::routes::MUTATE_PATH;
use crate::certs::cell::Cell;

/// How long one attempt may take.
const ATTEMPT_MAX: Duration = Duration::from_secs(5);
/// How long to wait after an attempt that failed.
const RETRY: Duration = Duration::from_millis(250);
/// The uid of the probe's review.
const UID: &str = "pullkey-readiness";

/// The address that the running probe comes from, if one runs.
#[derive(Clone, Debug, Default)]
pub struct ProbeAddress(Arc<ArcSwapOption<SocketAddr>>);

/// Asks until an answer is right.
#[derive(Debug)]
pub struct Probe {
    /// What the TLS port listens on.
    pub listen: SocketAddr,
    /// The pair that must be served.
    pub cell: Arc<Cell>,
    /// Where the listener learns what address the probe comes from.
    pub address: ProbeAddress,
}

impl ProbeAddress {
    /// Whether a connection from here is the probe's.
    pub(super) fn is(&self, from: SocketAddr) -> bool {
        let canonical = |address: &SocketAddr| (address.ip().to_canonical(), address.port());
        self.0.load().as_deref().is_some_and(|own| canonical(own) == canonical(&from))
    }
}

impl Probe {
    /// Returns after the first right answer.
    pub async fn answered(self) {
        let mut said = false;
        loop {
            let attempt =
                timeout(ATTEMPT_MAX, self.ask_any()).await.unwrap_or(Err(io::ErrorKind::TimedOut.into()));
            self.address.0.store(None);
            match attempt {
                Ok(()) => return,
                Err(error) if !said => {
                    said = true;
                    tracing::warn!(%error, "no answer from the own TLS port yet; trying on");
                }
                Err(_) => {}
            }
            sleep(RETRY).await;
        }
    }

    async fn ask_any(&self) -> io::Result<()> {
        match self.listen.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => self.ask(Ipv4Addr::LOCALHOST.into()).await,
            // The port serves IPv4 too, and where IPv6 is switched off nothing else.
            IpAddr::V6(ip) if ip.is_unspecified() => match self.ask(Ipv6Addr::LOCALHOST.into()).await {
                Err(_) => self.ask(Ipv4Addr::LOCALHOST.into()).await,
                answered => answered,
            },
            ip => self.ask(ip).await,
        }
    }

    async fn ask(&self, to: IpAddr) -> io::Result<()> {
        let socket = if to.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.bind((to, 0).into())?;
        self.address.0.store(Some(Arc::new(socket.local_addr()?)));
        let tcp = socket.connect((to, self.listen.port()).into()).await?;
        let connector = TlsConnector::from(Arc::new(client(Arc::clone(&self.cell))));
        let mut tls = connector.connect(to.into(), tcp).await?;
        tls.write_all(request().as_bytes()).await?;
        let mut answer = Vec::new();
        tls.read_to_end(&mut answer).await?;
        if is_right(&answer) {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::InvalidData, "the answer is not the one to a review"))
    }
}

/// The review of a mirror Pod: it takes the whole way, and no configuration makes it a patch.
fn request() -> String {
    let review = format!(
        r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{{"uid":"{UID}","kind":{{"group":"","version":"v1","kind":"Pod"}},"resource":{{"group":"","version":"v1","resource":"pods"}},"namespace":"pullkey","operation":"CREATE","object":{{"apiVersion":"v1","kind":"Pod","metadata":{{"annotations":{{"kubernetes.io/config.mirror":""}}}},"spec":{{"containers":[{{"name":"probe","image":"probe"}}]}}}}}}}}"#
    );
    format!(
        "POST {MUTATE_PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{review}",
        review.len()
    )
}

fn is_right(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let review = serde_json::from_str::<serde_json::Value>(body).unwrap_or_default();
    head.starts_with("HTTP/1.1 200 ")
        && review["response"]["uid"] == UID
        && review["response"]["allowed"] == true
}

/// TLS that trusts the pair in the cell and nothing else.
fn client(cell: Arc<Cell>) -> ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let own = Arc::new(OwnCertificate { cell, provider: Arc::clone(&provider) });
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("ring has TLS 1.3")
        .dangerous()
        .with_custom_certificate_verifier(own)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}

#[derive(Debug)]
struct OwnCertificate {
    cell: Arc<Cell>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for OwnCertificate {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.cell.serves(leaf) {
            return Ok(ServerCertVerified::assertion());
        }
        Err(CertificateError::ApplicationVerificationFailure.into())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("TLS 1.2 is not spoken".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, leaf, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
