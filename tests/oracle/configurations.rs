//! Configurations, and Pods with images that their patterns match, or nearly.

use pullkey::engine::config::Config;
use pullkey::engine::pattern::Pattern;
use serde_json::{Value, json};

use super::seed::Random;
use super::{images, pairs};

macro_rules! digest {
    () => {
        "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    };
}

/// Pairs of which several often meet in one configuration: a host, what is below it, and the spellings of both.
const NEIGHBOURS: &[(&str, &str)] = &[
    ("quay.io", "quay.io/team/app:1.2"),
    ("quay.io/team", "quay.io/team/app"),
    ("quay.io/team", "quay.io/team"),
    ("quay.io/team", "quay.io/team:1.2"),
    ("quay.io/team", concat!("quay.io/team@", digest!())),
    ("quay.io/team", concat!("quay.io/team:1.2@", digest!())),
    ("quay.io/team/app", "quay.io/team/app/web"),
    ("*.io/team", "quay.io/team/app"),
    ("docker.io", "nginx"),
    ("docker.io/library", "docker.io/nginx:1.2"),
    ("docker.io/library", "index.docker.io/nginx"),
    ("docker.io/library/nginx", "docker.io/library/nginx"),
    ("docker.io/team", "team/app"),
    ("docker.io/team", "index.docker.io/team/app"),
    ("docker.io/team/app", concat!("docker.io/team/app@", digest!())),
    ("*.io", "docker.io/team/app"),
];

/// A pattern and an image that may have to do with each other.
pub(crate) fn a_place(random: &mut Random) -> pairs::Pair {
    if !random.once_in(3) {
        return pairs::pair(random);
    }
    let (key, image) = random.pick(NEIGHBOURS);
    pairs::Pair { key: key.to_owned(), image: image.to_owned() }
}

/// Entries whose patterns are for these places, and exceptions that take out some of them.
pub(crate) fn a_config(random: &mut Random, places: &[pairs::Pair]) -> Config {
    let is_pattern = |text: &str| text.parse::<Pattern>().is_ok();
    let mut patterns: Vec<&str> = places
        .iter()
        .map(|pair| if pairs::DOCKER_HUB_KEYS.contains(&&*pair.key) { "docker.io" } else { &pair.key })
        .collect();
    if random.once_in(3) {
        // The hosts alone, too: paths make most of the Pods near misses.
        let hosts: Vec<&str> = patterns.iter().filter_map(|key| key.split('/').next()).collect();
        patterns.extend(hosts);
    }
    patterns.retain(|pattern| is_pattern(pattern));
    if patterns.is_empty() {
        patterns.push("quay.io");
    }
    loop {
        let entries: Vec<Value> = (0..random.between(1, 4)).map(|_| an_entry(random, &patterns)).collect();
        let text = json!({
            "apiVersion": "pullkey.dev/v1alpha1", "kind": "InjectorConfiguration", "registries": entries,
        });
        // Some make no sense: an exception that leaves nothing, a pattern twice.
        if let Ok((config, _)) = Config::parse(&text.to_string()) {
            return config;
        }
    }
}

fn an_entry(random: &mut Random, patterns: &[&str]) -> Value {
    let some = |random: &mut Random, most| -> Vec<&str> {
        (0..random.between(1, most)).map(|_| random.pick(patterns)).collect()
    };
    let matched = some(random, 3);
    let mut entry = json!({"matchImages": matched, "pullSecrets": [random.pick(&["a", "b", "c"])]});
    if random.once_in(2) {
        let excepted: Vec<String> = some(random, 2)
            .into_iter()
            .map(|pattern| {
                let path = random.pick(&["library", "team", "team-a", "team/app", "nginx", "app", "a"]);
                if random.once_in(3) { pattern.to_owned() } else { format!("{pattern}/{path}") }
            })
            .collect();
        entry["exceptImages"] = json!(excepted);
    }
    if random.once_in(6) {
        entry["namespaces"] = json!([random.pick(&["team-*", "other"])]);
    }
    entry
}

/// A Pod with images of these places, and others, wherever a Pod can have one.
pub(crate) fn a_pod(random: &mut Random, places: &[pairs::Pair]) -> Value {
    let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "app"}});
    if random.once_in(40) {
        return pod;
    }
    pod["spec"] = json!({});
    for list in ["containers", "initContainers", "ephemeralContainers", "volumes"] {
        let most = if random.once_in(200) { 140 } else { random.pick(&[0, 1, 1, 2]) };
        let items: Vec<Value> = (0..random.between(0, most)).map(|_| an_item(random, list, places)).collect();
        match random.below(8) {
            0 => {}
            1 => pod["spec"][list] = Value::Null,
            _ => pod["spec"][list] = items.into(),
        }
    }
    if random.once_in(20) {
        pod["metadata"]["annotations"] = json!({"kubernetes.io/config.mirror": "1"});
    } else if random.once_in(8) {
        pod["metadata"]["annotations"] = json!({"other": "1"});
    }
    if random.once_in(8) {
        pod["spec"]["imagePullSecrets"] = json!([{"name": random.pick(&["a", "b", "c"])}]);
    }
    pod
}

fn an_item(random: &mut Random, list: &str, places: &[pairs::Pair]) -> Value {
    let image = match random.below(12) {
        0..8 => places[random.below(places.len())].image.clone(),
        8 => images::image(random),
        9 => random.pick(&["auto", "", "nginx", "quay.io", "index.docker.io/nginx:1"]).to_owned(),
        10 => format!("quay.io/{}", "a/".repeat(random.between(100, 300))),
        _ => pairs::pair(random).image,
    };
    let with_image = !random.once_in(20);
    match list {
        "volumes" if random.once_in(3) => json!({"name": "v", "emptyDir": {}}),
        "volumes" if with_image => json!({"name": "v", "image": {"reference": image}}),
        "volumes" => json!({"name": "v", "image": {}}),
        _ if with_image => json!({"name": "c", "image": image}),
        _ => json!({"name": "c"}),
    }
}
