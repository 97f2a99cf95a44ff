//! Pods that are created as fast as they are answered, and when which of them failed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::elsewhere::Elsewhere;
use crate::pods::{pod, pull_secrets};
use crate::support::wait::until;

/// What became of a Pod, and when.
type Outcome = (Instant, Result<(), String>);

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
    pub(crate) failed: usize,
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
        let (api, path) = (elsewhere.api.clone(), elsewhere.pods_path());
        let pod = pod("steady", &["registry.example.com/steady"]);
        let send = move || {
            let stored = api.post(&path, &pod)?;
            match &pull_secrets(&stored)[..] {
                ["registrysecret"] => Ok(()),
                other => Err(format!("it has the pull secrets {other:?}")),
            }
        };
        until("a Pod gets its secret", &send);
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
            let last: Vec<&Outcome> =
                outcomes.iter().rev().take_while(|(at, outcome)| *at >= from && outcome.is_ok()).collect();
            if last.len() < 10 { Err(format!("{:?}", outcomes.last())) } else { Ok(()) }
        });
    }

    /// What became of the Pods since then.
    pub(crate) fn since(&self, from: Instant) -> Tally {
        let outcomes = self.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        let outcomes: Vec<&Outcome> = outcomes.iter().filter(|(at, _)| *at >= from).collect();
        let failures: Vec<(Instant, &String)> =
            outcomes.iter().filter_map(|(at, outcome)| Some((*at, outcome.as_ref().err()?))).collect();
        let times = failures.first().zip(failures.last());
        Tally {
            sent: outcomes.len(),
            failed: failures.len(),
            during: times.map(|(first, last)| last.0 - first.0).unwrap_or_default(),
            message: failures.first().map(|(_, message)| (*message).clone()).unwrap_or_default(),
        }
    }
}

impl Drop for Steady {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
