//! Serving another pair, and refusing one, wherever certificates come from.

use std::error::Error;

use jiff::Timestamp;

use super::cell::{Cell, KeyPair};
use crate::process::metrics::Metrics;

/// Serves a pair from the next handshake on, and says until when.
pub fn serve(pair: KeyPair, cell: &Cell, metrics: &Metrics) {
    warn_of_uselessness(&pair);
    metrics.certificate_expiry.set(pair.not_after().as_second());
    cell.swap(pair);
}

/// Says why changed certificate files are not served.
pub fn refuse(error: &dyn Error, metrics: &Metrics) {
    let error = with_causes(error);
    tracing::error!(error, "the changed certificate files cannot be used; the former certificate stays");
    metrics.certificate_reload_failures.inc();
}

/// Says loudly that a certificate is of no use to anybody.
pub fn warn_of_uselessness(pair: &KeyPair) {
    let now = Timestamp::now();
    if pair.not_after() <= now {
        tracing::error!(not_after = %pair.not_after(), "the certificate has expired: the API server will refuse it");
    } else if pair.not_before() > now {
        tracing::error!(not_before = %pair.not_before(), "the certificate is not valid yet: the API server will refuse it");
    }
    if !pair.names_a_host() {
        tracing::error!(
            "the certificate has no subjectAltName: the API server will refuse it, whatever its common name"
        );
    }
}

fn with_causes(error: &dyn Error) -> String {
    error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {}", with_causes(cause)))
}
