//! Credential keys and image names that belong together: both are made from one seed text, so that
//! a good part of them match and the rest nearly does.

use serde::Serialize;

use super::images;
use super::seed::Random;

/// An `auths` key and an image name, as the Go program is asked about them.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Pair {
    pub(crate) key: String,
    pub(crate) image: String,
}

/// Keys for Docker Hub that a pattern spells `docker.io`.
pub(crate) const DOCKER_HUB_KEYS: &[&str] = &[
    "https://index.docker.io/v1/",
    "https://index.docker.io/v2/",
    "http://index.docker.io/v1/",
    "https://index.docker.io/",
    "https://index.docker.io",
    "index.docker.io/v1/",
    "index.docker.io/",
    "index.docker.io",
];

/// Pairs that are tried in every run, whatever the seed.
const ODD: &[(&str, &str)] = &[
    ("registry.example.com/team-a", "registry.example.com/team-abc/app"),
    ("registry.example.com/team-", "registry.example.com/team-a/app"),
    ("registry.example.com/team-a", "registry.example.com/team-a"),
    ("https://index.docker.io/v1/", "nginx"),
    ("https://index.docker.io/v1/", "localhost/app"),
    ("https://index.docker.io/v1/", "MyReg/app"),
    ("https://index.docker.io/v1/", "MyReg:5000/app"),
    ("https://index.docker.io/v1/", "my_reg.example.com/app"),
    ("https://index.docker.io/v1/", "[::1]/app"),
    ("*", "[::1]/app"),
    ("*", "localhost/app"),
    ("*", "MyReg/app"),
    ("*", "A/a"),
    ("*:5000", "[::1]:5000/app"),
    ("*:5000", "registry:5000/app"),
    ("[::1]", "[::1]/app"),
    ("[::A]", "A/app"),
    ("[::1]:5000", "[::1]:5000/app"),
    ("[::1]:5000", "[0::1]:5000/app"),
    ("[FE80::1]:5000", "[fe80::1]:5000/app"),
    ("[abc]:5000", "[abc]:5000/app"),
    ("[1:2]:5000", "[1:2]:5000/app"),
    ("[::1%25eth0]:5000", "[::1]:5000/app"),
    ("my_reg.example.com", "my_reg.example.com/a"),
    ("*.example.com", "my_reg.example.com/a"),
    ("my_*.example.com/a", "my_reg.example.com/a/b"),
    ("my_reg:5000", "my_reg:5000/a"),
    ("registry.example.com/v1", "registry.example.com/v1/app"),
    ("registry.example.com/v1/app", "registry.example.com/v1/app"),
    ("registry.example.com/v1/app", "registry.example.com/app"),
    ("registry.example.com:", "registry.example.com/app"),
    ("registry.example.com:443", "registry.example.com/app"),
    ("registry.example.com:05000", "registry.example.com:5000/app"),
    ("registry.example.com:05000", "registry.example.com:05000/app"),
    ("registry.example.com:99999999999999999999", "registry.example.com:99999999999999999999/app"),
    ("registry", "registry/app"),
    ("registry/app", "registry/app"),
    ("library", "nginx"),
    ("docker.io/nginx", "nginx"),
    ("docker.io/library/nginx", "docker.io/nginx:1@sha256:aa"),
    ("*.*.*", "a.b.c/d"),
    ("*.*", "nginx"),
    ("**.io", "quay.io/a"),
    ("r[e]gistry.example.com", "registry.example.com/a"),
    ("r?gistry.example.com", "registry.example.com/a"),
    ("registry.example.com/te*", "registry.example.com/team/a"),
    ("registry.example.com/Team", "registry.example.com/team/a"),
];

/// A place that images come from.
struct Place {
    host: String,
    port: Option<String>,
    path: Vec<String>,
}

/// The pairs that every run begins with.
pub(crate) fn odd() -> impl Iterator<Item = Pair> {
    ODD.iter().map(|&(key, image)| Pair { key: key.to_owned(), image: image.to_owned() })
}

