//! Whole Secrets: what the engine reads out of them against the keyring that the kubelet makes of them.

use std::collections::BTreeMap;
use std::panic;

use pullkey::engine::credentials::{Key, PullSecret, lookup};
use pullkey::engine::image::ImageRef;
use serde::Deserialize;
use serde_json::{Value, json};

use super::process::Oracle;
use super::secrets::{self, Made};
use super::seed::{self, Random};
use super::{assert_no_faults, report};

#[derive(Debug, Deserialize)]
struct Answer {
    #[serde(default)]
    credentials: Option<Vec<Credential>>,
    error: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Credential {
    login: bool,
    secret: String,
}

/// What a Pod gets for an image: for each credential its Secret, and whether it is a login.
type Found = Result<Vec<(String, bool)>, ()>;

#[test]
fn secrets_are_read_as_the_kubelet_reads_them() {
    let Some(oracle) = Oracle::build_or_skip("pull Secrets against the kubelet's keyring") else { return };
    let seed = seed::seed();
    let mut random = Random::with_seed(seed);
    let mut cases = Vec::new();
    let mut questions = Vec::new();
    while cases.len() < seed::cases() / 2 {
        let (made, images) = secrets::pod(&mut random);
        let objects: Vec<Value> = made.iter().map(Made::object).collect();
        for image in images.into_iter().filter(|image| ImageRef::parse(image).is_ok()) {
            questions.push(json!({ "secrets": objects, "image": image }));
            cases.push((made.clone(), image));
        }
    }
    let answers: Vec<Answer> = oracle.ask(&questions);

    let mut counts = BTreeMap::new();
    let mut faults = Vec::new();
    for ((made, image), answer) in cases.iter().zip(&answers) {
        let kubelet: Found = match (&answer.error, &answer.credentials) {
            (Some(_), _) => Err(()),
            (None, found) => {
                let found = found.iter().flatten();
                Ok(sorted(found.map(|found| (found.secret.clone(), found.login)).collect()))
            }
        };
        *counts.entry(class(&kubelet)).or_default() += 1;
        let ours = panic::catch_unwind(|| found(made, image));
        if ours.as_ref().ok() != Some(&kubelet) {
            let texts: Vec<_> = made.iter().map(|made| String::from_utf8_lossy(&made.text)).collect();
            faults.push(format!("{image:?} with {texts:?}: ours {ours:?}, the kubelet {answer:?}"));
        }
    }
    assert_no_faults(seed, &faults);
    report("Pods with Secrets", seed, &counts);
    for class in ["malformed", "nothing", "a login", "only empty", "several"] {
        assert!(counts.contains_key(class), "seed {seed}: no Pod shows {class:?}");
    }
}

fn found(made: &[Made], image: &str) -> Found {
    let mut keys: Vec<(&str, Key)> = Vec::new();
    for made in made {
        let data = |key: &str| (key == made.data_key).then_some(made.text.as_slice());
        match PullSecret::read(made.secret_type, data) {
            PullSecret::Ignored(_) => {}
            PullSecret::Malformed(_) => return Err(()),
            PullSecret::Keys(found) => keys.extend(found.into_iter().map(|key| (&*made.name, key))),
        }
    }
    let image = ImageRef::parse(image).expect("only images that can be read are asked about");
    let used = lookup(keys.iter().map(|(_, key)| key), &image);
    let owner =
        |used: &Key| keys.iter().find(|(_, key)| std::ptr::eq(key, used)).map_or("", |(name, _)| name);
    Ok(sorted(used.into_iter().map(|key| (owner(key).to_owned(), key.has_login())).collect()))
}

fn sorted(mut found: Vec<(String, bool)>) -> Vec<(String, bool)> {
    found.sort();
    found
}

fn class(found: &Found) -> &'static str {
    match found.as_deref() {
        Err(()) => "malformed",
        Ok([]) => "nothing",
        Ok([(_, true)]) => "a login",
        Ok([(_, false)]) => "only empty",
        Ok(_) => "several",
    }
}
