//! The client: what it sends, and in which pieces, is what the API server's client sends.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::reviews;
use crate::server::Server;

/// How many connections the API server keeps to one webhook.
pub(crate) const CONNECTIONS: usize = 25;
/// What each connection sends before anything is measured.
const WARM_UP: usize = 10;
/// Go's HTTP client buffers this much, so that a request's first TLS record has at most as much.
/// What is left goes out in records as large as TLS allows.
const FIRST_RECORD_BYTES: usize = 4096;
/// Longer than any answer.
const ANSWER_BYTES_MAX: usize = 4096;

/// The name that the API server asks for, and that the certificate is for.
pub(crate) const SERVER_NAME: &str = "pullkey.pullkey-system.svc";

/// The connections to one server, with what is sent and what must come back.
#[derive(Debug)]
pub(crate) struct Load {
    clients: Vec<Client>,
    request: Arc<[u8]>,
    answer: Arc<[u8]>,
}

/// One kept-alive connection.
#[derive(Debug)]
struct Client {
    stream: TlsStream<TcpStream>,
    answer: Vec<u8>,
}

/// Settings that trust this certificate and no other.
pub(crate) fn trusting(certificate: CertificateDer<'static>) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(certificate).expect("the certificate can be trusted");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("ring has TLS 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

/// The bytes of a request with this body.
pub(crate) fn request(body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "POST /mutate?timeout=5s HTTP/1.1\r\n\
         Host: {SERVER_NAME}:443\r\n\
         User-Agent: kube-apiserver-admission\r\n\
         Content-Length: {length}\r\n\
         Accept: application/json, */*\r\n\
         Content-Type: application/json\r\n\
         Accept-Encoding: gzip\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// Connects, sends one request and returns the answer's body, which carries the right patch.
pub(crate) async fn first_answer(address: SocketAddr, tls: &TlsConnector, request: &[u8]) -> Vec<u8> {
    let mut client = Client::connect(address, tls).await;
    let answer = client.send(request).await.to_vec();
    reviews::assert_right(&answer);
    answer
}

impl Load {
    /// Opens the connections, and sends so much that code, caches and record sizes have warmed up.
    pub(crate) async fn open(
        server: &Server,
        tls: &TlsConnector,
        request: Arc<[u8]>,
        answer: Arc<[u8]>,
    ) -> Self {
        let mut clients = Vec::new();
        for _ in 0..CONNECTIONS {
            let mut client = Client::connect(server.address(), tls).await;
            client.send_all(&request, &answer, WARM_UP).await;
            clients.push(client);
        }
        Self { clients, request, answer }
    }

    /// Sends about `requests` requests, on each connection the next one when the answer to the last
    /// is there, and returns the processor time that one cost the server.
    pub(crate) async fn cost(&mut self, server: &Server, requests: usize) -> Duration {
        let each = requests.div_ceil(CONNECTIONS);
        let before = server.processor_time().await;
        let mut tasks = JoinSet::new();
        for mut client in self.clients.drain(..) {
            let (request, answer) = (Arc::clone(&self.request), Arc::clone(&self.answer));
            tasks.spawn(async move {
                client.send_all(&request, &answer, each).await;
                client
            });
        }
        self.clients = tasks.join_all().await;
        let spent = server.processor_time().await.saturating_sub(before);
        spent / u32::try_from(each * CONNECTIONS).expect("nobody waits for more")
    }
}

impl Client {
    async fn connect(address: SocketAddr, tls: &TlsConnector) -> Self {
        let tcp = TcpStream::connect(address).await.expect("the server accepts");
        tcp.set_nodelay(true).expect("TCP has this option");
        let name = ServerName::try_from(SERVER_NAME).expect("a host name");
        let stream = tls.connect(name, tcp).await.expect("the server's certificate is trusted");
        Self { stream, answer: Vec::with_capacity(ANSWER_BYTES_MAX) }
    }

    async fn send_all(&mut self, request: &[u8], answer: &[u8], times: usize) {
        for _ in 0..times {
            let body = self.send(request).await;
            assert!(body == answer, "another answer: {}", String::from_utf8_lossy(body));
        }
    }

    async fn send(&mut self, request: &[u8]) -> &[u8] {
        let (first, rest) = request.split_at(request.len().min(FIRST_RECORD_BYTES));
        for piece in [first, rest] {
            self.stream.write_all(piece).await.expect("the server reads");
            self.stream.flush().await.expect("the server reads");
        }
        self.answer.clear();
        loop {
            let read = self.stream.read_buf(&mut self.answer).await.expect("the server answers");
            assert!(read > 0, "the server closed a connection: {}", String::from_utf8_lossy(&self.answer));
            if let Some(body_from) = whole(&self.answer) {
                return &self.answer[body_from..];
            }
        }
    }
}

/// Where the body starts, once all of it is there.
fn whole(answer: &[u8]) -> Option<usize> {
    let head_bytes = answer.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&answer[..head_bytes]).expect("a head is text");
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let mut fields = head.lines().filter_map(|line| line.split_once(": "));
    let (_, length) = fields
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .expect("the length is announced");
    let length: usize = length.parse().expect("a length is a number");
    (answer.len() >= head_bytes + length).then_some(head_bytes)
}
