//! `docs/security.md` names a file or a test for what it says: these are there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::markdown::read;
use super::pages::{files_below, root};

const PAGE: &str = "docs/security.md";

#[test]
fn what_shows_a_claim_is_there() {
    let functions = functions();
    let (mut files, mut tests) = (0, 0);
    for line in read(PAGE).lines().filter(|line| line.starts_with('|')) {
        for code in line.split('`').skip(1).step_by(2) {
            if is_path(code) {
                assert!(root().join(code).is_file(), "{PAGE}: there is no file {code}");
                files += 1;
            } else if is_test(code) {
                assert!(functions.contains(code), "{PAGE}: there is no test {code}");
                tests += 1;
            }
        }
    }
    assert!(files >= 10 && tests >= 20, "{PAGE} names {files} files and {tests} tests only");
}

#[test]
fn every_table_of_facts_says_what_shows_them() {
    let page = read(PAGE);
    let rows = page.lines().filter(|line| line.starts_with('|'));
    let mut shown_by = false;
    for row in rows {
        if row.contains(" shown by |") {
            shown_by = true;
        } else if row.starts_with("| who may ") {
            shown_by = false;
        } else if shown_by && !row.starts_with("|--") {
            let last = row.trim_matches('|').rsplit('|').next().unwrap_or_default();
            let codes: Vec<&str> = last.split('`').skip(1).step_by(2).collect();
            assert!(codes.iter().any(|code| is_path(code) || is_test(code)), "{PAGE}: nothing shows {row}");
        }
    }
}

fn is_path(code: &str) -> bool {
    let folders = ["src/", "tests/", "deploy/", "certs/", "docs/"];
    folders.iter().any(|folder| code.starts_with(folder)) || ["Cargo.toml", "Dockerfile"].contains(&code)
}

/// Tests are named as facts, in several words; metrics are not.
fn is_test(code: &str) -> bool {
    let words = code.matches('_').count() >= 3 && !code.starts_with("pullkey_");
    words
        && code.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_')
}

/// The names of all functions below `tests/`.
fn functions() -> BTreeSet<String> {
    let mut functions = BTreeSet::new();
    for source in files_below(Path::new("tests")) {
        if Path::new(&source).extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let text =
            fs::read_to_string(root().join(&source)).unwrap_or_else(|error| panic!("{source}: {error}"));
        let names = text.split("fn ").skip(1).filter_map(|rest| rest.split(['(', '<']).next());
        functions.extend(names.map(str::to_owned));
    }
    functions
}
