//! Says on a terminal what has been read so far, when it takes long.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior, interval};

const EVERY: Duration = Duration::from_secs(2);

/// When the next line is due.
#[derive(Debug)]
pub(super) struct Progress(Interval);

impl Progress {
    pub(super) fn new() -> Self {
        let mut interval = interval(EVERY);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first tick of an interval comes at once.
        interval.reset();
        Self(interval)
    }

    pub(super) async fn is_due(&mut self) {
        self.0.tick().await;
    }
}

/// Only people wait; what a program reads stays as it is.
pub(super) fn say(what: &str) {
    let mut stderr = io::stderr();
    if stderr.is_terminal() {
        // Whoever does not hear of it misses nothing of the report.
        let _ = writeln!(stderr, "pullkey: {what} read so far");
    }
}
