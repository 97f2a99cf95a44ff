//! What to do next about the certificate and the registration. Pure: times and randomness come in.
//!
//! The protocol, each step of which may be the last before a crash: *add* our certificate to the
//! caBundle, let it *settle*, only then *serve* it; *repair* the bundle when it is changed, *prune*
//! what is dead when it is written anyway. `docs/certificates.md` says why.
//!
//! Nothing that is not published is served while something valid is. In place of what has expired it is,
//! as soon as it stands in the bundle.

use std::time::Duration;

use jiff::Timestamp;

use super::bundle::{Anchor, CERTIFICATES_MAX, Fingerprint, Prune};
use crate::cluster::registration::Sight;

pub mod leaf;
pub mod pace;
pub mod record;
mod step;

use leaf::Leaf;
use pace::{Absence, Pace};
use record::Record;
pub use step::{Action, Failure, Moment, Source};

/// How long the annotation has to stand before every API server has seen the bundle.
pub const PROPAGATION: Duration = Duration::from_secs(1);
/// How long a bundle that is never left in peace has to hold our certificate before it is served.
pub const STORM: Duration = Duration::from_secs(10);
/// How often a client that does not trust us leads to a touch.
pub const ALERT_INTERVAL: Duration = Duration::from_secs(10);
/// How long a registration has to be gone before a renewal no longer waits for it.
pub const MISSING: Duration = Duration::from_secs(10);
/// How long the answer to a call counts as the present.
pub const FRESH: Duration = Duration::from_secs(1);
/// The longest wait: a machine that was suspended looks at the wall clock again at the latest then.
pub const WAIT_MAX: Duration = Duration::from_secs(5);

/// Our certificates, what was seen of the registration, and what came of our calls.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Only our Pod's certificates have a common name that begins so.
    own_name: Option<String>,
    served: Option<Leaf>,
    next: Option<Leaf>,
    former: Vec<Fingerprint>,
    record: Record,
    pace: Pace,
    absence: Option<Absence>,
    alert: bool,
    untouched_at: Option<Duration>,
}

/// An action that is due, or when something will be.
type Due = Result<Action, Option<Duration>>;

impl Plan {
    /// Begins with the first certificate, which is not served yet.
    #[must_use]
    pub fn new(first: Leaf, own_name: Option<String>) -> Self {
        Self {
            own_name,
            served: None,
            next: Some(first),
            former: Vec::new(),
            record: Record::default(),
            pace: Pace::default(),
            absence: None,
            alert: false,
            untouched_at: None,
        }
    }

    /// What to do now.
    #[must_use]
    pub fn next(&self, moment: Moment) -> Action {
        if self.must_issue(moment.wall) {
            return Action::Issue;
        }
        let serve = match self.serve(moment) {
            Ok(action) => return action,
            Err(due) => due,
        };
        let publish = match self.publish(moment) {
            Ok(action) => return action,
            Err(due) => due,
        };
        let published = self.served.as_ref().and_then(|leaf| self.published_at(leaf));
        let published = published.filter(|at| *at > moment.steady);
        let due = [serve, publish, published].into_iter().flatten().min();
        let wait = due.map_or(WAIT_MAX, |due| due.saturating_sub(moment.steady));
        Action::Wait(wait.min(self.until_clock_says(moment.wall)).min(WAIT_MAX))
    }

    /// Takes in what was seen of the registration.
    pub fn see(&mut self, sight: Sight, source: Source, moment: Moment) {
        if source == Source::Watch && sight.is_before(&self.record.sight) {
            return;
        }
        if source == Source::Call {
            self.pace.must_read = false;
            self.record.read_at = Some(moment.steady);
        }
        let was_renamed = matches!(self.record.sight, Sight::NoWebhook(_));
        self.record.see(sight, moment);
        // Somebody took our webhook away and brought it back, settled as before: of these two changes an
        // API server can have missed the second.
        self.alert |= was_renamed && self.record.hash().is_some() && self.record.unsettled.is_none();
        self.look_for_absence(moment);
    }

    /// A new certificate is there, to be served once it is published.
    pub fn issued(&mut self, leaf: Leaf, moment: Moment) {
        if let Some(unserved) = self.next.replace(leaf) {
            self.retire(&unserved);
        }
        self.look_for_absence(moment);
    }

    /// The next certificate is served from now on.
    pub fn serves(&mut self, moment: Moment) {
        if let Some(next) = self.next.take() {
            if let Some(served) = self.served.replace(next) {
                self.retire(&served);
            }
            self.look_for_absence(moment);
        }
    }

