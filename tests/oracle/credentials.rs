//! Whole Secrets: what the engine reads out of them against the keyring that the kubelet makes of them.

use std::collections::BTreeMap;
use std::panic;

use pullkey::engine::config::Config;
use pullkey::engine::credentials::{Key, Note, PullSecret, Spelling, lookup};
use pullkey::engine::image::ImageRef;
use pullkey::engine::rules::Rules;
use pullkey::init::docker::DockerConfig;
use pullkey::init::proposal::propose;
use pullkey::init::remarks::Remarks;
use pullkey::init::secrets::Secrets;
use pullkey::init::written;
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
    let (cases, answers) = asked(&oracle, &mut random, seed::cases() / 2, |_| {});

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

#[test]
fn the_configuration_of_init_names_each_secret_that_has_a_login_for_an_image() {
    let Some(oracle) = Oracle::build_or_skip("pullkey init against the kubelet's keyring") else { return };
    let seed = seed::seed();
    let mut random = Random::with_seed(seed);
    let (cases, answers) = asked(&oracle, &mut random, seed::cases() / 10, |made| {
        // What the kubelet cannot read, init leaves out.
        made.retain(|made| found(std::slice::from_ref(made), "nginx").is_ok());
    });

    let mut counts = BTreeMap::new();
    let mut faults = Vec::new();
    for ((made, image), answer) in cases.iter().zip(&answers) {
        let (rules, said) = initialised(made);
        let names =
            rules.as_ref().map_or_else(Vec::new, |rules| rules.select([image.as_str()], "team").names);
        for Credential { login, secret } in answer.credentials.iter().flatten() {
            let verdict = match (login, names.contains(&secret.as_str())) {
                (true, true) => "named",
                (false, _) => "no login",
                (true, false) => {
                    let Some(excuse) = excused(made, secret, image, &said) else {
                        faults.push(format!("{image:?}: {secret} is not named; {made:?}, said {said}"));
                        continue;
                    };
                    excuse
                }
            };
            *counts.entry(verdict).or_default() += 1;
        }
    }
    assert_no_faults(seed, &faults);
    report("Pods with the configuration of init", seed, &counts);
    for class in ["named", "said by init", "a host of one label"] {
        assert!(counts.contains_key(class), "seed {seed}: no Pod shows {class:?}");
    }
}

/// At least so many cases of Secrets and an image, and what the kubelet says of each.
fn asked(
    oracle: &Oracle,
    random: &mut Random,
    count: usize,
    prepare: impl Fn(&mut Vec<Made>),
) -> (Vec<(Vec<Made>, String)>, Vec<Answer>) {
    let (mut cases, mut questions) = (Vec::new(), Vec::new());
    while cases.len() < count {
        let (mut made, images) = secrets::pod(random);
        prepare(&mut made);
        let objects: Vec<Value> = made.iter().map(Made::object).collect();
        for image in images.into_iter().filter(|image| ImageRef::parse(image).is_ok()) {
            questions.push(json!({ "secrets": objects, "image": image }));
            cases.push((made.clone(), image));
        }
    }
    let answers = oracle.ask(&questions);
    (cases, answers)
}

/// What `pullkey init` makes of these Secrets, and all that it says about them. Of a single one it is
/// `--from-docker-config`, with the text as docker's file.
fn initialised(made: &[Made]) -> (Option<Rules>, String) {
    let (mut secrets, mut remarks) = (Secrets::default(), Remarks::default());
    for each in made {
        match str::from_utf8(&each.text).map(DockerConfig::read) {
            Ok(Ok(config)) if made.len() == 1 && each.is_docker_config() => {
                let keys = config.keys.into_iter().filter(Key::has_login).collect();
                secrets.insert(None, &each.name, keys, &mut remarks);
            }
            _ => secrets.add(&each.object(), Some("team"), &mut remarks),
        }
    }
    let entries = propose(&secrets, &mut remarks);
    let said = remarks.lines().collect::<Vec<_>>().join("\n");
    if entries.is_empty() {
        return (None, said);
    }
    let yaml = written::yaml("a test", &entries, &BTreeMap::new());
    let (config, _) = Config::parse(&yaml).unwrap_or_else(|findings| panic!("{findings}\n{yaml}"));
    (Some(Rules::new(config)), said)
}

/// Why a Secret with a login is rightly not named for an image.
fn excused(made: &[Made], secret: &str, image: &str, said: &str) -> Option<&'static str> {
    let made = made.iter().find(|made| made.name == secret)?;
    let PullSecret::Keys(keys) = PullSecret::read(made.secret_type, |_| Some(&made.text)) else {
        return None;
    };
    let image = ImageRef::parse(image).ok()?;
    let host = image.domain();
    let mut excuse = None;
    for key in lookup(&keys, &image).into_iter().filter(|key| key.has_login()) {
        excuse = Some(match key.spelling() {
            Spelling::Pattern { pattern, .. } if pattern.as_str() == "docker.io" && host != "docker.io" => {
                "a host of one label"
            }
            Spelling::Pattern { pattern, .. } if host.starts_with('[') && pattern.as_str().contains('*') => {
                "a star for IPv6"
            }
            // The sentence names one such key for all.
            Spelling::Pattern { note: Some(_), .. }
                if said.contains("a pattern with a path ends at a slash") =>
            {
                "said by init"
            }
            Spelling::Pattern { note: Some(Note::ApiVersion), .. } | Spelling::Unsayable(_)
                if said.contains(key.as_str()) =>
            {
                "said by init"
            }
            // To the kubelet the brackets without a port are a class of characters, or a character each.
            Spelling::Never { .. } if key.as_str().contains(['[', ']']) && said.contains(key.as_str()) => {
                "brackets without a port"
            }
            _ => return None,
        });
    }
    excuse
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
