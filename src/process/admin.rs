//! The admin port: `/livez`, `/readyz` and `/metrics`, without TLS, for kubelet and Prometheus; and `/certificate`,
//! what every handshake shows, for `pullkey doctor`.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use jiff::Timestamp;
use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};
use tracing_appender::non_blocking::ErrorCounter;

use super::metrics::Metrics;
use super::ready::Readiness;

/// How many connections there may be. Then the oldest goes: a probe is over within milliseconds.
const CONNECTIONS_MAX: usize = 64;
/// How long a connection may last, and how long it may take for a request's head.
const CONNECTION_TIME_MAX: Duration = Duration::from_secs(60);
const HEAD_TIME_MAX: Duration = Duration::from_secs(30);
/// The longest head of a request.
const HEAD_BYTES_MAX: usize = 8 * 1024;
/// How long to wait after an accept that failed.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);

/// What `prometheus-client` writes.
const METRICS_CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// A certificate chain as PEM (RFC 8555, section 9.1).
const PEM_CONTENT_TYPE: &str = "application/pem-certificate-chain";

/// The routes of the admin port. `certificate` returns the chain that is served, as PEM.
pub fn routes(
    readiness: Readiness,
    registry: Registry,
    metrics: Metrics,
    dropped: ErrorCounter,
    certificate: impl Fn() -> String + Clone + Send + Sync + 'static,
) -> Router {
    let registry = Arc::new(registry);
    let expiry = metrics.certificate_expiry.clone();
    Router::new()
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(async move || ready(&readiness, expiry.get())))
        .route("/certificate", get(async move || ([(header::CONTENT_TYPE, PEM_CONTENT_TYPE)], certificate())))
        .route(
            "/metrics",
            get(async move || {
                metrics.log_lines_dropped.inner().store(dropped.dropped_lines() as u64, Ordering::Relaxed);
                let mut body = String::new();
                match text::encode(&mut body, &registry) {
                    Ok(()) => ([(header::CONTENT_TYPE, METRICS_CONTENT_TYPE)], body).into_response(),
                    Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
                }
            }),
        )
}

/// Answers for as long as the process runs. Whoever reaches the port can neither fill it nor the memory.
pub async fn serve(tcp: TcpListener, routes: Router) {
    let mut open: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        let stream = match tcp.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection on the admin port");
                sleep(ACCEPT_RETRY).await;
                continue;
            }
        };
        open.retain(|connection| !connection.is_finished());
        if open.len() >= CONNECTIONS_MAX
            && let Some(oldest) = open.pop_front()
        {
            oldest.abort();
        }
        let http = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIME_MAX)
            .max_buf_size(HEAD_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes.clone()));
        open.push_back(tokio::spawn(timeout(CONNECTION_TIME_MAX, http)).abort_handle());
    }
}

fn ready(readiness: &Readiness, certificate_expiry: i64) -> (StatusCode, String) {
    let mut missing = readiness.missing();
    if certificate_expiry <= Timestamp::now().as_second() {
        missing.push("the served certificate has expired");
    }
    if missing.is_empty() {
        return (StatusCode::OK, "ok\n".to_owned());
    }
    (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {}\n", missing.join("; ")))
}