/// One pair.
pub(crate) fn pair(random: &mut Random) -> Pair {
    let mut place = a_place(random);
    let mut image = spell_image(random, &place);
    if random.once_in(16) {
        // Sometimes the key is for another place after all.
        place = a_place(random);
    }
    // Docker Hub's keys say something only of its images and of the hosts they reach by mistake.
    let hub_key_once_in = match place.host.as_str() {
        "docker.io" => 4,
        host if !host.contains(['.', ':']) => 3,
        _ => 40,
    };
    let mut key = if random.once_in(hub_key_once_in) {
        random.pick(DOCKER_HUB_KEYS).to_owned()
    } else {
        spell_key(random, &place)
    };
    if random.once_in(20) {
        image = images::disturbed(random, &image);
    }
    if random.once_in(16) {
        key = images::disturbed(random, &key);
    }
    Pair { key, image }
}

fn a_place(random: &mut Random) -> Place {
    let hosts = &[
        "docker.io",
        "docker.io",
        "docker.io",
        "registry-1.docker.io",
        "registry.example.com",
        "registry.example.com",
        "Registry.Example.com",
        "quay.io",
        "quay.io",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
        "127.0.0.1",
        "localhost",
        "localhost",
        "MyReg",
        "A",
        "my_reg.example.com",
        "a__b.io",
    ];
    let (host, port) = match random.below(20) {
        0..16 => (random.pick(hosts).to_owned(), None),
        16..18 => (format!("[{}]", images::ipv6(random)), None),
        _ => {
            let authority = images::authority(random);
            match authority.rsplit_once(':') {
                Some((host, port)) if !port.contains(']') => (host.to_owned(), Some(port.to_owned())),
                _ => (authority, None),
            }
        }
    };
    let wants_port = if host.starts_with('[') { !random.once_in(4) } else { random.once_in(5) };
    let port = port.or_else(|| wants_port.then(|| random.pick(&["5000", "443", "05000", "80"]).to_owned()));
    let mut path: Vec<String> = (0..random.between(1, 3)).map(|_| component(random)).collect();
    if random.once_in(20) {
        path.insert(0, random.pick(&["v1", "v2", "v1beta1"]).to_owned());
    }
    Place { host, port, path }
}

/// Mostly a right component: an image with a wrong one is unreadable and shows nothing of the key.
fn component(random: &mut Random) -> String {
    if random.once_in(12) {
        return images::component(random);
    }
    random.pick(&["team", "team-a", "team-b", "app", "library", "nginx", "a", "a.b", "x__y", "0"]).to_owned()
}

fn spell_image(random: &mut Random, place: &Place) -> String {
    let path = place.path.join("/");
    let name = match (place.host.as_str(), &place.port) {
        ("docker.io", None) => match random.below(4) {
            0 => format!("docker.io/{path}"),
            1 => format!("index.docker.io/{path}"),
            _ => path,
        },
        (host, None) => format!("{host}/{path}"),
        (host, Some(port)) => format!("{host}:{port}/{path}"),
    };
    // A wrong tag or digest makes the image unreadable, which other tests look at.
    let tag = random.pick(&["", "", ":latest", ":1.2", ":V1"]);
    let digest = if random.once_in(8) { images::digest(random) } else { String::new() };
    name + tag + &digest
}

fn spell_key(random: &mut Random, place: &Place) -> String {
    let host = key_host(random, &place.host);
    let port = match (&place.port, random.below(16)) {
        (_, 0) => random.pick(&["", ":", ":443", ":5000", ":*", ":05000", ":http", ":5*"]).to_owned(),
        (Some(port), 1) => format!(":0{port}"),
        (Some(port), _) => format!(":{port}"),
        (None, _) => String::new(),
    };
    let mut path = place.path.join("/");
    if place.host == "docker.io" && place.path.len() == 1 {
        path.insert_str(0, "library/");
    }
    let path = key_path(random, &path);
    let scheme = match random.below(40) {
        0 => random.pick(&["https://", "http://", "HTTPS://", "docker://", "oci://", "user@", "user:pw@"]),
        _ => "",
    };
    format!("{scheme}{host}{port}{path}")
}

