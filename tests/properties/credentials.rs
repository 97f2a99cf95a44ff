//! The keys of pull Secrets: what could be served against images, one by one, and what a pattern says of a key.

use proptest::prelude::*;
use pullkey::engine::credentials::{self, Format, Key, Spelling};
use pullkey::engine::image::ImageRef;
use pullkey::engine::pattern::Pattern;

use super::parts::settings;

const HOSTS: &[&str] = &[
    "docker.io",
    "quay.io",
    "a.quay.io",
    "a.b.io",
    "localhost",
    "MyReg",
    "team-a.example.com",
    "team-b.example.com",
    "my_reg.example.com",
    "[::1]",
];
const PATHS: &[&str] = &["team", "team/app", "team-a/app", "teams", "v1/app", "library/nginx", "a"];

/// Every image of a small world.
fn images() -> Vec<String> {
    let authorities = HOSTS.iter().flat_map(|host| ["", ":5000", ":443"].map(|port| format!("{host}{port}")));
    authorities.flat_map(|authority| PATHS.iter().map(move |path| format!("{authority}/{path}"))).collect()
}

fn host() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(HOSTS).prop_map(str::to_owned),
        2 => prop::sample::select(vec![
            "*", "*.io", "*.*.io", "q*.io", "*y.io", "team-*.example.com", "*-b.example.com", "*.example.com", "t*a*.*.com",
            "*_*.example.com", "M*", "l*",
        ]).prop_map(str::to_owned),
    ]
}

fn text(paths: &'static [&'static str]) -> impl Strategy<Value = String> {
    (host(), prop::sample::select(vec!["", "", "", ":5000", ":443"]), prop::sample::select(paths))
        .prop_map(|(host, port, path)| format!("{host}{port}{path}"))
}

fn pattern() -> impl Strategy<Value = Pattern> {
    text(&["", "", "/team", "/team/app", "/library", "/team-a"])
        .prop_filter_map("no pattern", |text| text.parse().ok())
}

fn key() -> impl Strategy<Value = Key> {
    let keys = prop_oneof![
        6 => text(&["", "", "/", "/team", "/team/", "/tea", "/v1/team", "/v1", "/Team", "/team-", "/library/nginx", "//"]),
        1 => prop::sample::select(vec!["https://index.docker.io/v1/", "https://index.docker.io/v1", "docker://quay.io", "quay.io:80:80"])
            .prop_map(str::to_owned),
    ];
    keys.prop_map(|key| {
        let text = format!("{{{key:?}: {{\"auth\": \"dTpw\"}}}}");
        let keys = Format::Cfg.read(text.as_bytes()).expect("the kubelet reads this");
        keys.into_iter().next().expect("there is one entry")
    })
}

fn serves(key: &Key, image: &ImageRef<'_>) -> bool {
    !credentials::lookup([key], image).is_empty()
}

proptest! {
    #![proptest_config(settings())]

    #[test]
    fn what_serves_an_image_of_a_pattern_could_serve_the_pattern(
        keys in prop::collection::vec(key(), 0..3),
        pattern in pattern(),
    ) {
        let images = images();
        let images = images.iter().filter_map(|image| ImageRef::parse(image).ok());
        let found = images
            .filter(|image| pattern.matches(image))
            .find(|image| !credentials::lookup(&keys, image).is_empty());
        let could = credentials::could_serve(&keys, &pattern);
        // The small world has no image for some meetings of globs, so only one direction is compared.
        prop_assert!(could || found.is_none(), "{pattern} by {keys:?} for {found:?}");
        if keys.is_empty() {
            prop_assert!(!could);
        }
    }

    #[test]
    fn what_a_pattern_says_of_a_key_is_what_the_key_does(key in key()) {
        let images = images();
        for image in images.iter().filter_map(|image| ImageRef::parse(image).ok()) {
            let served = serves(&key, &image);
            match key.spelling() {
                Spelling::Never { .. } => prop_assert!(!served, "{key:?} serves {}", image.repository()),
                Spelling::Unsayable(_) => {}
                Spelling::Pattern { pattern, note } => {
                    let said = pattern.matches(&image);
                    let repository = image.repository().to_string();
                    // `host/team/` serves what is below, and not the repository `host/team` itself.
                    let is_itself = repository
                        .split_once('/')
                        .is_some_and(|(_, path)| key.as_str().ends_with(&format!("/{path}/")));
                    prop_assert!(served || !said || is_itself, "{pattern} for {key:?} matches {repository}");
                    // The documented differences: a glob and IPv6, Docker Hub's key and a host of one label.
                    let differs = repository.starts_with('[') && pattern.as_str().contains('*')
                        || pattern.as_str() == "docker.io" && image.domain() != "docker.io";
                    prop_assert!(said || !served || note.is_some() || differs, "{pattern} for {key:?} misses {repository}");
                }
            }
        }
    }
}

