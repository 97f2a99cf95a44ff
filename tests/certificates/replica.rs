//! One replica: the plan with its clocks, carried out as `published.rs` does it.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;
use pullkey::certs::bundle::{Anchor, Bundle, Fingerprint};
use pullkey::certs::issue::{self, Life, SubjectName};
use pullkey::certs::plan::leaf::Leaf;
use pullkey::certs::plan::{Action, Failure, Moment, Plan, Source, WAIT_MAX};
use pullkey::cluster::registration::Sight;

use super::server::Server;

/// How often a watch ends, and the registration is read anew.
const WATCH: Duration = Duration::from_secs(60);

/// A process, or the place where there was one.
#[derive(Debug)]
pub(crate) struct Replica {
    pub(crate) pod: String,
    pub(crate) plan: Option<Plan>,
    /// How far its wall clock is off, in seconds.
    pub(crate) skew: i64,
    pub(crate) life: Duration,
    /// The leaf in `--state-dir`.
    state: Option<Leaf>,
    /// Sights on their way, with the time of their arrival.
    pub(crate) queue: VecDeque<(Duration, Sight)>,
    /// How long a sight is on its way.
    pub(crate) lag: Duration,
    pub(crate) wakes_at: Duration,
    reads_at: Duration,
    /// How long the machine has slept, which the steady clock does not count.
    slept: Duration,
    pub(crate) sleeps_until: Duration,
    pub(crate) crashes_after: Option<u32>,
    /// The next patch is carried out, but its answer is lost.
    pub(crate) loses_answer: bool,
    /// All that it ever issued.
    pub(crate) issued: Vec<Fingerprint>,
    /// How many renewals there were.
    pub(crate) issues: usize,
    random: fastrand::Rng,
}

/// What a replica did that somebody may object to.
#[derive(Debug)]
pub(crate) enum Deed {
    /// It serves this leaf from now on; the former one was of no use any more by its own clock.
    Served { leaf: Leaf, in_need: bool },
    /// It serves an expired leaf although it sees the next one in the bundle.
    ClungTo(Leaf),
    /// It wrote this in place of that.
    Wrote { before: Vec<u8>, after: Vec<u8> },
    /// A call that failed, or a touch.
    Other,
}

impl Replica {
    pub(crate) fn new(number: usize, skew: i64, life: Duration, seed: u64) -> Self {
        Self {
            pod: format!("pullkey-{number}"),
            plan: None,
            skew,
            life,
            state: None,
            queue: VecDeque::new(),
            lag: Duration::from_millis(5),
            wakes_at: Duration::ZERO,
            reads_at: Duration::ZERO,
            slept: Duration::ZERO,
            sleeps_until: Duration::ZERO,
            crashes_after: None,
            loses_answer: false,
            issued: Vec::new(),
            issues: 0,
            random: fastrand::Rng::with_seed(seed),
        }
    }

    pub(crate) fn start(&mut self, at: Duration, with_state: bool) {
        if self.plan.is_some() || at < self.sleeps_until {
            return;
        }
        let wall = self.wall(at);
        let kept = self.state.take().filter(|leaf| with_state && leaf.is_worth_taking_up(wall));
        let first = kept.unwrap_or_else(|| self.issue(wall));
        self.state = Some(first.clone());
        self.plan = Some(Plan::new(first, Some(issue::own_name(&self.pod))));
        (self.wakes_at, self.reads_at) = (at, at);
        self.queue.clear();
    }

    pub(crate) fn crash(&mut self) {
        self.plan = None;
        self.crashes_after = None;
    }

    pub(crate) fn suspend(&mut self, at: Duration, until: Duration) {
        if self.sleeps_until <= at {
            self.sleeps_until = until;
            self.slept += until.saturating_sub(at);
        }
    }

    /// When it next does something by itself, or hears something.
    pub(crate) fn next_at(&self) -> Option<Duration> {
        self.plan.as_ref()?;
        let hears_at = self.queue.front().map(|(at, _)| *at);
        let next = hears_at.into_iter().chain([self.wakes_at, self.reads_at]).min()?;
        Some(next.max(self.sleeps_until))
    }

