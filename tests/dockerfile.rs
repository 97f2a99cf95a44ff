//! The Dockerfile agrees with the rest of the repository.
//!
//! `tests/lint-dockerfile` reads it with hadolint, and `tests/static-binary` builds what it builds.

use std::fs;
use std::path::Path;

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[track_caller]
fn assert_line(file: &str, line: &str) {
    assert!(read(file).lines().any(|other| other.trim() == line), "{file} has no line {line:?}");
}

#[test]
fn the_image_is_compiled_by_the_pinned_compiler() {
    let toolchain = read("rust-toolchain.toml");
    let version = toolchain.lines().find_map(|line| line.strip_prefix("channel = ")).expect("a channel");
    let version = version.trim_matches('"');
    assert_line("Dockerfile", &format!("FROM --platform=$BUILDPLATFORM rust:{version}-bookworm AS build"));
}

#[test]
fn the_image_says_the_version_and_licence_of_the_package() {
    let dockerfile = read("Dockerfile");
    for (label, value) in [
        ("title", env!("CARGO_PKG_NAME")),
        ("description", env!("CARGO_PKG_DESCRIPTION")),
        ("version", env!("CARGO_PKG_VERSION")),
        ("licenses", env!("CARGO_PKG_LICENSE")),
    ] {
        let expected = format!("org.opencontainers.image.{label}=\"{value}\"");
        assert!(dockerfile.contains(&expected), "the Dockerfile has no {expected}");
    }
}

#[test]
fn the_image_holds_one_file_and_runs_it_as_a_user_that_is_not_root() {
    let dockerfile = read("Dockerfile");
    let (_, image) = dockerfile.split_once("\nFROM scratch\n").expect("the last stage is empty");
    let copied: Vec<_> =
        image.lines().filter(|line| line.starts_with("COPY ") || line.starts_with("ADD ")).collect();
    assert_eq!(copied, ["COPY --from=build /out/pullkey /pullkey"]);
    assert_line("Dockerfile", "USER 65532:65532");
    assert_line("Dockerfile", "ENTRYPOINT [\"/pullkey\"]");
    assert_line("Dockerfile", "EXPOSE 8443 8080");
}

#[test]
fn no_key_can_reach_the_builder() {
    let ignore = read(".dockerignore");
    let rules: Vec<_> = ignore.lines().filter(|line| !line.starts_with('#')).collect();
    // Everything is left out first; what is let in again holds no certificate.
    assert_eq!(rules[0], "*");
    assert_eq!(rules[1..], ["!Cargo.toml", "!Cargo.lock", "!benches", "!src", "!tests"]);
}
