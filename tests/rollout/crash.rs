//! A replica that is killed: what that costs is counted, and that it ends is required.

use std::path::Path;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::client::{Client, Totals};
use super::restarts::{for_each_delay, serving};
use super::table::{Table, count};
use super::world::{Form, World, verdict};

/// How long all is well before and after. It ends within a second in which requests come in bursts.
const CALM: Duration = Duration::from_millis(1500);
/// How long after the Service has learned of it a call may still fail on a machine that is busy with other things.
const RECOVERY_MAX: Duration = Duration::from_secs(5);

/// The trial.
pub(crate) fn a_crash_costs_only_what_is_sent_there(world: &World) -> Result<(), String> {
    let form = world.form;
    let results = for_each_delay(form.delays, |delay| {
        crash(&world.folder(&format!("crash-{}", delay.as_secs())), delay, form)
    });
    let mut table = Table::new(
        &format!("One of two replicas is killed (kill -9), {} requests per second", form.rate),
        &["endpoints lag", "requests", "failed", "wrong", "last failure after"],
    );
    for row in &results {
        table.push(&[
            format!("{} s", row.delay.as_secs()),
            count(row.totals.sent),
            row.totals.kinds(),
            count(row.totals.wrong),
            row.last_failure().map_or("none".to_owned(), |after| format!("{:.1} s", after.as_secs_f64())),
        ]);
    }
    world.show(table);
    verdict(results.iter().map(Crashed::recovered))
}

struct Crashed {
    delay: Duration,
    /// When, since 1970.
    killed: Duration,
    totals: Totals,
}

impl Crashed {
    /// How long after the crash the last call failed.
    fn last_failure(&self) -> Option<Duration> {
        let last = Duration::from_millis(self.totals.last_failure_ms);
        (self.totals.failures() > 0).then(|| last.saturating_sub(self.killed))
    }

    fn recovered(&self) -> Result<(), String> {
        let first = Duration::from_millis(self.totals.first_failure_ms);
        if self.totals.wrong > 0 || (self.totals.failures() > 0 && first + CALM / 2 < self.killed) {
            return self
                .totals
                .all_right(&format!("before the crash, with endpoints lagging {:?}", self.delay));
        }
        match self.last_failure() {
            Some(after) if after > self.delay + RECOVERY_MAX => {
                let reason = format!("calls still failed {after:?} after the crash");
                self.totals.all_right(&format!("{reason}, with endpoints lagging {:?}", self.delay))
            }
            _ => Ok(()),
        }
    }
}

fn crash(folder: &Path, delay: Duration, form: Form) -> Crashed {
    let (mut fleet, client) = serving(folder, delay, form);
    let client = Client::start(&client);
    thread::sleep(CALM);
    let killed = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    fleet.crash_one();
    // Longer than calls may fail, so that the end of the failures is seen.
    thread::sleep(delay + RECOVERY_MAX + CALM);
    Crashed { delay, killed, totals: client.finish() }
}
