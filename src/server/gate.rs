//! A gate that lets so much pass at once, without a lock; who finds it full waits a moment.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// How long somebody waits at a full gate. The API server waits five seconds for an answer; after this
/// one second, and the second after which it comes again, it still can twice.
const WAIT_MAX: Duration = Duration::from_secs(1);
/// How often somebody who waits tries again.
const RETRY: Duration = Duration::from_millis(5);

/// What may be under way at once, in requests or in bytes.
#[derive(Debug)]
pub(super) struct Gate {
    used: AtomicUsize,
    waiting: AtomicUsize,
    max: usize,
}

/// What has passed a gate; dropping it makes room.
#[derive(Debug)]
pub(super) struct Permit<'a> {
    gate: &'a Gate,
    weight: usize,
}

impl Gate {
    pub(super) fn new(max: usize) -> Self {
        Self { used: AtomicUsize::new(0), waiting: AtomicUsize::new(0), max }
    }

    /// Waits for a second at most until `weight` fits in. No weight always does.
    pub(super) async fn pass(&self, weight: usize) -> Option<Permit<'_>> {
        if weight == 0 {
            return Some(Permit { gate: self, weight });
        }
        // Those who wait come first.
        if !self.is_short()
            && let Some(permit) = self.try_pass(weight)
        {
            return Some(permit);
        }
        let _waiting = Waiting::at(self);
        let end = Instant::now() + WAIT_MAX;
        loop {
            sleep(RETRY).await;
            let permit = self.try_pass(weight);
            if permit.is_some() || Instant::now() >= end {
                return permit;
            }
        }
    }

    /// Whether somebody waits.
    pub(super) fn is_short(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    fn try_pass(&self, weight: usize) -> Option<Permit<'_>> {
        let fits = |used: usize| used.checked_add(weight).filter(|used| *used <= self.max);
        let passed = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits);
        passed.is_ok().then(|| Permit { gate: self, weight })
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.gate.used.fetch_sub(self.weight, Ordering::Relaxed);
    }
}

/// Counts somebody who waits, for as long as he does.
struct Waiting<'a>(&'a Gate);

impl<'a> Waiting<'a> {
    fn at(gate: &'a Gate) -> Self {
        gate.waiting.fetch_add(1, Ordering::Relaxed);
        Self(gate)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_finds_it_full_waits_and_then_gives_up() {
        let gate = Gate::new(3);
        let first = gate.pass(2).await.expect("it is empty");
        assert!(gate.pass(2).await.is_none(), "two and two are more than three");
        assert!(!gate.is_short(), "nobody waits any more");
        drop(first);
        assert!(gate.pass(3).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_comes_in_when_there_is_room() {
        let gate = Gate::new(1);
        let first = gate.pass(1).await;
        let (second, ()) = tokio::join!(gate.pass(1), async {
            sleep(WAIT_MAX / 2).await;
            assert!(gate.is_short());
            drop(first);
        });
        assert!(second.is_some());
    }
}
