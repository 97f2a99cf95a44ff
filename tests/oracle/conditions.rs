//! The condition on images against the engine, evaluated by the API server's own code: never false where something
//! would be injected, never an error, never beyond the budget.

use std::collections::BTreeMap;

use pullkey::cluster::registration::rendered::{
    Endpoint, FailurePolicy, ImageCondition, Namespaces, Registration,
};
use pullkey::engine::conditions::{self, Detail, NoCondition};
use pullkey::engine::config::{Config, Entry};
use pullkey::engine::image::ImageRef;
use pullkey::engine::pattern::Pattern;
use pullkey::engine::review::{Outcome, review};
use pullkey::engine::rules::Rules;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::configurations::{a_config, a_place, a_pod};
use super::process::{Oracle, say};
use super::seed::{self, Random};
use super::{assert_no_faults, report};

/// How many Pods are tried with one configuration.
const PODS: usize = 20;
/// What the API server spends at most on one expression, and on all of a webhook (`apis/cel/config.go`).
const COST_MAX: u64 = 1_000_000;

#[derive(Debug, Serialize)]
struct Question {
    conditions: Value,
    pods: Vec<Value>,
}

#[derive(Debug, Deserialize)]
struct Answer {
    pods: Vec<Match>,
}

#[derive(Debug, Deserialize)]
struct Match {
    matches: bool,
    error: Option<String>,
    cost: u64,
    microseconds: u64,
}

/// What the condition says, beside what the engine does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    /// Sent, and patched.
    SentAndPatched,
    /// Sent, and an entry matches, but the Pod has the names, or is in another namespace.
    SentAndMatched,
    /// Sent, and no entry matches.
    SentWithoutNeed,
    /// Kept away, and nothing would have come of it.
    KeptAway,
}

#[test]
fn the_condition_on_images_never_keeps_away_what_would_be_injected() {
    let Some(oracle) = Oracle::build_or_skip("conditions against the API server's CEL") else { return };
    let seed = seed::seed();
    let mut random = Random::with_seed(seed);
    // What makes the condition of a configuration coarser, and matches none of the images.
    let coarser = [
        (Detail::Path, Vec::new()),
        (Detail::Host, padding(|number| format!("padding.test/{number}"))),
        (Detail::Domain, padding(|number| format!("registry-{number}.padding.test"))),
    ];
    let (configs, questions): (Vec<Config>, Vec<Question>) = (0..(seed::cases() / 100).max(1))
        .map(|number| {
            let places = (0..random.between(2, 8)).map(|_| a_place(&mut random)).collect::<Vec<_>>();
            let mut config = a_config(&mut random, &places);
            let pods = (0..PODS).map(|_| a_pod(&mut random, &places)).collect();
            // Seldom, because they take long: the engine indexes thousands of patterns.
            let (detail, padding) = &coarser[[1, 2].get(number % 40).copied().unwrap_or_default()];
            config.entries.extend_from_slice(padding);
            let made = conditions::ImageCondition::of(&config).expect("no entry is for always");
            assert_eq!(made.detail, *detail);
            (config, Question { conditions: rendered(made.expression), pods })
        })
        .unzip();
    let answers: Vec<Answer> = oracle.ask(&questions);

    let mut counts = BTreeMap::new();
    let mut faults = Vec::new();
    for ((config, question), answer) in configs.into_iter().zip(&questions).zip(answers) {
        let written: Vec<String> =
            config.entries.iter().map(|entry| format!("{entry:?}").chars().take(2000).collect()).collect();
        let rules = Rules::new(config);
        for (pod, answer) in question.pods.iter().zip(answer.pods) {
            match judge(&rules, pod, &answer) {
                Ok(verdict) => *counts.entry(verdict).or_default() += 1,
                Err(fault) => faults.push(format!("{fault}: {pod}\n    with {}", written.join("\n    "))),
            }
        }
    }
    assert_no_faults(seed, &faults);
    report("Pods", seed, &counts);
    let count = |verdict| counts.get(&verdict).copied().unwrap_or_default();
    let (without_need, kept_away) = (count(Verdict::SentWithoutNeed), count(Verdict::KeptAway));
    say(&format!(
        "oracle: of {} Pods that no entry matches, most of them by a hair, {without_need} are sent all the same",
        without_need + kept_away
    ));
    // A generator that makes only one of these would show nothing.
    for verdict in [Verdict::SentAndPatched, Verdict::KeptAway] {
        assert!(
            count(verdict) * 10 >= counts.values().sum::<usize>(),
            "seed {seed}: {verdict:?} is too rare"
        );
    }
}

