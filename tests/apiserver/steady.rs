//! Pods that are created as fast as they are answered, and when which of them failed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::elsewhere::Elsewhere;
use crate::pods::{pod, pull_secrets};
use crate::support::api::Api;
use crate::support::wait::until;

/// When a Pod was sent, and whether it got its secret, or why it was refused.
type Outcome = (Instant, Result<bool, String>);

/// The Pods of a namespace that opted in, one after another, until it is dropped. None is stored.
#[derive(Debug)]
pub(crate) struct Steady {
    outcomes: Arc<Mutex<Vec<Outcome>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// What failed of the Pods that were sent since some time.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) sent: usize,
    /// Those that were refused, and those that lack their secret.
    pub(crate) failed: usize,
    pub(crate) refused: usize,
    /// From the first failure to the last.
    pub(crate) during: Duration,
    message: String,
}

impl Tally {
    /// What the API server met at the first failure.
    pub(crate) fn cause(&self) -> &str {
        self.message.rsplit_once("timeout=5s\"").map_or(&self.message, |(_, cause)| cause)
    }
}

impl Steady {
    /// Waits until a Pod gets its secret, and goes on from there.
    pub(crate) fn start(elsewhere: &Elsewhere) -> Self {
        Self::start_at(elsewhere.api.clone(), elsewhere.pods_path())
    }

    /// The same with Pods that are sent to this path.
    pub(crate) fn start_at(api: Api, path: String) -> Self {
        let pod = pod("steady", &["registry.example.com/steady"]);
        let send = move || {
            let stored = api.post(&path, &pod)?;
            Ok(pull_secrets(&stored) == ["registrysecret"])
        };
        until("a Pod gets its secret", || if send()? { Ok(()) } else { Err("it has none".to_owned()) });
        let outcomes = Arc::<Mutex<Vec<Outcome>>>::default();
        let stop = Arc::<AtomicBool>::default();
        let thread = thread::spawn({
            let (outcomes, stop) = (Arc::clone(&outcomes), Arc::clone(&stop));
            move || {
                while !stop.load(Ordering::Relaxed) {
                    let outcome = (Instant::now(), send());
                    outcomes.lock().unwrap_or_else(PoisonError::into_inner).push(outcome);
                    // Two processors are shared with everything else.
                    thread::sleep(Duration::from_millis(5));
                }
            }
        });
        Self { outcomes, stop, thread: Some(thread) }
    }

    /// Returns when ten Pods in a row had no trouble, none of which was sent before this call.
    #[track_caller]
    pub(crate) fn until_all_is_well(&self) {
        let from = Instant::now();
        until("ten Pods in a row are created", || {
            let outcomes = self.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
            let last: Vec<&Outcome> = outcomes
                .iter()
                .rev()
                .take_while(|(at, outcome)| *at >= from && *outcome == Ok(true))
                .collect();
            if last.len() < 10 { Err(format!("{:?}", outcomes.last())) } else { Ok(()) }
        });
    }

    /// What became of the Pods since then.
    pub(crate) fn since(&self, from: Instant) -> Tally {
        let outcomes = self.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        let outcomes: Vec<&Outcome> = outcomes.iter().filter(|(at, _)| *at >= from).collect();
        let failures: Vec<&Outcome> =
            outcomes.iter().copied().filter(|(_, outcome)| *outcome != Ok(true)).collect();
        let times = failures.first().zip(failures.last());
        let mut refusals = failures.iter().filter_map(|(_, outcome)| outcome.as_ref().err()).peekable();
        let message =
            refusals.peek().map_or("a Pod lacks its secret".to_owned(), |message| (*message).clone());
        Tally {
            sent: outcomes.len(),
            failed: failures.len(),
            refused: refusals.count(),
            during: times.map(|(first, last)| last.0 - first.0).unwrap_or_default(),
            message,
        }
    }
}

impl Drop for Steady {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