    /// The bundle was written. Says whether this was a repair.
    pub fn wrote(&mut self) -> bool {
        self.called();
        let repaired = self.absence.is_some_and(|absence| absence.is_loss);
        if repaired {
            self.pace.repairs = self.pace.repairs.saturating_add(1);
        }
        repaired
    }

    /// The annotation was written or removed.
    pub fn touched(&mut self, action: &Action, moment: Moment) {
        self.called();
        if *action == Action::Untouch {
            self.untouched_at = Some(moment.steady);
        }
    }

    /// A call had no success. How many there were in a row.
    pub fn failed(&mut self, failure: Failure, moment: Moment) -> u32 {
        self.pace.failed(failure, moment)
    }

    /// A client said that it does not trust our certificate.
    pub fn distrusted(&mut self) {
        self.alert = true;
    }

    /// What is being served.
    #[must_use]
    pub fn served(&self) -> Option<&Leaf> {
        self.served.as_ref()
    }

    /// What is to be served next.
    #[must_use]
    pub fn pending(&self) -> Option<&Leaf> {
        self.next.as_ref()
    }

    /// What was seen of the registration.
    #[must_use]
    pub fn sight(&self) -> &Sight {
        &self.record.sight
    }

    /// Whether every API server trusts what is being served, as far as we can see.
    #[must_use]
    pub fn is_published(&self, steady: Duration) -> bool {
        let served = self.served.as_ref().and_then(|leaf| self.published_at(leaf));
        served.is_some_and(|at| at <= steady)
    }

    /// Any write heals what a client may have complained about.
    fn called(&mut self) {
        self.pace.succeeded();
        self.alert = false;
    }

    fn must_issue(&self, wall: Timestamp) -> bool {
        let Some(newest) = self.next.as_ref().or(self.served.as_ref()) else {
            return false;
        };
        // Before its beginning: the clock was far ahead when it was issued.
        self.replace_at().is_some_and(|replace_at| replace_at <= wall || wall < newest.not_before)
    }

    /// When another certificate has to be issued. One that could not be published yet is not given up while
    /// it is of use, or none ever would be; should it be served late, it is renewed at once.
    fn replace_at(&self) -> Option<Timestamp> {
        match &self.next {
            Some(next) => next.give_up_at(),
            None => self.served.as_ref()?.renew_at,
        }
    }

    /// How long until something is due by the wall clock.
    fn until_clock_says(&self, wall: Timestamp) -> Duration {
        let gives_way_at = self.served.as_ref().filter(|_| self.next.is_some()).map(Leaf::last_moment);
        let due = self.replace_at().into_iter().chain(gives_way_at);
        let left = due.filter_map(|due| Duration::try_from(due.duration_since(wall)).ok());
        left.filter(|left| !left.is_zero()).min().unwrap_or(WAIT_MAX)
    }

    /// Serves the next certificate once it is published, or once nobody is there to trust it.
    fn serve(&self, moment: Moment) -> Due {
        let Some(next) = &self.next else {
            return Err(None);
        };
        // By a clock that is far off it is valid, but the API server would refuse it.
        if !next.is_valid_at(moment.theirs) {
            return Err(None);
        }
        let takes_over_at = self.takes_over_at(next, moment.wall);
        let is_needed = takes_over_at.is_some_and(|at| at <= moment.steady);
        if is_needed || self.needs_nothing_new(next, moment.wall) {
            return Ok(Action::Serve);
        }
        self.serve_published(next, moment).map_err(|due| due.into_iter().chain(takes_over_at).min())
    }

    fn serve_published(&self, next: &Leaf, moment: Moment) -> Due {
        let serves_well = self.served.as_ref().is_some_and(|served| !served.has_expired(moment.wall));
        let from = match &self.record.sight {
            Sight::Missing if !serves_well => Some(self.record.changed_at),
            Sight::Missing => Some(self.record.changed_at + MISSING),
            Sight::Found(_) => self.published_at(next),
            Sight::Unknown | Sight::NoWebhook(_) => None,
        };
        let Some(from) = from else {
            return Err(None);
        };
        if moment.steady < from {
            return Err(Some(from));
        }
        // A watch can lag; what is served must stand there now.
        if self
            .record
            .read_at
            .is_some_and(|read_at| read_at >= from && moment.steady.saturating_sub(read_at) <= FRESH)
        {
            return Ok(Action::Serve);
        }
        self.pace.call(Action::Read, moment.steady)
    }

    /// From when on the next certificate is better than the served one, published or not. Of the API servers
    /// that it was added to most trust it, and none trusts one that has expired.
    fn takes_over_at(&self, next: &Leaf, wall: Timestamp) -> Option<Duration> {
        let gives_way_after = self.served.as_ref()?.gives_way_after(wall)?;
        Some(of_all_anchors(next, |fingerprint| self.record.stands_since(fingerprint))? + gives_way_after)
    }

