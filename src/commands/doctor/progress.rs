//! Says on standard error what has been looked at so far, when it takes long.

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

    #[expect(clippy::unused_self, reason = "who says something has waited until it is due")]
    pub(super) fn say(&self, what: &str) {
        eprintln!("looked at {what} so far");
    }
}
