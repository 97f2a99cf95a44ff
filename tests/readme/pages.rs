//! All Markdown files: what every one of them must hold to.

use std::path::{Component, Path, PathBuf};
use std::{fs, iter};

use super::markdown::{commands, fences, read};
use super::run;

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The Markdown files of the repository, by their paths in it.
pub(crate) fn pages() -> Vec<String> {
    let mut pages: Vec<String> = files_below(Path::new(""))
        .into_iter()
        .filter(|path| Path::new(path).extension().is_some_and(|extension| extension == "md"))
        .collect();
    pages.sort();
    pages
}

/// The files below a folder of the repository, by their paths in it; without what is built, and hidden folders.
pub(crate) fn files_below(folder: &Path) -> Vec<String> {
    let full = root().join(folder);
    let entries = fs::read_dir(&full).unwrap_or_else(|error| panic!("{}: {error}", full.display()));
    let names = entries.map(|entry| entry.expect("a folder can be read to its end").file_name());
    let paths = names.filter(|name| name != "target" && !name.to_string_lossy().starts_with('.'));
    paths
        .map(|name| folder.join(name))
        .flat_map(|path| {
            if root().join(&path).is_dir() { files_below(&path) } else { vec![path.display().to_string()] }
        })
        .collect()
}

#[test]
fn every_block_of_commands_says_how_it_is_tested() {
    let pages = pages();
    for known in ["README.md", "CONTRIBUTING.md", "certs/README.md", "deploy/README.md"] {
        assert!(pages.iter().any(|page| page == known), "{known} is not among {pages:?}");
    }
    let wrong: Vec<String> = pages.iter().filter_map(|page| commands(page, &read(page)).err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_configuration_that_is_shown_passes_check() {
    let mut checked = 0;
    for page in pages() {
        for fence in fences(&page, &read(&page)).unwrap_or_else(|reason| panic!("{reason}")) {
            if fence.language != "yaml" || !fence.text.starts_with("apiVersion: pullkey.dev/") {
                continue;
            }
            let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder can be made");
            let file = folder.path().join("config.yaml");
            fs::write(&file, &fence.text).expect("a file can be written");
            let command = format!("pullkey check '{}'", file.display());
            let ended = run(&command);
            assert!(ended.status.success(), "{}: {}{}", fence.place, ended.stdout, ended.stderr);
            assert!(ended.stdout.ends_with(", 0 warnings\n"), "{}: {}", fence.place, ended.stdout);
            checked += 1;
        }
    }
    assert!(checked > 0, "no page shows a configuration");
}

#[test]
fn every_relative_link_leads_to_a_file() {
    let mut checked = 0;
    for page in pages() {
        let folder = Path::new(&page).parent().expect("a file has a folder");
        for target in links(&read(&page)) {
            let (path, heading) = target.split_once('#').unwrap_or((&target, ""));
            let file = if path.is_empty() { PathBuf::from(&page) } else { folder.join(path) };
            assert!(stays_inside(&file), "{page}: {target} leads out of the repository");
            assert!(root().join(&file).exists(), "{page}: {target} leads nowhere");
            if !heading.is_empty() {
                let text = read(&file.display().to_string());
                assert!(headings(&text).any(|other| other == heading), "{page}: {target}: no such heading");
            }
            checked += 1;
        }
    }
    assert!(checked > 0, "no page has a link");
}

#[test]
fn links_and_headings_are_found() {
    let text =
        "[a](b.md), [`c`](d/) and [e](https://example.com/f).\n```sh\n[g](h)\n```\n[i](j#k-1) `[l](m)`";
    assert_eq!(links(text), ["b.md", "d/", "j#k-1"]);
    let text = "# Names, not credentials\n## `serve`: how\n```sh\n# no heading\n```\n";
    assert_eq!(headings(text).collect::<Vec<_>>(), ["names-not-credentials", "serve-how"]);
}

/// The targets of the links that are not to other sites.
fn links(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in outside_of_fences(text) {
        let mut rest = line;
        while let Some(start) = rest.find("](") {
            let (before, after) = rest.split_at(start);
            rest = &after[2..];
            let is_code = before.matches('`').count() % 2 == 1;
            let target = rest.split(')').next().unwrap_or_default();
            if !is_code && !target.contains("://") && !target.starts_with("mailto:") {
                found.push(target.to_owned());
            }
        }
    }
    found
}

/// The headings as GitHub writes them into addresses.
fn headings(text: &str) -> impl Iterator<Item = String> {
    let headings = outside_of_fences(text).filter(|line| line.starts_with('#'));
    headings.map(|line| {
        let words = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        words.chars().filter(|letter| letter.is_alphanumeric() || "-_".contains(*letter)).collect()
    })
}

fn outside_of_fences(text: &str) -> impl Iterator<Item = &str> {
    let mut lines = text.lines();
    iter::from_fn(move || {
        let line = lines.next()?;
        if !line.trim_start().starts_with("```") {
            return Some(line);
        }
        // To the end of the block, which the page needs for itself as a line that is no text.
        lines.by_ref().find(|line| line.trim() == "```");
        Some("")
    })
}

fn stays_inside(path: &Path) -> bool {
    let mut depth = 0_i32;
    path.components().all(|component| {
        depth += if component == Component::ParentDir { -1 } else { 1 };
        depth >= 0
    })
}
