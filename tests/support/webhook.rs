//! The real routes behind the real listener and real TLS, inside the test's own process.
//!
//! The rules can be swapped between two requests, so that many configurations need one server.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use prometheus_client::registry::Registry;
use pullkey::certs::cell::{Cell, Distrusted, KeyPair};
use pullkey::certs::issue::{self, SubjectName};
use pullkey::engine::config::Config;
use pullkey::engine::review::review;
use pullkey::engine::rules::Rules;
use pullkey::process::metrics::Metrics;
use pullkey::server::active::{Active, ActiveCell};
use pullkey::server::limits::Limits;
use pullkey::server::listener::{self, Listener};
use pullkey::server::probe::ProbeAddress;
use pullkey::server::routes::{self, MUTATE_PATH};
use pullkey::server::tls;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConnection, RootCertStore, StreamOwned};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use super::trusting::trusting;

/// The name in the certificate, by which the client calls the server.
const HOST: &str = "localhost";
/// How long an answer may take on a machine that is busy with other things; it only bounds a failure.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// A webhook on a loopback port, and one connection to it that is kept.
#[derive(Debug)]
pub(crate) struct Webhook {
    active: Arc<ActiveCell>,
    metrics: Metrics,
    connection: StreamOwned<ClientConnection, TcpStream>,
    /// Stops the server when the webhook is dropped, before its runtime goes.
    _stop: tokio_util::sync::DropGuard,
    _runtime: Runtime,
}

/// An HTTP answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Webhook {
    /// Starts with rules that match nothing.
    pub(crate) fn start() -> Self {
        let runtime = Runtime::new().expect("a runtime can be started");
        let metrics = Metrics::new(&mut Registry::default());
        let rules = Rules::new(Config { entries: Vec::new() });
        let active = Arc::new(ArcSwap::from_pointee(Active::new(rules, &metrics)));

        let name: SubjectName = HOST.parse().expect("a host name");
        let issued = issue::issue("test", &[name], Timestamp::now()).expect("a certificate can be made");
        let trusted = issued.certificate.clone();
        let pair = KeyPair::new(vec![issued.certificate], issued.key).expect("the key fits");

        let webhook = routes::Webhook { active: Arc::clone(&active), metrics: metrics.clone(), review };
        let tcp = runtime
            .block_on(listener::bind((Ipv4Addr::LOCALHOST, 0).into()))
            .expect("a loopback port can be had");
        let port = tcp.local_addr().expect("a bound socket has an address").port();
        let listener = Listener {
            tcp,
            tls: Arc::new(tls::config(Arc::new(Cell::new(pair)))),
            webhook,
            limits: Limits::default(),
            probe: ProbeAddress::default(),
            distrusted: Distrusted::default(),
        };
        let stop = CancellationToken::new();
        runtime.spawn(listener.serve(stop.clone().cancelled_owned()));
        let connection = connect(port, trusted);
        Self { active, metrics, connection, _stop: stop.drop_guard(), _runtime: runtime }
    }

    /// Answers by this configuration from the next request on.
    pub(crate) fn configure(&self, config: Config) {
        self.active.store(Arc::new(Active::new(Rules::new(config), &self.metrics)));
    }

    /// Posts a review as the API server does.
    pub(crate) fn review(&mut self, body: &str) -> Answer {
        let head = format!(
            "POST {MUTATE_PATH}?timeout=5s HTTP/1.1\r\nHost: {HOST}\r\nUser-Agent: kube-apiserver-admission\r\n\
             Accept: application/json, */*\r\nAccept-Encoding: gzip\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n",
            body.len()
        );
        self.connection.write_all(format!("{head}{body}").as_bytes()).expect("the webhook takes the request");
        self.answer()
    }

    fn answer(&mut self) -> Answer {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.connection.read_exact(&mut byte).expect("the webhook answers");
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).expect("the head of an answer is text");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        let length = head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .and_then(|(_, length)| length.parse().ok())
            .expect("the answer has a length");
        let mut body = vec![0; length];
        self.connection.read_exact(&mut body).expect("the answer has a whole body");
        Answer { status, body: String::from_utf8(body).expect("the answer is text") }
    }
}

/// Connects as a client that trusts nothing but this certificate.
fn connect(port: u16, trusted: CertificateDer<'static>) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted).expect("the certificate can be trusted");
    let config = trusting(roots);
    let name = ServerName::try_from(HOST).expect("a host name");
    let tls = ClientConnection::new(Arc::new(config), name).expect("a client can be made");
    let tcp = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("the port is open");
    tcp.set_read_timeout(Some(ANSWER_MAX)).expect("a limit can be set");
    StreamOwned::new(tls, tcp)
}
