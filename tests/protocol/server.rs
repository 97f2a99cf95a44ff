//! The server of a test: everything between the socket and the engine is the real one.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::thread;
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
use pullkey::server::active::Active;
use pullkey::server::limits::Limits;
use pullkey::server::listener::{self, Listener};
use pullkey::server::probe::ProbeAddress;
use pullkey::server::routes::{Reviewer, Webhook};
use pullkey::server::tls;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use tokio::runtime::Builder;
use tokio_util::sync::CancellationToken;

use super::client::{ANSWER_MAX, Client};
use super::reviews::{GOOD_POD, create, patched, post};
use super::trusting::trusting;

/// The name in the certificate, by which a client calls the server.
pub(crate) const HOST: &str = "localhost";

const CONFIG: &str = r#"
apiVersion: pullkey.dev/v1alpha1
kind: InjectorConfiguration
registries:
  - matchImages: ["registry.example.com"]
    pullSecrets: ["registrysecret"]
  - matchImages: ["cr.yandex/crp0example"]
    pullSecrets: ["yc-registry-secret"]
  - matchImages: ["docker.io"]
    exceptImages: ["docker.io/library"]
    pullSecrets: ["regcred"]
"#;

/// The threads of every server have this name, by which a panic is known as theirs.
const THREAD_NAME: &str = "server";

/// What a reviewer of a test says when it panics; that is not recorded.
pub(crate) const ON_PURPOSE: &str = "a panic on purpose";

/// What a panicking server thread said. A task that panics would otherwise end without a trace.
static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    trusted: CertificateDer<'static>,
}

/// Runs a test against a server with the limits of production.
pub(crate) fn with_server(test: impl FnOnce(&Server)) {
    with_limits(|_| {}, test);
}

/// Runs a test against a server with some limits changed, then sees whether the server is well.
pub(crate) fn with_limits(change: impl FnOnce(&mut Limits), test: impl FnOnce(&Server)) {
    serve(change, review, test);
}

/// Runs a test against a server whose reviews are answered by another function than the engine's.
pub(crate) fn with_reviewer(review: Reviewer, test: impl FnOnce(&Server)) {
    serve(|_| {}, review, test);
}

fn serve(change: impl FnOnce(&mut Limits), review: Reviewer, test: impl FnOnce(&Server)) {
    record_panics();
    // The drain is for an API server that may still send; here nobody does.
    let mut limits = Limits { drain: Duration::ZERO, ..Limits::default() };
    change(&mut limits);
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name(THREAD_NAME)
        .enable_all()
        .build()
        .expect("a runtime can be started");
    let any_port = (Ipv4Addr::LOCALHOST, 0).into();
    let tcp = runtime.block_on(listener::bind(any_port)).expect("a loopback port can be had");
    let address = tcp.local_addr().expect("a bound socket has an address");

    let name: SubjectName = HOST.parse().expect("a host name");
    let issued = issue::issue("test", &[name], Timestamp::now()).expect("a certificate can be made");
    let server = Server { address, trusted: issued.certificate.clone() };
    let pair = KeyPair::new(vec![issued.certificate], issued.key).expect("the key fits");

    let metrics = Metrics::new(&mut Registry::default());
    let (config, _) = Config::parse(CONFIG).expect("the configuration is right");
    let active = Arc::new(ArcSwap::from_pointee(Active::new(Rules::new(config), &metrics)));
    let webhook = Webhook { active, metrics, review };
    let tls = Arc::new(tls::config(Arc::new(Cell::new(pair))));
    let listener = Listener {
        tcp,
        tls,
        webhook,
        limits,
        probe: ProbeAddress::default(),
        distrusted: Distrusted::default(),
    };
    let stop = CancellationToken::new();
    let serving = runtime.spawn(listener.serve(stop.clone().cancelled_owned()));

    test(&server);
    server.assert_answers();

    stop.cancel();
    runtime.block_on(serving).expect("the server ends when it is told to");
    let panics = PANICS.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(panics.is_empty(), "a thread of a server panicked: {panics:?}");
}

impl Server {
    /// A connection without TLS.
    pub(crate) fn tcp(&self) -> TcpStream {
        let tcp = TcpStream::connect(self.address).expect("the port is open");
        tcp.set_read_timeout(Some(ANSWER_MAX)).expect("a limit can be set");
        tcp.set_write_timeout(Some(ANSWER_MAX)).expect("a limit can be set");
        tcp.set_nodelay(true).expect("each write goes out at once");
        tcp
    }

    /// A TLS connection as the API server makes it.
    pub(crate) fn connect(&self) -> Client {
        self.connect_with(&["http/1.1"]).expect("the handshake succeeds")
    }

    /// A TLS connection that offers these protocols (ALPN).
    pub(crate) fn connect_with(&self, protocols: &[&str]) -> io::Result<Client> {
        self.handshake(&self.trusted, protocols)
    }

    /// A TLS connection of a client that trusts another server only.
    pub(crate) fn connect_trusting(&self, other: &Self) -> io::Result<Client> {
        self.handshake(&other.trusted, &["http/1.1"])
    }

    fn handshake(&self, trusted: &CertificateDer<'static>, protocols: &[&str]) -> io::Result<Client> {
        let mut roots = RootCertStore::empty();
        roots.add(trusted.clone()).expect("the certificate can be trusted");
        let mut config = trusting(roots);
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        Client::handshake(self.tcp(), config)
    }

    /// Sends bytes on a connection of its own and returns all that comes until the server closes it.
    pub(crate) fn exchange(&self, request: impl AsRef<[u8]>) -> String {
        let mut client = self.connect();
        client.send(request);
        client.rest()
    }

    /// A good review on a new connection is answered as ever.
    #[track_caller]
    pub(crate) fn assert_answers(&self) {
        let mut client = self.connect();
        client.send(post(&create(GOOD_POD)));
        assert_eq!(client.answer(), patched(GOOD_PATCH, "registrysecret"), "the server is no longer well");
    }
}

/// What a Pod without secrets and an image of `registry.example.com` lacks.
pub(crate) const GOOD_PATCH: &str =
    r#"[{"op":"add","path":"/spec/imagePullSecrets","value":[{"name":"registrysecret"}]}]"#;

fn record_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let former = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let is_on_purpose = panic.to_string().contains(ON_PURPOSE);
            if thread::current().name() == Some(THREAD_NAME) && !is_on_purpose {
                PANICS.lock().unwrap_or_else(PoisonError::into_inner).push(panic.to_string());
            }
            former(panic);
        }));
    });
}