/// One entry with more patterns than a fine condition has room for.
fn padding(pattern: fn(usize) -> String) -> Vec<Entry> {
    let patterns: Vec<String> = (0..3000).map(pattern).collect();
    let text = json!({
        "apiVersion": "pullkey.dev/v1alpha1",
        "kind": "InjectorConfiguration",
        "registries": [{"matchImages": patterns, "pullSecrets": ["padding"]}],
    });
    Config::parse(&text.to_string()).expect("it is right").0.entries
}

fn judge(rules: &Rules, pod: &Value, answer: &Match) -> Result<Verdict, String> {
    if let Some(error) = &answer.error {
        return Err(format!("the API server refuses the Pod: {error}"));
    }
    if answer.cost > COST_MAX {
        return Err(format!("it costs {}", answer.cost));
    }
    let asked = json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "1",
            "resource": {"group": "", "version": "v1", "resource": "pods"},
            "kind": {"group": "", "version": "v1", "kind": "Pod"},
            "operation": "CREATE",
            "namespace": "team-a",
            "object": pod,
        },
    });
    let body = asked.to_string();
    let ours = review(body.as_bytes(), rules).map_err(|error| format!("our engine refuses it: {error}"))?;
    match (answer.matches, ours.outcome) {
        (true, Outcome::Patched(_)) => Ok(Verdict::SentAndPatched),
        (false, Outcome::Patched(names)) => Err(format!("kept away, although it needs {names:?}")),
        (false, _) => Ok(Verdict::KeptAway),
        (true, _) if matches_any(rules, pod) => Ok(Verdict::SentAndMatched),
        (true, _) => Ok(Verdict::SentWithoutNeed),
    }
}

/// Tells whether some entry matches some image, in whatever namespace.
fn matches_any(rules: &Rules, pod: &Value) -> bool {
    let names = images_of(pod);
    let read = names.iter().filter(|image| *image != "auto").filter_map(|image| ImageRef::parse(image).ok());
    let mut matches = read.flat_map(|image| {
        rules.entries().iter().map(move |entry| {
            let any = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.matches(&image));
            any(&entry.match_images) && !any(&entry.except_images)
        })
    });
    matches.any(|matches| matches)
}

