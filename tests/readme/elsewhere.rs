//! Commands that no test runs as they stand: what they name must at least be there.

use std::fs;
use std::path::Path;

use super::blocks;
use super::markdown::{Kind, read};
use super::pages::{files_below, root};

#[test]
fn what_is_run_elsewhere_is_there() {
    let blocks = blocks(Kind::Elsewhere);
    assert!(blocks.iter().any(|block| block.text.contains("make test")));
    for block in blocks {
        for line in block.text.lines() {
            let command = line.split('#').next().unwrap_or_default();
            let words: Vec<&str> = command.split_whitespace().collect();
            let known = match words[..] {
                ["make", target] => is_make_target(target),
                ["cargo", "test", "--lib"] => true,
                ["cargo", "test", "--test", test] => test_sources(test).is_some(),
                ["cargo", "test", "--test", test, "--", filter] => has_test(test, filter),
                ["cargo" | "make", ..] => {
                    panic!("{}: a form that this test does not know: {line}", block.place)
                }
                _ => true,
            };
            assert!(known, "{}: there is nothing that this runs: {line}", block.place);
        }
    }
}

fn is_make_target(target: &str) -> bool {
    // `make help` lists a target by the same line.
    read("Makefile").lines().any(|line| line.starts_with(&format!("{target}: ")) && line.contains("## "))
}

/// The sources of a test target, as Cargo finds them.
fn test_sources(test: &str) -> Option<Vec<String>> {
    let (file, folder) = (format!("tests/{test}.rs"), format!("tests/{test}"));
    let root = root();
    let exists = root.join(&file).is_file() || root.join(&folder).join("main.rs").is_file();
    exists.then(|| {
        let below = if root.join(&folder).is_dir() { files_below(Path::new(&folder)) } else { Vec::new() };
        below.into_iter().chain([file]).collect()
    })
}

/// Whether a test or trial of the target has this in its name.
fn has_test(test: &str, filter: &str) -> bool {
    let sources = test_sources(test).unwrap_or_default();
    let mut texts = sources.iter().filter_map(|path| fs::read_to_string(root().join(path)).ok());
    texts.any(|text| {
        let names = text.split("fn ").skip(1).filter_map(|rest| rest.split('(').next());
        names.into_iter().any(|name| name.contains(filter))
    })
}

#[test]
fn what_is_not_there_is_noticed() {
    assert!(is_make_target("run") && !is_make_target("rum") && !is_make_target("PULLKEY"));
    assert!(test_sources("readme").is_some() && test_sources("apiserver").is_some());
    assert!(test_sources("support").is_none());
    assert!(has_test("readme", "what_is_not_there") && !has_test("readme", "nobody_wrote_this"));
}
