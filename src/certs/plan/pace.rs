//! How fast to write, and when to hold back.

use std::time::Duration;

use super::record::Unsettled;
use super::{Action, Due, Failure, Moment, STORM};

/// How long the object has to be left in peace before it is touched; the jitter is as long again.
const QUIET: Duration = Duration::from_secs(1);
/// Two writes so far apart are both seen by every API server: none of 2,842 pairs 25 ms apart was missed.
const APART: Duration = Duration::from_millis(100);
/// A repair waits from 25 ms on: two writes closer together are what an API server can miss.
const REPAIR_MIN: Duration = Duration::from_millis(25);
const REPAIR_JITTER: Duration = Duration::from_millis(75);
const REPAIR_MAX: Duration = Duration::from_secs(30);
/// So many losses in quick succession are repaired at once; then somebody does it on purpose.
const REPAIRS_AT_ONCE: u32 = 5;
/// A bundle that stood for so long was lost by accident.
const STOOD_WELL: Duration = Duration::from_secs(5);
/// So often an annotation that somebody undid is written again without delay.
const UNDONE_AT_ONCE: u32 = 2;
const DOUBLINGS_MAX: u32 = 8;

/// Something of ours is not in the bundle, or something is there that does not belong.
#[derive(Clone, Copy, Debug)]
pub struct Absence {
    /// Since when.
    pub since: Duration,
    /// It was there before: somebody took it away.
    pub is_loss: bool,
    /// The random number that belongs to it.
    pub jitter: f64,
}

/// What slows us down.
#[derive(Clone, Debug, Default)]
pub struct Pace {
    /// After a failure the object is read before the next attempt.
    pub must_read: bool,
    /// How many losses in quick succession were repaired.
    pub repairs: u32,
    /// Since when the bundle is as it has to be.
    pub complete_since: Option<Duration>,
    failures: u32,
    retry_at: Duration,
}

impl Pace {
    /// A call had an answer that was no refusal.
    pub fn succeeded(&mut self) {
        (self.failures, self.retry_at) = (0, Duration::ZERO);
    }

    /// A call failed: nothing is called for a while that grows with the failures in a row.
    pub fn failed(&mut self, failure: Failure, moment: Moment) -> u32 {
        let doubled = |start: u64, max: u64| {
            Duration::from_millis(start.saturating_mul(1 << self.failures.min(DOUBLINGS_MAX)).min(max))
        };
        let delay = match failure {
            // Full jitter: 20 replicas at one instant are through in a second and a half.
            Failure::Conflict => doubled(50, 2_000).mul_f64(moment.jitter),
            Failure::Refused => half_to_full(doubled(500, 10_000), moment.jitter),
            Failure::Away => half_to_full(doubled(250, 5_000), moment.jitter),
        };
        self.failures = self.failures.saturating_add(1);
        self.retry_at = moment.steady + delay;
        self.must_read = true;
        self.failures
    }

    /// Something of ours is gone from the bundle.
    pub fn lost(&mut self, at: Duration) {
        let since = self.complete_since.take();
        if since.is_some_and(|since| at.saturating_sub(since) >= STOOD_WELL) {
            self.repairs = 0;
        }
    }

    /// A call, unless the last one failed too short a time ago.
    pub(super) fn call(&self, action: Action, at: Duration) -> Due {
        if at < self.retry_at { Err(Some(self.retry_at)) } else { Ok(action) }
    }

    /// How long what is missing stays missing.
    #[must_use]
    pub fn repair_delay(&self, absence: Absence) -> Duration {
        if !absence.is_loss {
            return Duration::ZERO;
        }
        let short = REPAIR_MIN + REPAIR_JITTER.mul_f64(absence.jitter);
        let Some(doublings) = self.repairs.checked_sub(REPAIRS_AT_ONCE) else {
            return short;
        };
        let long = Duration::from_millis(200 << doublings.min(DOUBLINGS_MAX)).min(REPAIR_MAX);
        half_to_full(long, absence.jitter)
    }

    /// When an object that changed at `changed_at` is touched.
    #[must_use]
    pub fn touch_at(&self, unsettled: &Unsettled, changed_at: Duration, jitter: f64) -> Duration {
        let quiet = QUIET + QUIET.mul_f64(jitter);
        let doublings = unsettled.undone.saturating_sub(UNDONE_AT_ONCE).min(DOUBLINGS_MAX);
        let in_peace = changed_at + quiet * (1 << doublings);
        if doublings > 0 {
            // Somebody undoes what we write; there is no storm to cut short.
            return in_peace;
        }
        // Even in a storm it is no touch that an API server could miss together with what it is for.
        in_peace.min((unsettled.since + STORM).max(changed_at + APART))
    }
}

fn half_to_full(delay: Duration, jitter: f64) -> Duration {
    delay.mul_f64(0.5 + jitter / 2.0)
}
