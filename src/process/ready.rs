//! Readiness as a list of conditions, each of which somebody holds and reports once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Collects the conditions while the process starts.
#[derive(Debug, Default)]
pub struct Conditions(Vec<(&'static str, Arc<AtomicBool>)>);

/// One condition, to be reported by whoever fulfils it.
#[derive(Debug)]
#[must_use = "the process never becomes ready when a condition is not reported"]
pub struct Condition(Arc<AtomicBool>);

/// The state of readiness, for `/readyz`.
#[derive(Clone, Debug)]
pub struct Readiness {
    conditions: Arc<[(&'static str, Arc<AtomicBool>)]>,
    stopping: Arc<AtomicBool>,
}

impl Conditions {
    /// Adds a condition under the name by which `/readyz` tells that it is missing.
    pub fn add(&mut self, name: &'static str) -> Condition {
        let met = Arc::new(AtomicBool::new(false));
        self.0.push((name, Arc::clone(&met)));
        Condition(met)
    }

    /// Ends the list.
    #[must_use]
    pub fn finish(self) -> Readiness {
        Readiness { conditions: self.0.into(), stopping: Arc::default() }
    }
}

impl Condition {
    /// Reports the condition as met, for good.
    pub fn met(self) {
        self.0.store(true, Ordering::Release);
    }
}

impl Readiness {
    /// From now on the process is not ready: it is about to end.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    /// The names of what is missing; empty when the process is ready.
    #[must_use]
    pub fn missing(&self) -> Vec<&'static str> {
        if self.stopping.load(Ordering::Acquire) {
            return vec!["the process is stopping"];
        }
        let unmet = self.conditions.iter().filter(|(_, met)| !met.load(Ordering::Acquire));
        unmet.map(|(name, _)| *name).collect()
    }
}
