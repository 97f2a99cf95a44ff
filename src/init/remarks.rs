//! What is to be said about Secrets, each sentence once, however many namespaces have a copy.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// How many names a sentence lists.
const LISTED_MAX: usize = 5;

/// The sentences, by what they are about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remarks(BTreeMap<(String, String), BTreeSet<String>>);

impl Remarks {
    /// Says something about a Secret of one namespace, or of any when there is none.
    pub fn about(&mut self, secret: &str, namespace: Option<&str>, text: String) {
        let namespaces = self.0.entry((format!("Secret {secret}"), text)).or_default();
        namespaces.extend(namespace.map(str::to_owned));
    }

    /// Says something in general.
    pub fn say(&mut self, text: String) {
        self.0.entry((String::new(), text)).or_default();
    }

    /// Says that Pods of these namespaces use a registry for which there is no Secret.
    pub fn unserved(&mut self, registry: &str, namespaces: &BTreeSet<String>) {
        let text = "no pull secret serves it for the Pods there; nothing is written for it".to_owned();
        let subject = format!("registry {registry}");
        self.0.entry((subject, text)).or_default().extend(namespaces.iter().cloned());
    }

    /// One sentence a line.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|((subject, text), namespaces)| match (subject.as_str(), namespaces.is_empty()) {
            ("", _) => text.clone(),
            (subject, true) => format!("{subject}: {text}"),
            (subject, false) => format!("{subject} in {}: {text}", Listed(namespaces)),
        })
    }
}

/// The first few names of many.
#[derive(Debug)]
pub struct Listed<'n>(pub &'n BTreeSet<String>);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // To save one name, nobody writes "and 1 more".
        let shown = if self.0.len() <= LISTED_MAX + 1 { self.0.len() } else { LISTED_MAX };
        let names: Vec<&str> = self.0.iter().take(shown).map(String::as_str).collect();
        f.write_str(&names.join(", "))?;
        match self.0.len() - shown {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}
