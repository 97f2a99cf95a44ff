//! The text in CEL, and what evaluating it costs at most.
//!
//! It needs nothing that Kubernetes 1.30 does not know, and no regular expressions: those cost most.
//! An image's name is split at its slashes into `part`; `part[0]` is then its host with the port, or the first
//! component of a path on Docker Hub.

use std::collections::BTreeSet;

use super::wanted::{HostGlob, Paths, Wanted};

/// Above these figures the condition is true, so that no Pod can use up the API server's budget.
const LISTED_MAX: usize = 1000;
const IMAGES_MAX: usize = 128;
const IMAGE_LENGTH_MAX: usize = 512;
const HOST_LENGTH_MAX: usize = 128;

/// The API server spends at most 1,000,000 units on one expression (`PerCallLimit` in its `apis/cel/config.go`), for
/// all images together. What is left is for the lists that the images stand in.
const COST_MAX: usize = 850_000 / IMAGES_MAX;
/// Reading one image: a few dozen steps, and some that grow with its length by a tenth.
const COST_OF_IMAGE: usize = 900;
/// A comparison with the beginning or end of a host costs a tenth of the host's length, and some steps.
const COST_OF_COMPARISON: usize = HOST_LENGTH_MAX.div_ceil(10) + 4;
/// Cel-go refuses an expression of 100,000 characters; and kubectl keeps the whole manifest in one annotation of at
/// most 256 KiB.
const LENGTH_MAX: usize = 60_000;
/// Lists are broken into lines of about this length.
const COLUMNS: usize = 100;