    /// Does what is due; at most one action, so that others can come in between.
    pub(crate) fn step(&mut self, at: Duration, server: &mut Server, is_away: bool) -> Option<Deed> {
        let moment = self.moment(at);
        let mut plan = self.plan.take()?;
        while self.queue.front().is_some_and(|(arrives, _)| *arrives <= at) {
            if let Some((_, sight)) = self.queue.pop_front() {
                plan.see(sight, Source::Watch, moment);
            }
        }
        if self.reads_at <= at {
            if is_away {
                self.reads_at = at + Duration::from_secs(5);
            } else {
                self.reads_at = at + WATCH;
                self.queue.clear();
                plan.see(server.read().clone(), Source::Call, moment);
            }
        }
        let mut action = plan.next(moment);
        if action == Action::Issue {
            let leaf = self.issue(moment.wall);
            plan.issued(leaf, moment);
            self.issues += 1;
            action = plan.next(moment);
        }
        if action == Action::Read && !is_away {
            // What follows an answer follows it at once.
            plan.see(server.read().clone(), Source::Call, moment);
            action = plan.next(moment);
        }
        if let Action::Wait(wait) = action {
            // A process that has nothing to do may also be slow; it makes days shorter here.
            let wait = if wait == WAIT_MAX { WATCH } else { wait };
            self.wakes_at = at + wait.max(Duration::from_millis(1));
            let clung_to = clings_to(&plan, moment);
            self.plan = Some(plan);
            return clung_to.map(Deed::ClungTo);
        }
        self.wakes_at = at + Duration::from_millis(1);
        let deed = self.carry_out(&mut plan, &action, at, server, is_away);
        self.plan = Some(plan);
        match &mut self.crashes_after {
            Some(0) => self.crash(),
            Some(left) => *left -= 1,
            None => {}
        }
        Some(deed)
    }

    fn carry_out(
        &mut self,
        plan: &mut Plan,
        action: &Action,
        at: Duration,
        server: &mut Server,
        is_away: bool,
    ) -> Deed {
        let moment = self.moment(at);
        let stored = match plan.sight() {
            Sight::Found(stored) => Some(stored.clone()),
            _ => None,
        };
        let patch = match (action, &stored) {
            (Action::Serve, _) => {
                let leaf = plan.pending().expect("there is something to serve").clone();
                let last_second = moment.wall + Duration::from_secs(1);
                let in_need = plan.served().is_some_and(|former| former.has_expired(last_second));
                plan.serves(moment);
                self.state = Some(leaf.clone());
                return Deed::Served { leaf, in_need };
            }
            (Action::Read, _) => {
                plan.failed(Failure::Away, moment);
                return Deed::Other;
            }
            (Action::Write(bundle), Some(stored)) => stored.with_bundle(bundle),
            (Action::Touch(hash), Some(stored)) => stored.with_settled(hash),
            (Action::Untouch, Some(stored)) => stored.without_settled(),
            (action, _) => panic!("{action:?} without a registration"),
        };
        if is_away {
            plan.failed(Failure::Away, moment);
            return Deed::Other;
        }
        let before = server.bundle();
        let answer = server.patch(&patch, at);
        let after = server.bundle();
        match answer {
            Ok(_) if std::mem::take(&mut self.loses_answer) => {
                plan.failed(Failure::Away, moment);
            }
            Ok(sight) => {
                if matches!(action, Action::Write(_)) {
                    plan.wrote();
                } else {
                    plan.touched(action, moment);
                }
                plan.see(sight, Source::Call, moment);
            }
            Err(failure) => {
                plan.failed(failure, moment);
            }
        }
        if matches!(action, Action::Write(_)) { Deed::Wrote { before, after } } else { Deed::Other }
    }

    /// Whether what it issues is not valid yet by the API server's clock.
    pub(crate) fn is_far_ahead(&self) -> bool {
        self.skew > 3600
    }

    pub(crate) fn wall(&self, at: Duration) -> Timestamp {
        wall(at) + jiff::SignedDuration::from_secs(self.skew)
    }

    fn moment(&mut self, at: Duration) -> Moment {
        Moment {
            wall: self.wall(at),
            theirs: wall(at),
            steady: at.saturating_sub(self.slept),
            jitter: self.random.f64(),
        }
    }

    fn issue(&mut self, wall: Timestamp) -> Leaf {
        let names: [SubjectName; 1] = ["pullkey.pullkey-system.svc".parse().expect("a name")];
        let issued =
            issue::issue_for(&issue::own_name(&self.pod), &names, self.life, wall).expect("a certificate");
        let life = Life::of(&issued.certificate).expect("a life");
        let anchor = Anchor::from_der(issued.certificate.to_vec()).expect("an anchor");
        self.issued.push(anchor.fingerprint());
        Leaf {
            anchors: vec![anchor],
            not_before: life.not_before,
            renew_at: Some(life.renew_at),
            not_after: life.not_after,
        }
    }
}

/// The expired leaf that goes on being served although the next one is seen in the bundle.
fn clings_to(plan: &Plan, moment: Moment) -> Option<Leaf> {
    let served = plan.served().filter(|leaf| leaf.has_expired(moment.wall))?;
    let Sight::Found(stored) = plan.sight() else {
        return None;
    };
    let bundle = Bundle::parse(&stored.ca_bundle);
    let is_there = bundle.encode() == stored.ca_bundle
        && plan.pending()?.not_before <= moment.theirs
        && plan.pending()?.anchors.iter().all(|anchor| bundle.contains(anchor.fingerprint()));
    is_there.then(|| served.clone())
}

/// The true time.
pub(crate) fn wall(at: Duration) -> Timestamp {
    Timestamp::from_second(1_800_000_000).expect("a time") + at
}
