//! The admin port: `/livez`, `/readyz` and `/metrics`, without TLS, for kubelet and Prometheus.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use jiff::Timestamp;
use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;
use tracing_appender::non_blocking::ErrorCounter;

use super::metrics::Metrics;
use super::ready::Readiness;

/// What `prometheus-client` writes.
const METRICS_CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The routes of the admin port.
pub fn routes(readiness: Readiness, registry: Registry, metrics: Metrics, dropped: ErrorCounter) -> Router {
    let registry = Arc::new(registry);
    let expiry = metrics.certificate_expiry.clone();
    Router::new()
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(async move || ready(&readiness, expiry.get())))
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
