//! A self-issued certificate that nobody publishes: for a trial, or where the operator hands its
//! PEM on himself.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::cell::Cell;
use super::issuer::{Issuer, Own};
use super::plan::leaf::Leaf;
use super::swap;
use crate::process::metrics::Metrics;

/// How often the clock is looked at. A sleep until the renewal would not notice a suspended machine.
const LOOK_INTERVAL_MAX: Duration = Duration::from_secs(60);
const LOOK_INTERVAL_MIN: Duration = Duration::from_millis(100);

/// Replaces the certificate when its time comes, for as long as the process runs.
pub async fn keep(issuer: Issuer, first: Leaf, cell: Arc<Cell>, metrics: Metrics) {
    let mut renew_at = first.renew_at;
    loop {
        let left = renew_at.and_then(|at| Duration::try_from(at.duration_since(Timestamp::now())).ok());
        tokio::time::sleep(left.unwrap_or_default().clamp(LOOK_INTERVAL_MIN, LOOK_INTERVAL_MAX)).await;
        let now = Timestamp::now();
        if renew_at.is_some_and(|renew_at| now < renew_at) {
            continue;
        }
        match issuer.issue(now) {
            Ok(own) => {
                let Own { pair, leaf, .. } = &own;
                tracing::info!(not_after = %pair.not_after(), "renewed the self-issued certificate");
                swap::serve(pair.clone(), &cell, &metrics);
                renew_at = leaf.renew_at;
                issuer.keep(&own);
            }
            Err(error) => {
                tracing::error!(%error, "the self-issued certificate was not renewed");
                tokio::time::sleep(LOOK_INTERVAL_MAX).await;
            }
        }
    }
}