const HEAD: &str = "\
[
  optional.ofNonZeroValue(object.?spec.?containers.orValue([])).orValue([]) +
  object.?spec.?initContainers.orValue([]) +
  object.?spec.?ephemeralContainers.orValue([])
].exists(containers, [object.?spec.?volumes.orValue([])].exists(volumes,
  containers.size() + volumes.size() > {LISTED_MAX} || [
    containers.map(container, container.?image.orValue('')) +
    volumes.map(volume, has(volume.image), volume.image.?reference.orValue(''))
  ].exists(images, images.size() > {IMAGES_MAX} || images.exists(image,
    image.size() > {IMAGE_LENGTH_MAX} || [image.split('/')].exists(part, part[0].size() > {HOST_LENGTH_MAX} ||
";
const TAIL: &str = "\n    )\n  ))\n))";

/// As image names are read: without a slash, or without a dot, a colon or an upper-case letter in what stands before
/// the first one, the name is one on Docker Hub. Two texts are no images but placeholders.
const IS_ON_DOCKER_HUB: &str = "\
!(image in ['', 'auto']) && (part.size() == 1 || part[0] in ['docker.io', 'index.docker.io'] || !(
        part[0].contains('.') || part[0].contains(':') || part[0] == 'localhost' || part[0] != part[0].lowerAscii()
      ))";
/// The first component of the path on Docker Hub.
const DOCKER_HUB_ACCOUNT: &str = "\
(part.size() == 1 ? 'library' :
        !(part[0] in ['docker.io', 'index.docker.io']) ? part[0] :
        part.size() == 2 ? 'library' : part[1])";
/// The host and the first component of the path, without a tag or digest that follows.
const HOST_AND_COMPONENT: &str = "(part[0] + '/' + part[1].split('@')[0].split(':')[0])";
const DOMAIN: &str = "[part[0].split('.')].exists(label, (label.size() < 2 ? part[0] :
        label[label.size() - 2] + '.' + label[label.size() - 1])";

/// The condition, if it fits into the limits.
pub(super) fn expression(wanted: &Wanted) -> Option<String> {
    let mut cost = COST_OF_IMAGE;
    let mut on_hosts: Vec<String> = [by_host(wanted, &mut cost), by_domain(wanted, &mut cost)].concat();
    on_hosts.extend(wanted.globs.iter().map(|glob| by_glob(glob, &mut cost)));
    let mut any = Vec::new();
    if !on_hosts.is_empty() {
        any.push(format!("part.size() > 1 && (\n        {}\n      )", on_hosts.join(" ||\n        ")));
    }
    any.extend(by_docker_hub(&wanted.docker_hub, &mut cost));
    let head = [
        ("{LISTED_MAX}", LISTED_MAX),
        ("{IMAGES_MAX}", IMAGES_MAX),
        ("{IMAGE_LENGTH_MAX}", IMAGE_LENGTH_MAX),
        ("{HOST_LENGTH_MAX}", HOST_LENGTH_MAX),
    ]
    .into_iter()
    .fold(HEAD.to_owned(), |head, (name, number)| head.replace(name, &number.to_string()));
    let text = format!("{head}      {}{TAIL}", any.join(" ||\n      "));
    (cost <= COST_MAX && text.len() <= LENGTH_MAX).then_some(text)
}

fn by_host(wanted: &Wanted, cost: &mut usize) -> Vec<String> {
    let (mut whole, mut some, mut heads, mut most, mut excepted) =
        (BTreeSet::new(), BTreeSet::new(), BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for (host, paths) in &wanted.hosts {
        let below = |components: &BTreeSet<String>| -> Vec<String> {
            components.iter().map(|component| format!("{host}/{component}")).collect()
        };
        match paths {
            Paths::None => {}
            Paths::Only(components) => {
                some.insert(host.clone());
                heads.extend(below(components));
            }
            Paths::AllBut(none) if none.is_empty() => drop(whole.insert(host.clone())),
            Paths::AllBut(components) => {
                most.insert(host.clone());
                excepted.extend(below(components));
            }
        }
    }
    let mut tests = Vec::new();
    if !whole.is_empty() {
        tests.push(format!("part[0] in {}", list(&whole, cost)));
    }
    if !some.is_empty() {
        let hosts = list(&some, cost);
        tests
            .push(format!("part[0] in {hosts} &&\n          {HOST_AND_COMPONENT} in {}", list(&heads, cost)));
    }
    if !most.is_empty() {
        let hosts = list(&most, cost);
        tests.push(format!(
            "part[0] in {hosts} &&\n          !({HOST_AND_COMPONENT} in {})",
            list(&excepted, cost)
        ));
    }
    tests
}

fn by_domain(wanted: &Wanted, cost: &mut usize) -> Vec<String> {
    if wanted.domains.is_empty() {
        return Vec::new();
    }
    vec![format!("{DOMAIN} in {})", list(&wanted.domains, cost))]
}

fn by_glob(glob: &HostGlob, cost: &mut usize) -> String {
    let mut tests = Vec::new();
    let mut compare = |how: &str, text: &str, times: usize| {
        tests.push(format!("part[0].{how}('{text}')"));
        *cost += COST_OF_COMPARISON * times;
    };
    if !glob.prefix.is_empty() {
        compare("startsWith", &glob.prefix, 1);
    }
    if !glob.suffix.is_empty() {
        compare("endsWith", &glob.suffix, 1);
    }
    for middle in &glob.middle {
        // It costs the product of both lengths, each in tenths.
        compare("contains", middle, middle.len().div_ceil(10));
    }
    if tests.is_empty() { "!part[0].contains('.')".to_owned() } else { tests.join(" && ") }
}

fn by_docker_hub(paths: &Paths, cost: &mut usize) -> Option<String> {
    match paths {
        Paths::None => None,
        Paths::AllBut(none) if none.is_empty() => Some(IS_ON_DOCKER_HUB.to_owned()),
        Paths::AllBut(accounts) => Some(format!(
            "{IS_ON_DOCKER_HUB} && !(\n        {DOCKER_HUB_ACCOUNT} in {})",
            list(accounts, cost)
        )),
        Paths::Only(accounts) => {
            Some(format!("{IS_ON_DOCKER_HUB} &&\n        {DOCKER_HUB_ACCOUNT} in {}", list(accounts, cost)))
        }
    }
}

/// A list of texts, all of which come from patterns: none has a quote or a backslash.
/// To look something up costs as many units as the list has items.
fn list(items: &BTreeSet<String>, cost: &mut usize) -> String {
    *cost += items.len();
    let mut text = String::new();
    let mut line_from = 0;
    for item in items {
        if !text.is_empty() {
            text.push(',');
            if text.len() - line_from + item.len() < COLUMNS {
                text.push(' ');
            } else {
                text.push_str("\n          ");
                line_from = text.len();
            }
        }
        text.extend(["'", item, "'"]);
    }
    format!("[{text}]")
}