/// The host, a glob that covers it, or one that just does not.
fn key_host(random: &mut Random, host: &str) -> String {
    if host.starts_with('[') {
        return match random.below(12) {
            0 | 1 => "*".to_owned(),
            2 => host.to_uppercase(),
            3 => host.replacen("::", ":0::", 1),
            4 => random.pick(&["[*]", "[::*]", "[::", "::1", "[*:*]", "**"]).to_owned(),
            _ => host.to_owned(),
        };
    }
    let mut labels: Vec<String> = host.split('.').map(str::to_owned).collect();
    let at = random.below(labels.len());
    match random.below(24) {
        0..3 => labels[at] = String::from("*"),
        3 | 10 | 11 => labels[at] = label_glob(random, &labels[at]),
        4 | 5 => {
            for label in &mut labels {
                if random.once_in(2) {
                    *label = String::from("*");
                }
            }
        }
        6 => labels.insert(at, random.pick(&["*", "a", "registry", ""]).to_owned()),
        7 => drop(labels.remove(at)),
        8 => {
            let swapped: String = labels[at]
                .chars()
                .map(|letter| if random.once_in(3) { images::swap_case(letter) } else { letter })
                .collect();
            labels[at] = swapped;
        }
        9 => {
            return random
                .pick(&[
                    "*",
                    "*.*",
                    "*.io",
                    "*.*.*",
                    "*.docker.io",
                    "docker.io",
                    "localhost",
                    "hub.docker.com",
                    "**",
                ])
                .to_owned();
        }
        _ => {}
    }
    labels.join(".")
}

/// Stars instead of runs of the label, which are sometimes empty.
fn label_glob(random: &mut Random, label: &str) -> String {
    let chars: Vec<char> = label.chars().collect();
    let mut glob = String::new();
    let mut from = 0;
    for _ in 0..random.between(1, 2) {
        let start = random.between(from, chars.len());
        glob.extend(&chars[from..start]);
        glob.push('*');
        from = random.between(start, chars.len());
    }
    glob.extend(&chars[from..]);
    // A glob is held at both ends: one that starts or stops too late must not match.
    match random.below(12) {
        0 => drop(glob.remove(0)),
        1 => drop(glob.pop()),
        2 => {
            let at = random.pick(&glob.char_indices().map(|(at, _)| at).collect::<Vec<_>>());
            glob.insert(at, random.pick(&['x', '*', '?', '-', '_']));
        }
        _ => {}
    }
    glob
}

/// The path, an ancestor of it, or something that only looks like one; with its leading slash.
fn key_path(random: &mut Random, path: &str) -> String {
    let at_segments: Vec<usize> = path.match_indices('/').map(|(at, _)| at).chain([path.len()]).collect();
    match random.below(32) {
        0..12 => String::new(),
        12..19 => format!("/{}", &path[..random.pick(&at_segments)]),
        19..22 => {
            let ends: Vec<usize> = path.char_indices().map(|(at, _)| at).chain([path.len()]).collect();
            format!("/{}", &path[..random.pick(&ends)])
        }
        22 => format!("/{path}/{}", images::component(random)),
        23 => format!("/{}/", &path[..random.pick(&at_segments)]),
        24 => format!("/{}", path.to_uppercase()),
        25 => format!("/{}{path}", random.pick(&["v1/", "v2/", "v1", "v3/", "/"])),
        26 => {
            let end = random.pick(&[":latest", "@sha256:aa", "*", "/*", "?a", "#a", " ", "-", ".", "%61"]);
            format!("/{path}{end}")
        }
        27 => random.pick(&["/v1", "/v2", "/v1/", "/v2/", "/"]).to_owned(),
        28 => format!("/{path}x"),
        29 => format!("/{}", images::component(random)),
        _ => format!("/{path}"),
    }
}
