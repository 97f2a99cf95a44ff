//! Carries the plan out: keeps our certificate published, and serves it only then.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use ring::rand::{SecureRandom as _, SystemRandom};
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Interval, MissedTickBehavior, interval, sleep};

use super::anchored::{Anchored, AnchoredError, AnchoredFiles};
use super::cell::{Cell, Distrusted};
use super::issuer::{Issuer, Own};
use super::plan::{Action, Failure, Moment, Plan, Source};
use super::said::Said;
use super::swap;
use crate::cluster::client::{CallError, RegistrationClient};
use crate::cluster::registration::{Sight, Stored};
use crate::process::metrics::Metrics;
use crate::process::ready::Condition;

/// How long to wait after the registration could not be watched; it grows to the second.
const WATCH_RETRY: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

/// Where certificates come from.
#[derive(Debug)]
pub enum Supply {
    /// They are issued here.
    Issuer(Issuer),
    /// They lie in files, which are compared by content so often.
    Files(AnchoredFiles, Interval),
}

/// A certificate that is not served yet.
#[derive(Debug)]
enum Candidate {
    Own(Own),
    Anchored(Anchored),
}

/// A certificate that is to be kept published.
#[derive(Debug)]
pub struct Published {
    client: Arc<RegistrationClient>,
    supply: Supply,
    cell: Arc<Cell>,
    metrics: Metrics,
    distrusted: Distrusted,
    plan: Plan,
    next: Option<Candidate>,
    /// Reported when the certificate is served for the first time.
    ready: Option<Condition>,
    said: Said,
    began: Instant,
    random: SystemRandom,
}

/// What the process around it lends.
#[derive(Debug)]
pub struct Surroundings {
    /// The API server.
    pub client: RegistrationClient,
    /// Where the served pair goes.
    pub cell: Arc<Cell>,
    /// Where is counted.
    pub metrics: Metrics,
    /// Where it is heard that a client does not trust us.
    pub distrusted: Distrusted,
    /// Met when the certificate is published, or when there is no registration.
    pub ready: Condition,
}

impl Published {
    /// Publishes a certificate that is issued here.
    #[must_use]
    pub fn issued(issuer: Issuer, first: Own, own_name: Option<String>, around: Surroundings) -> Self {
        let plan = Plan::new(first.leaf.clone(), own_name);
        Self::new(Supply::Issuer(issuer), plan, Candidate::Own(first), around)
    }

    /// Publishes the CA of certificate files.
    #[must_use]
    pub fn files(files: AnchoredFiles, first: Anchored, every: Duration, around: Surroundings) -> Self {
        let plan = Plan::new(first.leaf.clone(), None);
        let mut looks = interval(every);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self::new(Supply::Files(files, looks), plan, Candidate::Anchored(first), around)
    }

    fn new(supply: Supply, plan: Plan, first: Candidate, around: Surroundings) -> Self {
        let Surroundings { client, cell, metrics, distrusted, ready } = around;
        let said = Said::new(client.name().to_owned());
        Self {
            client: Arc::new(client),
            supply,
            cell,
            metrics,
            distrusted,
            plan,
            next: Some(first),
            ready: Some(ready),
            said,
            began: Instant::now(),
            random: SystemRandom::new(),
        }
    }

    /// Works for as long as the process runs.
    pub async fn keep(mut self) {
        let (seen, mut sights) = unbounded_channel();
        let observing = observe(Arc::clone(&self.client), seen);
        tokio::select! {
            () = observing => {}
            () = self.act(&mut sights) => {}
        }
    }

    async fn act(&mut self, sights: &mut UnboundedReceiver<Observation>) {
        loop {
            while let Ok(observation) = sights.try_recv() {
                self.observed(observation);
            }
            let moment = self.moment();
            self.metrics.certificate_published.set(self.plan.is_published(moment.steady).into());
            let action = self.plan.next(moment);
            match &action {
                Action::Issue => self.issue(moment).await,
                Action::Serve => self.serve(moment),
                Action::Read => {
                    let read = self.client.read().await;
                    self.answered("get", read);
                }
                Action::Write(bundle) => self.patch(&action, |stored| stored.with_bundle(bundle)).await,
                Action::Touch(hash) => self.patch(&action, |stored| stored.with_settled(hash)).await,
                Action::Untouch => self.patch(&action, Stored::without_settled).await,
                Action::Wait(duration) => tokio::select! {
                    () = sleep(*duration) => {}
                    observation = sights.recv() => self.observed_or_end(observation),
                    () = self.distrusted.reported() => self.plan.distrusted(),
                    changed = changed_files(&mut self.supply) => self.found(changed),
                },
            }
        }
    }

    fn observed_or_end(&mut self, observation: Option<Observation>) {
        if let Some(observation) = observation {
            self.observed(observation);
        }
    }

    fn observed(&mut self, (verb, observation): Observation) {
        match observation {
            Ok(sight) => {
                self.said.answer(verb);
                self.said.clock(self.client.clock_ahead());
                // By now a call of the plan may have seen more, whatever call this was.
                self.see(sight, Source::Watch);
            }
            Err(error) => self.said.trouble(verb, &error, 1),
        }
    }

    fn see(&mut self, sight: Sight, source: Source) {
        self.said.sight(&sight);
        let moment = self.moment();
        self.plan.see(sight, source, moment);
    }

