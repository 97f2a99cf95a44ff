//! A configuration as text, with comments for who reads it first.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::proposal::{Bound, Entry};
use super::remarks::Listed;
use crate::engine::config::{API_VERSION, KIND};

/// A list that is longer than this is written with one item a line.
const LINE_MAX: usize = 100;

/// Writes the configuration; `unserved` are the registries of Pods for which there is no Secret.
#[must_use]
pub fn yaml(from: &str, entries: &[Entry], unserved: &BTreeMap<String, BTreeSet<String>>) -> String {
    let mut text = format!("# Made by `pullkey init` from {from}.\n");
    let _ = write!(text, "apiVersion: {API_VERSION}\nkind: {KIND}\nregistries:\n");
    for entry in entries {
        let patterns = entry.patterns.iter().map(ToString::to_string);
        list(&mut text, "  - ", "matchImages", patterns);
        list(&mut text, "    ", "pullSecrets", [entry.pull_secret.clone()]);
        match &entry.bound {
            Some(Bound::OtherRegistries) => {
                text.push_str("    # In other namespaces the Secret of this name is for other registries.\n");
            }
            Some(Bound::OtherSecret(other)) => {
                let _ =
                    writeln!(text, "    # In other namespaces this is in another Secret, such as {other}.");
            }
            None => {}
        }
        if !entry.namespaces.is_empty() {
            list(&mut text, "    ", "namespaces", entry.namespaces.iter().cloned());
        }
    }
    if !unserved.is_empty() {
        text.push_str(
            "\n# Pods use these registries too, without a pull secret for them in their namespace:\n",
        );
        for (registry, namespaces) in unserved {
            let _ = writeln!(text, "#   {registry}: {}", Listed(namespaces));
        }
    }
    text
}

fn list(text: &mut String, indent: &str, key: &str, items: impl IntoIterator<Item = String>) {
    // A JSON string is one of YAML too.
    let items: Vec<String> =
        items.into_iter().map(|item| serde_json::Value::from(item).to_string()).collect();
    let line = format!("{indent}{key}: [{}]\n", items.join(", "));
    if line.len() <= LINE_MAX {
        text.push_str(&line);
        return;
    }
    let _ = writeln!(text, "{indent}{key}:");
    for item in items {
        let _ = writeln!(text, "      - {item}");
    }
}
