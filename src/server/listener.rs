//! The accept loop: TCP, then TLS, then HTTP/1.1 on each connection, until the process stops.

use std::future::{Future, pending};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use prometheus_client::metrics::gauge::Gauge;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::limits::Limits;
use crate::process::metrics::{HandshakeResult, Metrics};

/// How long to wait after an accept that failed, for example for want of file descriptors.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);

/// The TLS port of the process.
#[derive(Debug)]
pub struct Listener {
    /// The bound socket.
    pub tcp: TcpListener,
    /// The settings of TLS.
    pub tls: Arc<ServerConfig>,
    /// What is answered.
    pub routes: Router,
    /// How long a client may take.
    pub limits: Limits,
    /// What is counted.
    pub metrics: Metrics,
}

/// What each connection needs.
#[derive(Clone)]
struct Connection {
    tls: TlsAcceptor,
    routes: Router,
    limits: Limits,
    metrics: Metrics,
    stop: CancellationToken,
}

impl Listener {
    /// Serves until `stop` is done; then requests under way are answered, and idle connections closed.
    pub async fn serve(self, stop: impl Future<Output = ()>) {
        let stopping = CancellationToken::new();
        let tasks = TaskTracker::new();
        let connection = Connection {
            tls: TlsAcceptor::from(self.tls),
            routes: self.routes,
            limits: self.limits,
            metrics: self.metrics,
            stop: stopping.clone(),
        };
        let mut stop = pin!(stop);
        loop {
            let accepted = tokio::select! {
                () = &mut stop => break,
                accepted = self.tcp.accept() => accepted,
            };
            match accepted {
                Ok((tcp, _)) => drop(tasks.spawn(connection.clone().run(tcp))),
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    sleep(ACCEPT_RETRY).await;
                }
            }
        }
        drop(self.tcp);
        stopping.cancel();
        tasks.close();
        if timeout(self.limits.stop, tasks.wait()).await.is_err() {
            tracing::warn!(connections = tasks.len(), "ending with requests under way");
        }
    }
}

impl Connection {
    async fn run(self, tcp: TcpStream) {
        let Some(tls) = self.handshake(tcp).await else {
            return;
        };
        let _open = OpenConnection::count(&self.metrics.connections);
        if let Err(error) = self.http(tls).await {
            tracing::debug!(%error, "a connection ended with an error");
        }
    }

    async fn handshake(&self, tcp: TcpStream) -> Option<TlsStream<TcpStream>> {
        // An answer is one small packet; waiting for more to send would only delay it.
        let accepted = match tcp.set_nodelay(true) {
            Ok(()) => timeout(self.limits.handshake, self.tls.accept(tcp)).await,
            Err(error) => Ok(Err(error)),
        };
        let (result, stream) = match accepted {
            Ok(Ok(stream)) => (HandshakeResult::Ok, Some(stream)),
            Ok(Err(error)) => {
                tracing::debug!(%error, "a TLS handshake failed");
                (HandshakeResult::Failed, None)
            }
            Err(_) => (HandshakeResult::Timeout, None),
        };
        self.metrics.handshakes(result).inc();
        stream
    }

    async fn http(&self, tls: TlsStream<TcpStream>) -> Result<(), hyper::Error> {
        let had_a_head = Arc::new(AtomicBool::new(false));
        let service = {
            let had_a_head = Arc::clone(&had_a_head);
            let routes = TowerToHyperService::new(self.routes.clone());
            hyper::service::service_fn(move |request| {
                had_a_head.store(true, Ordering::Relaxed);
                hyper::service::Service::call(&routes, request)
            })
        };
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.idle)
            .serve_connection(TokioIo::new(tls), service);
        let mut connection = pin!(connection);
        // hyper has one limit for the first head and for idle connections; ours are far apart.
        let no_first_head = async {
            sleep(self.limits.first_head).await;
            if had_a_head.load(Ordering::Relaxed) {
                pending::<()>().await;
            }
        };
        tokio::select! {
            ended = connection.as_mut() => ended,
            () = no_first_head => Ok(()),
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        }
    }
}

/// Counts a connection for as long as it lives, however it ends.
struct OpenConnection(Gauge);

impl OpenConnection {
    fn count(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Binds a TCP port; where there is no IPv6, "any address" means any IPv4 address.
///
/// # Errors
/// The address cannot be used.
pub async fn bind(address: std::net::SocketAddr) -> io::Result<TcpListener> {
    match TcpListener::bind(address).await {
        Err(error) if address.ip() == std::net::Ipv6Addr::UNSPECIFIED && !is_in_use(&error) => {
            TcpListener::bind((std::net::Ipv4Addr::UNSPECIFIED, address.port())).await
        }
        bound => bound,
    }
}

fn is_in_use(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrInUse
}
