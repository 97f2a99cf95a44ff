//! The rules in use, swapped as a whole when the configuration is read again.

use arc_swap::ArcSwap;
use prometheus_client::metrics::counter::Counter;

use crate::engine::rules::Rules;
use crate::process::metrics::Metrics;

/// The rules with the counter of each of their entries.
#[derive(Debug)]
pub struct Active {
    /// The rules.
    pub rules: Rules,
    matches: Vec<Counter>,
}

/// The place of the rules in use. Reading it takes no lock.
pub type ActiveCell = ArcSwap<Active>;

impl Active {
    /// Finds the counters of the rules' entries.
    #[must_use]
    pub fn new(rules: Rules, metrics: &Metrics) -> Self {
        let matches = rules.entries().iter().map(|entry| metrics.registry_matches(&entry.name)).collect();
        Self { rules, matches }
    }

    /// Counts the entries that contributed to a Pod.
    pub fn count(&self, entries: &[usize]) {
        for entry in entries {
            self.matches[*entry].inc();
        }
    }
}
