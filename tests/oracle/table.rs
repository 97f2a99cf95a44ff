//! The tables of `docs/matching.md`: what the engine makes of an image and a pattern, beside what the kubelet makes of
//! the image and a Secret with a key of the same text.
//!
//! ```text
//! PULLKEY_UPDATE_DOCS=1 cargo test --test oracle -- tables     # writes them again
//! ```

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use pullkey::engine::image::ImageRef;
use pullkey::engine::pattern::Pattern;

use super::pairs::{DOCKER_HUB_KEYS, Pair};
use super::process::Oracle;
use super::verdicts::{KeyAnswer, Verdict, judge};

const PAGE: &str = "docs/matching.md";

/// An image, and the key of the Secret. The pattern has the text of the key, but for Docker Hub's keys.
type Row = (&'static str, &'static str);

const DOCKER_HUB: &[Row] = &[
    ("nginx", "docker.io"),
    ("nginx:1.29", "docker.io/library"),
    ("docker.io/nginx", "docker.io/library/nginx"),
    ("index.docker.io/nginx", "docker.io"),
    ("janedoe/app", "docker.io/janedoe"),
    ("nginx", "docker.io/nginx"),
    ("nginx", "https://index.docker.io/v1/"),
    ("nginx", "https://index.docker.io/v1"),
    ("nginx", "*.io"),
    ("nginx", "*.docker.io"),
    ("nginx", "registry-1.docker.io"),
    ("quay.io", "docker.io"),
    ("localhost:5000", "docker.io"),
    ("localhost/app", "https://index.docker.io/v1/"),
    ("MyReg/app", "https://index.docker.io/v1/"),
];

const HOSTS: &[Row] = &[
    ("registry.example.com/app", "registry.example.com"),
    ("registry.example.com.evil.net/app", "registry.example.com"),
    ("evil-registry.example.com/app", "registry.example.com"),
    ("evil.net/registry.example.com/app", "registry.example.com"),
    ("registry.example.com/app", "*.example.com"),
    ("example.com/app", "*.example.com"),
    ("eu.registry.example.com/app", "*.example.com"),
    ("123456789012.dkr.ecr.eu-west-1.amazonaws.com/app", "*.dkr.ecr.*.amazonaws.com"),
    ("Registry.example.com/app", "registry.example.com"),
    ("my_reg.example.com/app", "my_reg.example.com"),
    ("localhost/app", "localhost"),
    ("registry/app", "registry"),
];

const PORTS: &[Row] = &[
    ("registry.example.com:5000/app", "registry.example.com:5000"),
    ("registry.example.com:5000/app", "registry.example.com"),
    ("registry.example.com/app", "registry.example.com:443"),
    ("registry:5000/app", "registry:5000"),
    ("[::1]:5000/app", "[::1]:5000"),
    ("[::1]/app", "[::1]"),
    ("[::1]:5000/app", "*:5000"),
];

const PATHS: &[Row] = &[
    ("cr.yandex/crp0example/web:1.4", "cr.yandex/crp0example"),
    ("cr.yandex/crp0example", "cr.yandex/crp0example"),
    ("cr.yandex/crp0example2/web", "cr.yandex/crp0example"),
    ("cr.yandex/web", "cr.yandex/crp0example"),
    (
        "cr.yandex/crp0example/web@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        "cr.yandex/crp0example",
    ),
    ("registry.example.com/app:1", "registry.example.com/app:1"),
    ("registry.example.com/app", "registry.example.com/*"),
    ("registry.example.com/v2/app", "registry.example.com/v2/app"),
    ("registry.example.com/Team/app", "registry.example.com"),
    ("https://registry.example.com/app", "registry.example.com"),
];

#[test]
fn the_tables_of_the_page_on_matching_are_what_the_engine_and_the_kubelet_say() {
    let Some(oracle) = Oracle::build_or_skip("the tables of docs/matching.md") else { return };
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let mut page = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{PAGE}: {error}"));
    let before = page.clone();
    let mut shown = BTreeSet::new();
    for (name, rows) in [("docker-hub", DOCKER_HUB), ("hosts", HOSTS), ("ports", PORTS), ("paths", PATHS)] {
        let table = table(&oracle, rows, &mut shown);
        page = with_table(&page, name, &table);
    }
    for difference in [Verdict::InsideSegment, Verdict::DockerHubForOneLabel, Verdict::GlobForIpv6] {
        assert!(shown.contains(&difference), "no row shows {difference:?}");
    }
    if std::env::var_os("PULLKEY_UPDATE_DOCS").is_some() {
        fs::write(&file, page).unwrap_or_else(|error| panic!("{PAGE}: {error}"));
    } else {
        assert_eq!(before, page, "{PAGE} is not what PULLKEY_UPDATE_DOCS=1 cargo test --test oracle writes");
    }
}

fn table(oracle: &Oracle, rows: &[Row], shown: &mut BTreeSet<Verdict>) -> String {
    let pairs: Vec<Pair> =
        rows.iter().map(|&(image, key)| Pair { key: key.to_owned(), image: image.to_owned() }).collect();
    let answers: Vec<KeyAnswer> = oracle.ask(&pairs);
    let mut table = "| image | read as | pattern | pullkey | kubelet |\n|---|---|---|---|---|\n".to_owned();
    for (pair, kubelet) in pairs.iter().zip(&answers) {
        // A difference that is not documented is a fault here as in the generated pairs.
        let verdict = judge(pair, kubelet).unwrap_or_else(|fault| panic!("{pair:?}: {fault}"));
        shown.insert(verdict);
        let image = ImageRef::parse(&pair.image);
        let read_as = image.as_ref().map_or_else(|_| String::new(), |image| image.repository().to_string());
        assert_eq!(read_as, kubelet.lookup, "{pair:?}");
        let text = if DOCKER_HUB_KEYS.contains(&&*pair.key) { "docker.io" } else { &pair.key };
        let ours = match (text.parse::<Pattern>(), &image) {
            (Err(_), _) => "refused",
            (Ok(pattern), Ok(image)) if pattern.matches(image) => "yes",
            (Ok(_), _) => "no",
        };
        let theirs = match (kubelet.matches, verdict) {
            (true, Verdict::InsideSegment) => "**yes** (1)",
            (true, Verdict::DockerHubForOneLabel) => "**yes** (2)",
            (true, Verdict::GlobForIpv6) => "**yes** (3)",
            (true, _) => "yes",
            (false, _) => "no",
        };
        let read_as = if read_as.is_empty() { "no image name".to_owned() } else { format!("`{read_as}`") };
        let Pair { key, image } = pair;
        let by = if key == text { String::new() } else { format!(", by `{key}`") };
        let _ = writeln!(table, "| `{image}` | {read_as} | `{text}` | {ours} | {theirs}{by} |");
    }
    table
}

/// The page with this table between the comments that name it.
#[track_caller]
fn with_table(page: &str, name: &str, table: &str) -> String {
    let (start, end) = (format!("<!-- table: {name} -->\n"), "<!-- end of the table -->\n");
    let (before, rest) = page.split_once(&start).unwrap_or_else(|| panic!("{PAGE} has no {start}"));
    let (_, after) = rest.split_once(end).unwrap_or_else(|| panic!("{PAGE}: {start} does not end in {end}"));
    format!("{before}{start}\n{table}\n{end}{after}")
}