    /// Files only: the clients that trust the served leaf trust this one too, or trust neither.
    fn needs_nothing_new(&self, next: &Leaf, wall: Timestamp) -> bool {
        let Some(served) = &self.served else {
            return false;
        };
        next.renew_at.is_none()
            && (served.has_expired(wall) || next.anchors.iter().all(|anchor| served.anchors.contains(anchor)))
    }

    /// Keeps the bundle as it has to be, and lets it settle.
    fn publish(&self, moment: Moment) -> Due {
        let Some(hash) = self.record.hash() else {
            return Err(None);
        };
        if let Some(absence) = self.absence {
            let due = absence.since + self.pace.repair_delay(absence);
            return if moment.steady < due {
                Err(Some(due))
            } else {
                self.call(self.write(moment.wall), moment)
            };
        }
        if let Some(unsettled) = &self.record.unsettled {
            let due = self.pace.touch_at(unsettled, self.record.changed_at, self.record.jitter);
            return if moment.steady < due { Err(Some(due)) } else { self.call(Action::Touch(hash), moment) };
        }
        if self.alert {
            let due = self.untouched_at.map_or(Duration::ZERO, |at| at + ALERT_INTERVAL);
            return if moment.steady < due { Err(Some(due)) } else { self.call(Action::Untouch, moment) };
        }
        Err(None)
    }

    /// A patch is sent about what was just read, not about what was there when the last one failed.
    fn call(&self, action: Action, moment: Moment) -> Due {
        let action = if self.pace.must_read { Action::Read } else { action };
        self.pace.call(action, moment.steady)
    }

    fn write(&self, wall: Timestamp) -> Action {
        let ours: Vec<&Anchor> = self.wanted().collect();
        let prune = Prune { now: wall, former: &self.former, own_name: self.own_name.as_deref() };
        Action::Write(self.record.bundle.with(&ours, prune).encode())
    }

    fn published_at(&self, leaf: &Leaf) -> Option<Duration> {
        of_all_anchors(leaf, |fingerprint| self.record.published_at(fingerprint))
    }

    fn wanted(&self) -> impl Iterator<Item = &Anchor> {
        self.served.iter().chain(&self.next).flat_map(|leaf| &leaf.anchors)
    }

    /// Notes since when the bundle lacks something of ours, or is not in its one form.
    fn look_for_absence(&mut self, moment: Moment) {
        if self.record.hash().is_none() {
            // While there is no registration, nothing can be put back; what stood there is lost.
            self.absence = None;
            return;
        }
        let lacks = |anchor: &&Anchor| !self.record.bundle.contains(anchor.fingerprint());
        let is_complete = !self.wanted().any(|anchor| lacks(&anchor));
        if is_complete && self.record.is_clean {
            let wanted: Vec<Fingerprint> = self.wanted().map(Anchor::fingerprint).collect();
            self.record.stood.extend(wanted);
            self.absence = None;
            self.pace.complete_since.get_or_insert(moment.steady);
            return;
        }
        let has_stood = |anchor: &Anchor| self.record.stood.contains(&anchor.fingerprint());
        let is_loss = is_complete || self.wanted().any(|anchor| lacks(&anchor) && has_stood(anchor));
        // What is missing stays missing since then, unless what was merely new is now also lost.
        if self.absence.is_none_or(|absence| is_loss && !absence.is_loss) {
            self.absence = Some(Absence { since: moment.steady, is_loss, jitter: moment.jitter });
            if is_loss {
                self.pace.lost(moment.steady);
            }
        }
    }

    fn retire(&mut self, leaf: &Leaf) {
        // A CA is not ours to remove: another replica may still need it.
        if leaf.renew_at.is_none() {
            return;
        }
        let wanted: Vec<Fingerprint> = self.wanted().map(Anchor::fingerprint).collect();
        let retired = leaf.anchors.iter().map(Anchor::fingerprint);
        self.former.extend(retired.filter(|fingerprint| !wanted.contains(fingerprint)));
        let forgotten = self.former.len().saturating_sub(CERTIFICATES_MAX);
        self.former.drain(..forgotten);
        self.record.stood.retain(|fingerprint| wanted.contains(fingerprint));
    }
}

/// The last of the times of all anchors, if each has one.
fn of_all_anchors(leaf: &Leaf, time: impl Fn(Fingerprint) -> Option<Duration>) -> Option<Duration> {
    let each = leaf.anchors.iter().map(|anchor| time(anchor.fingerprint()));
    each.collect::<Option<Vec<_>>>()?.into_iter().max()
}