    /// Takes in the answer to a call; says whether it was one.
    fn answered(&mut self, verb: &'static str, answer: Result<Sight, CallError>) -> bool {
        match answer {
            Ok(sight) => {
                self.said.answer(verb);
                self.said.clock(self.client.clock_ahead());
                self.see(sight, Source::Call);
                true
            }
            Err(error) => {
                let failure = match &error {
                    CallError::Conflict | CallError::NotFound => Failure::Conflict,
                    CallError::Away(_) => Failure::Away,
                    CallError::Invalid(_) | CallError::Forbidden(_) | CallError::Other(..) => {
                        Failure::Refused
                    }
                };
                let moment = self.moment();
                let in_a_row = self.plan.failed(failure, moment);
                self.said.trouble(verb, &error, in_a_row);
                false
            }
        }
    }

    async fn patch(&mut self, action: &Action, patch: impl FnOnce(&Stored) -> Value) {
        let Sight::Found(stored) = self.plan.sight() else {
            return;
        };
        let answer = self.client.patch(patch(stored)).await;
        let is_repair = match (action, answer.is_ok()) {
            (_, false) => false,
            (Action::Write(_), true) => self.plan.wrote(),
            (_, true) => {
                let moment = self.moment();
                self.plan.touched(action, moment);
                false
            }
        };
        if self.answered("patch", answer) {
            if is_repair {
                self.metrics.bundle_repairs.inc();
            }
            self.said.done(action, is_repair);
        }
    }

    async fn issue(&mut self, moment: Moment) {
        let Supply::Issuer(issuer) = &self.supply else {
            return;
        };
        match issuer.issue(moment.wall) {
            Ok(own) => {
                tracing::info!(not_after = %own.leaf.not_after, "issued the next certificate");
                self.plan.issued(own.leaf.clone(), moment);
                self.next = Some(Candidate::Own(own));
            }
            Err(error) => {
                tracing::error!(%error, "the next certificate was not issued");
                sleep(WATCH_RETRY.1).await;
            }
        }
    }

    fn serve(&mut self, moment: Moment) {
        let Some(next) = self.next.take() else {
            return;
        };
        let (pair, leaf) = match &next {
            Candidate::Own(Own { pair, leaf, .. }) | Candidate::Anchored(Anchored { pair, leaf }) => {
                (pair, leaf)
            }
        };
        swap::serve(pair.clone(), &self.cell, &self.metrics);
        self.plan.serves(moment);
        let published = self.plan.is_published(moment.steady);
        tracing::info!(not_after = %leaf.not_after, published, "serving the certificate");
        if let (Supply::Issuer(issuer), Candidate::Own(own)) = (&self.supply, &next) {
            issuer.keep(own);
        }
        if let Some(ready) = self.ready.take() {
            ready.met();
        }
    }

    fn found(&mut self, changed: Result<Anchored, AnchoredError>) {
        match changed {
            Ok(anchored) => {
                tracing::info!(not_after = %anchored.leaf.not_after, "the certificate files have changed");
                let moment = self.moment();
                self.plan.issued(anchored.leaf.clone(), moment);
                self.next = Some(Candidate::Anchored(anchored));
            }
            Err(error) => swap::refuse(&error, &self.metrics),
        }
    }

    fn moment(&self) -> Moment {
        let mut bytes = [0; 4];
        // Without a random source no certificate could have been issued either.
        let _ = self.random.fill(&mut bytes);
        let jitter = f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX);
        let wall = Timestamp::now();
        let theirs = wall.saturating_add(self.client.clock_ahead()).unwrap_or(wall);
        Moment { wall, theirs, steady: self.began.elapsed(), jitter }
    }
}

/// The next change of the files, if there are any.
async fn changed_files(supply: &mut Supply) -> Result<Anchored, AnchoredError> {
    let Supply::Files(files, looks) = supply else {
        return std::future::pending().await;
    };
    loop {
        looks.tick().await;
        match files.look() {
            Ok(None) => {}
            Ok(Some(anchored)) => return Ok(anchored),
            Err(error) => return Err(error),
        }
    }
}

/// Which call it was, and what was seen or what failed.
type Observation = (&'static str, Result<Sight, CallError>);

/// Reports the registration as it is and each change of it, through restarts of the API server.
async fn observe(client: Arc<RegistrationClient>, seen: UnboundedSender<Observation>) {
    let mut retry = WATCH_RETRY.0;
    loop {
        let failed = match client.read().await {
            Ok(sight) => {
                let _ = seen.send(("get", Ok(sight)));
                let began = Instant::now();
                let changed = |sight| {
                    let _ = seen.send(("watch", Ok(sight)));
                };
                let watched = client.watch(changed).await;
                if began.elapsed() < WATCH_RETRY.0 {
                    // Something ends it at once each time; nobody is asked without a pause.
                    sleep(WATCH_RETRY.0).await;
                }
                watched.err().map(|error| ("watch", error))
            }
            Err(error) => Some(("get", error)),
        };
        match failed {
            None => retry = WATCH_RETRY.0,
            Some((verb, error)) => {
                let _ = seen.send((verb, Err(error)));
                sleep(retry).await;
                retry = (retry * 2).min(WATCH_RETRY.1);
            }
        }
    }
}
