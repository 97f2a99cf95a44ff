//! Files that may change while the process serves: they are compared by content, and a change that
//! cannot be used leaves everything as it is.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::super::input::ConfigFile;
use crate::certs::cell::Cell;
use crate::certs::files::{Look, WatchedPair};
use crate::certs::swap;
use crate::engine::rules::Rules;
use crate::process::metrics::Metrics;
use crate::server::active::{Active, ActiveCell};

/// Serves another certificate when the files have one.
pub(super) async fn certificate(mut files: WatchedPair, cell: Arc<Cell>, every: Duration, metrics: Metrics) {
    let mut ticks = ticks(every);
    loop {
        ticks.tick().await;
        match files.look() {
            Ok(Look::Unchanged) => {}
            Ok(Look::Restored) => tracing::info!("the certificate files are again those that are served"),
            Ok(Look::Changed(pair)) => {
                tracing::info!(not_after = %pair.not_after(), "serving the changed certificate");
                swap::serve(pair, &cell, &metrics);
            }
            Err(error) => swap::refuse(&error, &metrics),
        }
    }
}

/// Uses another configuration when the file has one. `used` is the hash of the one in use.
pub(super) async fn configuration(
    path: PathBuf,
    used: String,
    active: Arc<ActiveCell>,
    every: Duration,
    metrics: Metrics,
) {
    let mut ticks = ticks(every);
    // What the last look found: the hash of a configuration, or what was wrong.
    let mut seen = Ok(used);
    loop {
        ticks.tick().await;
        let file = ConfigFile::load(&path).map_err(|error| format!("{error:#}"));
        let found = file.as_ref().map(|file| file.hash.clone()).map_err(Clone::clone);
        if found == seen {
            continue;
        }
        seen = found;
        match file {
            Ok(file) => {
                file.log_warnings(&path);
                active.store(Arc::new(Active::new(Rules::new(file.config), &metrics)));
                metrics.set_config_hash(&file.hash);
                metrics.config_reload_successful.set(1);
                tracing::info!(config = file.hash, "using the changed configuration");
            }
            Err(error) => {
                metrics.config_reload_successful.set(0);
                tracing::error!(error, "the changed configuration cannot be used; the former one stays");
            }
        }
    }
}

fn ticks(every: Duration) -> tokio::time::Interval {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
