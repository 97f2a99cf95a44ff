//! One connection from its first byte to its last: TLS, then HTTP/1.1.

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hyper::header::{self, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::AlertDescription::{BadCertificate, CertificateUnknown, UnknownCA};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::connections::{Connection, Phase, Traffic};
use super::limits::Limits;
use super::routes::{Caller, Webhook};
use crate::certs::cell::Distrusted;
use crate::process::metrics::HandshakeResult;

/// The most that is buffered of a head, and of a body that nobody reads yet. A head of the API server
/// has some hundred bytes.
const BUFFER_BYTES: usize = 32 * 1024;
/// How long a connection may take to say goodbye when it gives way.
const GOODBYE: Duration = Duration::from_millis(100);
/// How long it may take when a request has just come, besides the time for the request's body.
const LAST_ANSWER: Duration = Duration::from_secs(5);

/// What every connection needs.
#[derive(Clone, Debug)]
pub(super) struct Sessions {
    pub(super) tls: Arc<rustls::ServerConfig>,
    pub(super) webhook: Webhook,
    pub(super) traffic: Arc<Traffic>,
    pub(super) limits: Limits,
    pub(super) distrusted: Distrusted,
}

/// Says that a connection has ended, however it ends.
struct Ending(Arc<Connection>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.enter(Phase::Ended);
    }
}

impl Sessions {
    /// Serves one connection until it ends.
    pub(super) async fn run(self: Arc<Self>, tcp: TcpStream, connection: Arc<Connection>) {
        let _ending = Ending(Arc::clone(&connection));
        let handshaken = tokio::select! {
            handshaken = self.handshake(tcp) => handshaken,
            () = connection.told_to_give_way() => {
                self.webhook.metrics.handshakes(HandshakeResult::Timeout).inc();
                None
            }
        };
        let Some(tls) = handshaken else {
            return;
        };
        connection.enter(Phase::Fresh);
        if let Err(error) = self.http(tls, &connection).await {
            tracing::debug!(%error, "a connection ended with an error");
        }
    }

    async fn handshake(&self, tcp: TcpStream) -> Option<TlsStream<TcpStream>> {
        // An answer is one small packet; waiting for more to send would only delay it.
        let acceptor = TlsAcceptor::from(Arc::clone(&self.tls));
        let accepted = match tcp.set_nodelay(true) {
            Ok(()) => timeout(self.limits.handshake, acceptor.accept(tcp)).await,
            Err(error) => Ok(Err(error)),
        };
        let (result, stream) = match accepted {
            Ok(Ok(stream)) => (HandshakeResult::Ok, Some(stream)),
            Ok(Err(error)) => {
                tracing::debug!(%error, "a TLS handshake failed");
                if is_distrust(&error) {
                    self.distrusted.report();
                }
                (HandshakeResult::Failed, None)
            }
            Err(_) => (HandshakeResult::Timeout, None),
        };
        self.webhook.metrics.handshakes(result).inc();
        stream
    }

    async fn http(
        &self,
        tls: TlsStream<TcpStream>,
        connection: &Arc<Connection>,
    ) -> Result<(), hyper::Error> {
        let service = service_fn(|request| {
            connection.enter(Phase::Reading);
            async {
                let Self { webhook, traffic, limits, .. } = self;
                let mut response = webhook.answer(request, Caller { connection, traffic, limits }).await;
                if traffic.draining.load(Ordering::Relaxed) {
                    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
                }
                connection.enter(Phase::Idle);
                Ok::<_, Infallible>(response)
            }
        });
        let http = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.idle)
            // Who says that he sends no more may still wait for his answer.
            .half_close(true)
            .max_buf_size(BUFFER_BYTES)
            .serve_connection(TokioIo::new(tls), service);
        let mut http = pin!(http);
        // hyper has one limit for the first head and for idle connections.
        let no_first_head = async {
            sleep(self.limits.first_head).await;
            if connection.phase() != Phase::Fresh {
                std::future::pending::<()>().await;
            }
        };
        let mut no_first_head = pin!(no_first_head);
        loop {
            tokio::select! {
                biased;
                ended = http.as_mut() => return ended,
                // Who has gone on since he was told need not go any more.
                () = connection.told_to_give_way() => if connection.is_giving_way() { break },
                () = no_first_head.as_mut() => return Ok(()),
            }
        }
        http.as_mut().graceful_shutdown();
        if let Ok(ended) = timeout(GOODBYE, http.as_mut()).await {
            return ended;
        }
        if connection.is_giving_way() {
            return Ok(());
        }
        // A request that came at the last moment is answered, unless there is need again.
        let last = async {
            loop {
                tokio::select! {
                    biased;
                    ended = http.as_mut() => return ended,
                    () = connection.told_to_give_way() => if connection.is_giving_way() { return Ok(()) },
                }
            }
        };
        timeout(self.limits.body + LAST_ANSWER, last).await.unwrap_or(Ok(()))
    }
}

/// Whether the client has broken off because of the certificate. Go says `BadCertificate` for all that is
/// wrong with one (crypto/tls).
fn is_distrust(error: &io::Error) -> bool {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref());
    matches!(cause, Some(rustls::Error::AlertReceived(BadCertificate | CertificateUnknown | UnknownCA)))
}
