//! The engine against what Kubernetes itself does, by way of the Go program in `tests/oracle`.
//!
//! Every run makes other images and pairs. A failure prints the seed that makes the same again:
//!
//! ```text
//! PULLKEY_ORACLE_SEED=123 PULLKEY_ORACLE_CASES=1000000 cargo test --test oracle
//! ```

#[path = "support/script.rs"]
mod script;

#[path = "oracle/conditions.rs"]
mod conditions;
#[path = "oracle/configurations.rs"]
mod configurations;
#[path = "oracle/credentials.rs"]
mod credentials;
#[path = "oracle/facts.rs"]
mod facts;
#[path = "oracle/golden.rs"]
mod golden;
#[path = "oracle/images.rs"]
mod images;
#[path = "oracle/pairs.rs"]
mod pairs;
#[path = "oracle/parts.rs"]
mod parts;
#[path = "oracle/process.rs"]
mod process;
#[path = "oracle/secrets.rs"]
mod secrets;
#[path = "oracle/seed.rs"]
mod seed;
#[path = "oracle/table.rs"]
mod table;
#[path = "oracle/verdicts.rs"]
mod verdicts;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::panic;

use pullkey::engine::image::{ImageError, ImageRef};
use serde::{Deserialize, Serialize};

use process::{Oracle, say};
use seed::Random;
use verdicts::{KeyAnswer, Verdict, judge};

#[derive(Debug, Serialize)]
struct ImageQuestion {
    image: String,
}

#[derive(Debug, Deserialize)]
struct ImageAnswer {
    domain: String,
    path: String,
    lookup: String,
    refused: Option<Refused>,
}

#[derive(Debug, Deserialize)]
struct Refused {
    kind: String,
}

#[test]
fn images_are_read_as_the_go_reference_reads_them() {
    let Some(oracle) = Oracle::build_or_skip("images against distribution/reference") else { return };
    let seed = seed::seed();
    let mut random = Random::with_seed(seed);
    let odd = parts::ODD.iter().map(|&image| image.to_owned());
    let generated = (0..seed::cases()).map(|_| images::image(&mut random));
    let questions: Vec<ImageQuestion> = odd.chain(generated).map(|image| ImageQuestion { image }).collect();
    let answers: Vec<ImageAnswer> = oracle.ask(&questions);

    let mut counts = BTreeMap::new();
    let mut faults = Vec::new();
    for (ImageQuestion { image }, answer) in questions.iter().zip(&answers) {
        let expected = match &answer.refused {
            Some(Refused { kind }) => Err(kind.as_str()),
            None => Ok([&answer.domain, &answer.path, &answer.lookup].map(String::as_str)),
        };
        *counts.entry(expected.map_or_else(str::to_owned, class_of_name)).or_default() += 1;
        let ours = panic::catch_unwind(|| {
            ImageRef::parse(image)
                .map(|image| {
                    [image.domain(), image.path(), &image.repository().to_string()].map(str::to_owned)
                })
                .map_err(refusal_kind)
        });
        match ours {
            Err(_) => faults.push(format!("{image:?}: our parser panics")),
            Ok(ours)
                if ours.as_ref().map(|parts| parts.each_ref().map(String::as_str)).map_err(|kind| *kind)
                    != expected =>
            {
                faults.push(format!("{image:?}: ours {ours:?}, the Go reference {expected:?}"));
            }
            Ok(_) => {}
        }
    }
    assert_no_faults(seed, &faults);
    report("images", seed, &counts);

    // A generator that stops making one of these would go unnoticed otherwise.
    for class in [
        "Docker Hub",
        "another domain",
        "no domain",
        "identifier",
        "uppercase",
        "invalid-format",
        "too-long",
        "digest-unsupported",
        "digest-length",
        "digest-format",
    ] {
        assert!(counts.contains_key(class), "seed {seed}: no image of the kind {class:?} was made");
    }
}

#[test]
fn patterns_match_what_a_kubelet_key_matches_but_for_the_documented_differences() {
    let Some(oracle) = Oracle::build_or_skip("patterns against the kubelet's keyring") else { return };
    let seed = seed::seed();
    let mut random = Random::with_seed(seed);
    let generated = (0..seed::cases()).map(|_| pairs::pair(&mut random));
    let pairs: Vec<pairs::Pair> = pairs::odd().chain(generated).collect();
    let answers: Vec<KeyAnswer> = oracle.ask(&pairs);

    let mut counts = BTreeMap::new();
    let mut faults = Vec::new();
    for (pair, kubelet) in pairs.iter().zip(&answers) {
        match panic::catch_unwind(|| judge(pair, kubelet)) {
            Err(_) => faults.push(format!("{pair:?}: our engine panics")),
            Ok(Err(fault)) => faults.push(format!("{pair:?}, looked up as {:?}: {fault}", kubelet.lookup)),
            Ok(Ok(verdict)) => *counts.entry(verdict).or_default() += 1,
        }
    }
    assert_no_faults(seed, &faults);
    report("pairs", seed, &counts);

    for difference in Verdict::DOCUMENTED {
        assert!(counts.contains_key(&difference), "seed {seed}: no pair shows {difference:?}");
    }
    // Pairs that have nothing to do with each other would agree whatever the engine does.
    let matching = counts[&Verdict::BothMatch];
    assert!(matching * 10 >= pairs.len() * 3, "seed {seed}: only {matching} of {} pairs match", pairs.len());
}

/// The kind as the Go program names it.
fn refusal_kind(error: ImageError) -> &'static str {
    match error {
        ImageError::Identifier => "identifier",
        ImageError::Uppercase => "uppercase",
        ImageError::InvalidFormat => "invalid-format",
        ImageError::TooLong => "too-long",
        ImageError::DigestUnsupported => "digest-unsupported",
        ImageError::DigestLength => "digest-length",
        ImageError::DigestFormat => "digest-format",
    }
}

fn class_of_name([domain, _, _]: [&str; 3]) -> String {
    match domain {
        "docker.io" => "Docker Hub",
        "" => "no domain",
        _ => "another domain",
    }
    .to_owned()
}

fn report<Class: Debug>(what: &str, seed: u64, counts: &BTreeMap<Class, usize>) {
    let total: usize = counts.values().sum();
    say(&format!("oracle: {total} {what} with seed {seed}: {counts:?}"));
}

fn assert_no_faults(seed: u64, faults: &[String]) {
    let first: Vec<&str> = faults.iter().take(25).map(String::as_str).collect();
    assert!(
        faults.is_empty(),
        "{} differences, the first:\n  {}\nPULLKEY_ORACLE_SEED={seed} makes them again",
        faults.len(),
        first.join("\n  ")
    );
}
