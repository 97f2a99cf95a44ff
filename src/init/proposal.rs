//! From pull Secrets to the entries of a configuration.
//!
//! One entry a Secret name, for every namespace. Only where namespaces differ is an entry bound to its
//! own: another namespace has other registries under the same name, or another name for the same registry.

use std::collections::{BTreeMap, BTreeSet};

use super::remarks::Remarks;
use super::secrets::{Place, Secrets};
use crate::engine::credentials::{Key, Note, Spelling};
use crate::engine::pattern::Pattern;

/// One entry of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name of the Secret.
    pub pull_secret: String,
    /// What it serves, in the order of their texts.
    pub patterns: Vec<Pattern>,
    /// Where the entry applies; empty for everywhere.
    pub namespaces: BTreeSet<String>,
    /// Why it does not apply everywhere.
    pub bound: Option<Bound>,
}

/// Why an entry is bound to its namespaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Elsewhere the Secret of this name has other registries.
    OtherRegistries,
    /// Elsewhere this Secret serves one of the registries.
    OtherSecret(String),
}

/// The patterns of a Secret, by their texts.
type Patterns = BTreeMap<String, Pattern>;

/// Secrets of one name with the same registries.
struct Variant {
    name: String,
    patterns: Patterns,
    /// Nothing stands for a namespace that is not known.
    namespaces: BTreeSet<Option<String>>,
}

/// Makes the entries, and says what they leave out.
pub fn propose(secrets: &Secrets, remarks: &mut Remarks) -> Vec<Entry> {
    let variants = variants(secrets, remarks);
    say_double(&variants, remarks);
    let mut entries = Vec::with_capacity(variants.len());
    for variant in &variants {
        let bound = if variant.namespaces.contains(&None) { None } else { bound(variant, &variants) };
        let namespaces = match bound {
            Some(_) => variant.namespaces.iter().flatten().cloned().collect(),
            None => BTreeSet::new(),
        };
        let patterns = variant.patterns.values().cloned().collect();
        entries.push(Entry { pull_secret: variant.name.clone(), patterns, namespaces, bound });
    }
    entries
}

fn variants(secrets: &Secrets, remarks: &mut Remarks) -> Vec<Variant> {
    let mut variants: BTreeMap<(String, Vec<String>), Variant> = BTreeMap::new();
    let mut inside = BTreeSet::new();
    for (place, keys) in secrets.iter() {
        let mut patterns = Patterns::new();
        for key in keys {
            patterns
                .extend(pattern(place, key, remarks, &mut inside).map(|found| (found.to_string(), found)));
        }
        if patterns.is_empty() {
            continue;
        }
        let texts = patterns.keys().cloned().collect();
        let variant = variants.entry((place.name.clone(), texts)).or_insert_with(|| Variant {
            name: place.name.clone(),
            patterns,
            namespaces: BTreeSet::new(),
        });
        variant.namespaces.insert(place.namespace.clone());
    }
    if let Some(example) = inside.first() {
        remarks.say(format!(
            "a pattern with a path ends at a slash, a key of the kubelet does not: the Secret with {example:?} serves {example}-b too, and is not named for it"
        ));
    }
    variants.into_values().collect()
}

/// The pattern of a key with a login; of any other key it is said what is to be known.
fn pattern(
    place: &Place,
    key: &Key,
    remarks: &mut Remarks,
    inside: &mut BTreeSet<String>,
) -> Option<Pattern> {
    let spelling = key.spelling();
    let text = key.as_str();
    let mut say = |sentence: String| remarks.about(&place.name, place.namespace.as_deref(), sentence);
    if !key.has_login() {
        // What serves nothing does no harm either.
        if !matches!(spelling, Spelling::Never { .. }) {
            say(format!(
                "{text:?} has no user and no password, and the kubelet reads no token; it pulls with the empty login, which not every runtime takes for an anonymous pull; take the entry out"
            ));
        }
        return None;
    }
    match spelling {
        Spelling::Pattern { pattern, note } => {
            match note {
                Some(Note::InsideComponent) => drop(inside.insert(pattern.to_string())),
                Some(Note::ApiVersion) => say(format!(
                    "{text:?} serves only repositories that begin with {:?}; for the whole registry the key is {:?}",
                    pattern.path().unwrap_or_default(),
                    pattern.as_str().split('/').next().unwrap_or_default()
                )),
                None => {}
            }
            Some(pattern)
        }
        Spelling::Unsayable(reason) => {
            say(format!("{text:?} is left out: {reason}"));
            None
        }
        Spelling::Never { reason, fix } => {
            let fix =
                fix.map(|fix| format!("; the key that was meant is probably {fix:?}")).unwrap_or_default();
            say(format!("{text:?} serves no image, and is left out: {reason}{fix}"));
            None
        }
    }
}

/// Says where several Secrets of one namespace serve the same.
fn say_double(variants: &[Variant], remarks: &mut Remarks) {
    let mut names: BTreeMap<(Option<&str>, &str), Vec<&str>> = BTreeMap::new();
    for variant in variants {
        for namespace in &variant.namespaces {
            for pattern in variant.patterns.keys() {
                names.entry((namespace.as_deref(), pattern)).or_default().push(&variant.name);
            }
        }
    }
    for ((namespace, pattern), names) in names {
        if let [first, others @ ..] = names.as_slice()
            && !others.is_empty()
        {
            let others = others.join(", ");
            let text = format!(
                "{others} also serves {pattern:?}; both are named, and the kubelet tries them in the order of the configuration"
            );
            remarks.about(first, namespace, text);
        }
    }
}

/// Why the entry of a variant may not apply everywhere.
fn bound(variant: &Variant, variants: &[Variant]) -> Option<Bound> {
    let others = variants.iter().filter(|other| !std::ptr::eq(*other, variant));
    let mut found = None;
    for other in others {
        if other.name == variant.name {
            return Some(Bound::OtherRegistries);
        }
        let is_elsewhere = || !other.namespaces.is_subset(&variant.namespaces);
        let serves_the_same = || {
            other.patterns.values().any(|pattern| {
                variant.patterns.contains_key(pattern.as_str())
                    || variant.patterns.values().any(|own| !own.is_disjoint(pattern))
            })
        };
        if found.is_none() && is_elsewhere() && serves_the_same() {
            found = Some(Bound::OtherSecret(other.name.clone()));
        }
    }
    found
}
