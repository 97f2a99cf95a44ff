//! Secrets of entries that no Pod of a namespace uses yet: what will be wrong when the first one comes.

use std::collections::BTreeMap;

use super::finding::{Check, Finding};
use super::secrets::{Uses, made_again, object, why};
use super::seen::Seen;
use crate::engine::config::Entry;
use crate::engine::credentials::{Key, PullSecret, could_serve};
use crate::engine::rules::Rules;

/// The Secrets to look at besides those that are used.
pub(super) fn names(namespace: &str, rules: &Rules, uses: &Uses) -> Vec<String> {
    let entries = entries(namespace, rules, uses);
    entries.flat_map(|entry| entry.pull_secrets.iter().cloned()).collect()
}

/// Judges those that are there. One that is not may belong to other namespaces.
pub(super) fn judge(
    namespace: &str,
    rules: &Rules,
    uses: &Uses,
    secrets: &BTreeMap<String, Seen<PullSecret>>,
) -> Vec<Finding> {
    entries(namespace, rules, uses).flat_map(|entry| of_entry(namespace, entry, secrets)).collect()
}

fn entries<'r>(namespace: &str, rules: &'r Rules, uses: &Uses) -> impl Iterator<Item = &'r Entry> {
    let entries = rules.entries().iter().enumerate();
    entries
        .filter(|(position, entry)| !uses.has(*position) && entry.applies_in(namespace))
        .map(|(_, entry)| entry)
}

fn of_entry(namespace: &str, entry: &Entry, secrets: &BTreeMap<String, Seen<PullSecret>>) -> Vec<Finding> {
    let (mut findings, mut keys, mut first) = (Vec::new(), Vec::<&Key>::new(), None);
    for name in &entry.pull_secrets {
        match secrets.get(name) {
            Some(Seen::Found(PullSecret::Ignored(ignored))) => {
                let problem = format!(
                    "{}, so that the kubelet passes it over in silence when a Pod comes that needs it",
                    why(*ignored)
                );
                let (object, fix) = (object(namespace, name), made_again(namespace, name));
                findings.push(Finding::warning(Check::SecretIgnored, &object, problem, fix));
            }
            Some(Seen::Found(PullSecret::Keys(found))) => {
                first = first.or(Some(name));
                keys.extend(found.iter().filter(|key| key.has_login()));
            }
            // One that breaks pulls is named by whoever judges all of them.
            _ => {}
        }
    }
    let Some(name) = first.filter(|_| findings.is_empty() && !entry.always) else { return findings };
    if !entry.match_images.iter().any(|pattern| could_serve(keys.iter().copied(), pattern)) {
        let patterns: Vec<String> = entry.match_images.iter().map(ToString::to_string).collect();
        let problem = format!(
            "it holds no login that the kubelet would use for {}, for which pullkey names it",
            patterns.join(", ")
        );
        let (object, fix) = (object(namespace, name), made_again(namespace, name));
        findings.push(Finding::warning(Check::SecretRegistry, &object, problem, fix));
    }
    findings
}