/// Whether a key could serve a pattern, for cases that one can check by thinking.
#[test]
fn a_key_could_serve_where_both_meet() {
    for (key, pattern, could) in [
        ("quay.io", "quay.io/team", true),
        ("quay.io/team", "quay.io", true),
        ("quay.io/team", "quay.io/team/app", true),
        ("quay.io/team/app", "quay.io/team", true),
        ("quay.io/team/", "quay.io/team", true),
        ("quay.io/team", "quay.io/tea", false),
        ("quay.io/tea", "quay.io/team", true),
        ("quay.io/team", "quay.io/other", false),
        ("quay.io/Team", "quay.io", false),
        ("quay.io:443", "quay.io", false),
        ("quay.io:443", "quay.io:443", true),
        ("*.example.com", "team-*.example.com", true),
        ("*a.example.com", "b*.example.com", true),
        ("a*.example.com", "b*.example.com", false),
        ("*a*.example.com", "*b*.example.com", true),
        ("*.com", "*.example.com", false),
        ("*-.example.com", "*.example.com", false),
        ("*.docker.io", "docker.io", false),
        ("https://index.docker.io/v1/", "docker.io/library", true),
        ("https://index.docker.io/v1/", "localhost", true),
        ("https://index.docker.io/v1/", "*", true),
        ("https://index.docker.io/v1/", "*.io", true),
        ("https://index.docker.io/v1/", "quay.io", false),
        ("https://index.docker.io/v1", "docker.io", false),
        ("index.docker.io/v1/team", "docker.io", false),
        ("*.io", "docker.io", true),
        ("docker.io/nginx", "docker.io", true),
        ("*", "M*", true),
        ("*:5000", "registry:5000", true),
        ("my_*.example.com", "*_reg.example.com", true),
        ("[::1]:5000", "[::1]:5000", true),
        ("*:5000", "[::1]:5000", true),
        ("docker://quay.io", "quay.io", false),
    ] {
        let text = format!("{{{key:?}: {{}}}}");
        let keys = Format::Cfg.read(text.as_bytes()).expect("the kubelet reads this");
        let parsed: Pattern = pattern.parse().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(credentials::could_serve(&keys, &parsed), could, "{key} and {pattern}");
    }
}

#[test]
fn a_key_that_serves_nothing_says_why_and_what_was_meant() {
    for (key, fix) in [
        ("https://index.docker.io/v1", Some("https://index.docker.io/v1/")),
        ("https://index.docker.io/v1/access-token", Some("https://index.docker.io/v1/")),
        ("docker://quay.io", Some("quay.io")),
        ("HTTPS://quay.io", Some("quay.io")),
        ("quay.io/Team", Some("quay.io/team")),
        ("quay.io/app:1.2", Some("quay.io/app")),
        ("quay.io/team/*", Some("quay.io/team")),
        ("registry", None),
        ("[::1]", None),
        ("", None),
    ] {
        let text = format!("{{{key:?}: {{}}}}");
        let keys = Format::Cfg.read(text.as_bytes()).expect("the kubelet reads this");
        match keys[0].spelling() {
            Spelling::Never { reason, fix: found } => {
                assert_eq!(found.as_deref(), fix, "{key}: {reason}");
            }
            other => panic!("{key} is said as {other:?}"),
        }
    }
}

#[test]
fn nothing_secret_is_kept_or_said() {
    let texts = [
        r#"{"auths":{"https://HIDDEN:HIDDEN@quay.io/?token=HIDDEN#HIDDEN":{"username":"HIDDEN","password":"HIDDEN","identitytoken":"HIDDEN"}}}"#,
        r#"{"auths":{"HIDDEN:HIDDEN@quay.io":{"auth":"HIDDEN"}}}"#,
        r#"{"auths":{"HIDDEN/HIDDEN@quay.io":{"password":["HIDDEN"]}}}"#,
        r#"{"auths":{"quay.io":"HIDDEN"}}"#,
        r#"{"auths":"HIDDEN"}"#,
        r#"{"HttpHeaders":{"HIDDEN":5}}"#,
        r#""HIDDEN""#,
        "HIDDEN",
    ];
    for text in texts {
        let said = match Format::ConfigJson.read(text.as_bytes()) {
            Ok(keys) => format!("{keys:?}{:?}{}", keys[0].spelling(), keys[0].as_str()),
            Err(malformed) => format!("{malformed:?}{malformed}"),
        };
        assert!(!said.contains("HIDDEN"), "{text}: {said}");
    }
}