fn images_of(pod: &Value) -> Vec<String> {
    let spec = &pod["spec"];
    let containers = ["containers", "initContainers", "ephemeralContainers"].into_iter();
    let containers = containers.flat_map(|list| spec[list].as_array().into_iter().flatten());
    let volumes = spec["volumes"].as_array().into_iter().flatten();
    let texts =
        containers.map(|one| &one["image"]).chain(volumes.map(|volume| &volume["image"]["reference"]));
    texts.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// All conditions of the registration that is rendered for a configuration.
fn match_conditions(config: &Config) -> Value {
    let made = conditions::ImageCondition::of(config).expect("it has no entry for always and is small");
    rendered(made.expression)
}

fn rendered(expression: String) -> Value {
    let registration = Registration {
        name: "pullkey".to_owned(),
        endpoint: Endpoint::Url("https://localhost/mutate".to_owned()),
        own_namespace: "pullkey-system".to_owned(),
        namespaces: Namespaces::OptIn,
        failure_policy: FailurePolicy::Fail,
        timeout_seconds: 5,
        image_condition: Some(ImageCondition { expression, configuration: "0".to_owned() }),
    };
    registration.object()["webhooks"][0]["matchConditions"].take()
}

/// Configurations of every size, and how their condition is made.
fn sizes() -> Vec<(&'static str, Vec<String>, Result<Detail, NoCondition>)> {
    let each = |count: usize, pattern: fn(usize) -> String| (0..count).map(pattern).collect::<Vec<_>>();
    let mixed = |number: usize| match number % 4 {
        0 => format!("registry-{number}.example.com"),
        1 => format!("cr.example.com/team-{number}"),
        2 => format!("registry.internal:{}", 5000 + number),
        _ => format!("*.dkr.ecr.region-{number}.amazonaws.com"),
    };
    vec![
        ("10 hosts", each(10, |n| format!("registry-{n}.example.com")), Ok(Detail::Path)),
        ("200 of all kinds", each(200, mixed), Ok(Detail::Path)),
        ("200 hosts", each(200, |n| format!("registry-{n}.example.com")), Ok(Detail::Path)),
        ("200 paths", each(200, |n| format!("registry.example.com/team-{n}")), Ok(Detail::Path)),
        ("200 globs", each(200, |n| format!("*.team-{n}.example.com")), Ok(Detail::Path)),
        ("300 globs", each(300, |n| format!("*.team-{n}.example.com")), Ok(Detail::Path)),
        ("400 globs", each(400, |n| format!("*.team-{n}.example.com")), Ok(Detail::Domain)),
        ("1000 hosts", each(1000, |n| format!("registry-{n}.example.com")), Ok(Detail::Path)),
        ("5000 paths", each(5000, |n| format!("registry.example.com/team-{n}")), Ok(Detail::Host)),
        ("5000 hosts", each(5000, |n| format!("registry-{n}.example.com")), Ok(Detail::Domain)),
        ("5000 domains", each(5000, |n| format!("registry.example-{n}.com")), Err(NoCondition::TooLarge)),
        ("1000 globs without a domain", each(1000, |n| format!("r{n}.*")), Err(NoCondition::TooLarge)),
    ]
}

#[test]
fn the_condition_on_images_stays_within_the_budget_whatever_the_configuration_and_the_pod() {
    let Some(oracle) = Oracle::build_or_skip("the cost of conditions in the API server's CEL") else {
        return;
    };
    let pods = [("100 usual images", usual_pod()), ("128 long images", long_pod())];
    let mut questions = Vec::new();
    let mut names = Vec::new();
    for (name, patterns, expected) in sizes() {
        let entries: Vec<Value> =
            patterns.iter().map(|pattern| json!({"matchImages": [pattern], "pullSecrets": ["a"]})).collect();
        let text = json!({
            "apiVersion": "pullkey.dev/v1alpha1", "kind": "InjectorConfiguration", "registries": entries,
        });
        let (config, _) = Config::parse(&text.to_string()).unwrap_or_else(|error| panic!("{name}: {error}"));
        let made = conditions::ImageCondition::of(&config);
        assert_eq!(made.as_ref().map(|made| made.detail).map_err(Clone::clone), expected, "{name}");
        if let Ok(made) = made {
            names.push((name, made.detail, made.expression.len()));
            let pods = pods.iter().map(|(_, pod)| pod.clone()).collect();
            questions.push(Question { conditions: rendered(made.expression), pods });
        }
    }
    let answers: Vec<Answer> = oracle.ask(&questions);
    for ((name, detail, length), answer) in names.into_iter().zip(answers) {
        for ((pod, _), answer) in pods.iter().zip(answer.pods) {
            say(&format!(
                "oracle: {name} ({detail:?}, {length} characters), {pod}: cost {}, {} µs",
                answer.cost, answer.microseconds
            ));
            assert_eq!(answer.error, None, "{name}, {pod}");
            assert!(answer.cost <= COST_MAX, "{name}, {pod}: {}", answer.cost);
            // An image that matched early would have cost nothing.
            assert!(!answer.matches, "{name}, {pod}");
        }
    }
}

/// Images that match nothing, so that all of them are looked at to the end.
fn usual_pod() -> Value {
    let image = |number: usize| format!("ghcr.io/some-organisation/some-repository/image-{number}:1.2.3");
    pod_with((0..100).map(image))
}

/// As many images, as long and with as long a host, as are looked at.
fn long_pod() -> Value {
    let host = format!("{}.example.org", "a".repeat(128 - ".example.org".len()));
    pod_with((0..128).map(|number| {
        let name = format!("{host}/{number:03}");
        format!("{name}{}", "a".repeat(512 - name.len()))
    }))
}

fn pod_with(images: impl Iterator<Item = String>) -> Value {
    let containers: Vec<Value> = images.map(|image| json!({"name": "c", "image": image})).collect();
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {}, "spec": {"containers": containers}})
}

#[test]
fn a_pod_that_is_too_large_for_the_condition_is_sent() {
    let Some(oracle) = Oracle::build_or_skip("large Pods in the API server's CEL") else { return };
    let config = "{apiVersion: pullkey.dev/v1alpha1, kind: InjectorConfiguration, \
                  registries: [{matchImages: [registry.example.com], pullSecrets: [a]}]}";
    let (config, _) = Config::parse(config).expect("it is right");
    let image = |_| "ghcr.io/some/image".to_owned();
    let many_volumes: Vec<Value> = (0..1001).map(|_| json!({"name": "v", "emptyDir": {}})).collect();
    let mut with_volumes = pod_with((0..1).map(image));
    with_volumes["spec"]["volumes"] = many_volumes.into();
    let pods = vec![
        pod_with((0..128).map(image)),
        pod_with((0..129).map(image)),
        pod_with((0..30_000).map(image)),
        pod_with([format!("ghcr.io/{}", "a".repeat(505))].into_iter()),
        pod_with([format!("ghcr.io/{}", "a".repeat(1_000_000))].into_iter()),
        pod_with([format!("{}.io/a", "a".repeat(126))].into_iter()),
        with_volumes,
    ];
    let question = Question { conditions: match_conditions(&config), pods };
    let [answer] = &oracle.ask::<_, Answer>(&[question])[..] else { panic!("one answer") };
    let sent: Vec<bool> = answer.pods.iter().map(|pod| pod.matches).collect();
    assert_eq!(sent, [false, true, true, true, true, true, true]);
    assert!(answer.pods.iter().all(|pod| pod.error.is_none() && pod.cost <= COST_MAX), "{answer:?}");
}
