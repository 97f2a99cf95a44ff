//! A gate that lets so much pass at once, without a lock; who finds it full waits a moment.
//!
//! As long as there is enough, whoever comes may have it. While somebody waits, those of other addresses take
//! no more than an equal part each, so that nobody keeps the others out however fast he comes again.

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
    /// How many addresses have passed or wait.
    addresses: AtomicUsize,
    max: usize,
}

/// What one address has of a gate.
#[derive(Debug, Default)]
pub(super) struct Part {
    used: AtomicUsize,
    waiting: AtomicUsize,
    /// How many callers have passed or wait.
    callers: AtomicUsize,
}

/// What has passed a gate; dropping it makes room.
#[derive(Debug)]
pub(super) struct Permit<'a> {
    caller: Caller<'a>,
    weight: usize,
}

impl Gate {
    pub(super) fn new(max: usize) -> Self {
        let (used, waiting, addresses) = Default::default();
        Self { used, waiting, addresses, max }
    }

    /// Waits for a second at most until `weight` fits in, for a caller of the address that has this part.
    pub(super) async fn pass<'a>(&'a self, weight: usize, part: &'a Part) -> Option<Permit<'a>> {
        let caller = Caller::at(self, part);
        // Those who wait come first.
        if !self.is_short() && self.take(weight) {
            return Some(Permit::new(caller, weight));
        }
        let _waiting = Waiting::at(self, part);
        let end = Instant::now() + WAIT_MAX;
        loop {
            sleep(RETRY).await;
            // However small its part, an address may have one body.
            let takes_more = part.used.load(Ordering::Relaxed) > 0;
            if !(takes_more && self.exceeds(part, weight)) && self.take(weight) {
                return Some(Permit::new(caller, weight));
            }
            if Instant::now() >= end {
                return None;
            }
        }
    }

    /// Whether somebody waits.
    pub(super) fn is_short(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// Whether an address has more than its part while another one waits.
    pub(super) fn owes(&self, part: &Part) -> bool {
        self.exceeds(part, 0)
    }

    /// Whether an address would have more than its part, with so much more, while another one waits.
    fn exceeds(&self, part: &Part, weight: usize) -> bool {
        let others_wait = self.waiting.load(Ordering::Relaxed) > part.waiting.load(Ordering::Relaxed);
        let fair = self.max / self.addresses.load(Ordering::Relaxed).max(1);
        others_wait && part.used.load(Ordering::Relaxed).saturating_add(weight) > fair
    }

    fn take(&self, weight: usize) -> bool {
        let fits = |used: usize| used.checked_add(weight).filter(|used| *used <= self.max);
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_ok()
    }
}

impl<'a> Permit<'a> {
    fn new(caller: Caller<'a>, weight: usize) -> Self {
        caller.part.used.fetch_add(weight, Ordering::Relaxed);
        Self { caller, weight }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let Caller { gate, part } = self.caller;
        part.used.fetch_sub(self.weight, Ordering::Relaxed);
        gate.used.fetch_sub(self.weight, Ordering::Relaxed);
    }
}

/// Counts somebody who has come, for as long as he waits and has what he came for.
#[derive(Debug)]
struct Caller<'a> {
    gate: &'a Gate,
    part: &'a Part,
}

impl<'a> Caller<'a> {
    fn at(gate: &'a Gate, part: &'a Part) -> Self {
        if part.callers.fetch_add(1, Ordering::Relaxed) == 0 {
            gate.addresses.fetch_add(1, Ordering::Relaxed);
        }
        Self { gate, part }
    }
}

impl Drop for Caller<'_> {
    fn drop(&mut self) {
        if self.part.callers.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.gate.addresses.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Counts somebody who waits, for as long as he does.
struct Waiting<'a> {
    gate: &'a Gate,
    part: &'a Part,
}

impl<'a> Waiting<'a> {
    fn at(gate: &'a Gate, part: &'a Part) -> Self {
        gate.waiting.fetch_add(1, Ordering::Relaxed);
        part.waiting.fetch_add(1, Ordering::Relaxed);
        Self { gate, part }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.part.waiting.fetch_sub(1, Ordering::Relaxed);
        self.gate.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_finds_it_full_waits_and_then_gives_up() {
        let (gate, part) = (Gate::new(3), Part::default());
        let first = gate.pass(2, &part).await.expect("it is empty");
        assert!(gate.pass(2, &part).await.is_none(), "two and two are more than three");
        assert!(!gate.is_short(), "nobody waits any more");
        drop(first);
        assert!(gate.pass(3, &part).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_comes_in_when_there_is_room() {
        let (gate, part) = (Gate::new(1), Part::default());
        let first = gate.pass(1, &part).await;
        let (second, ()) = tokio::join!(gate.pass(1, &part), async {
            sleep(WAIT_MAX / 2).await;
            assert!(gate.is_short());
            drop(first);
        });
        assert!(second.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_his_part_takes_no_more_while_another_waits() {
        let (gate, crowd, server) = (Gate::new(4), Part::default(), Part::default());
        let mut taken = Vec::new();
        for _ in 0..4 {
            taken.push(gate.pass(1, &crowd).await.expect("alone he may have all"));
        }
        assert!(!gate.owes(&crowd), "nobody else is there");
        let again = async {
            let again = gate.pass(1, &crowd);
            let leaves = async {
                sleep(WAIT_MAX / 4).await;
                assert!(gate.owes(&crowd) && !gate.owes(&server));
                taken.truncate(3);
            };
            tokio::join!(again, leaves).0
        };
        let (again, server_has) = tokio::join!(again, async { gate.pass(1, &server).await });
        assert!(server_has.is_some(), "what the crowd leaves is the server's");
        assert!(again.is_none(), "all is taken");
        assert!(!gate.owes(&crowd), "nobody waits any more");
        drop((taken, server_has));
        assert_eq!(gate.addresses.load(Ordering::Relaxed), 0, "nobody is left");
        assert!(gate.pass(4, &crowd).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn however_small_its_part_an_address_may_have_one_body() {
        let (gate, crowd, server) = (Gate::new(5), Part::default(), Part::default());
        let first = gate.pass(4, &crowd).await;
        let (second, ()) = tokio::join!(gate.pass(4, &server), async {
            sleep(WAIT_MAX / 2).await;
            drop(first);
        });
        assert!(second.is_some(), "although four are more than the half of five");
    }
}
