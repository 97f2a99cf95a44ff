//! The book: mdBook builds it without a word, nothing in it leads nowhere, and no page is missing from it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write as _};
use std::path::{Component, Path, PathBuf};
use std::process::Stdio;

use super::markdown::read;
use super::pages::{files_below, pages};
use super::script::script;

const SUMMARY: &str = "docs/SUMMARY.md";
const BUILD: &str = "docs/build";

#[test]
fn everything_in_the_book_leads_somewhere() {
    let Some(book) = build_or_skip() else { return };
    let mut pages = BTreeMap::new();
    for path in files(&book) {
        // The page for what is not found has its links from the top of a server.
        if path.extension().is_some_and(|extension| extension == "html") && !path.ends_with("404.html") {
            let html =
                fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            pages.insert(path, html);
        }
    }
    let listed = listed();
    assert!(
        pages.len() >= listed.len(),
        "{} pages are built of {} that are listed",
        pages.len(),
        listed.len()
    );

    let mut wrong = Vec::new();
    let mut checked = 0;
    for (page, html) in &pages {
        for link in values(html, "href").chain(values(html, "src")) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            checked += 1;
            if let Err(reason) = follow(&book, &pages, page, link) {
                wrong.push(format!(
                    "{}: {link}: {reason}",
                    page.strip_prefix(&book).unwrap_or(page).display()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(checked > 20 * pages.len(), "only {checked} links are found in {} pages", pages.len());
}

#[test]
fn every_page_has_its_place_in_the_book() {
    let listed = listed();
    let all: BTreeSet<String> = pages().into_iter().filter(|page| page != SUMMARY).collect();
    for page in &all {
        assert!(listed.contains(page), "{page} is not in the book: give it a line in {SUMMARY}");
    }
    for page in &listed {
        assert!(all.contains(page), "{SUMMARY}: {page} is not there");
    }
}

#[test]
fn every_picture_is_whole_says_what_it_shows_and_is_shown() {
    let folder = Path::new("docs/pictures");
    let shown: Vec<String> = pages().iter().map(|page| read(page)).collect();
    let pictures = files_below(folder);
    assert!(pictures.len() >= 3, "{pictures:?}");
    for picture in pictures {
        assert!(Path::new(&picture).extension().is_some_and(|kind| kind == "svg"), "{picture} is no SVG");
        let text = read(&picture);
        let image = roxmltree::Document::parse(&text).unwrap_or_else(|error| panic!("{picture}: {error}"));
        let top = image.root_element();
        assert_eq!(top.tag_name().name(), "svg", "{picture}");
        for said in ["title", "desc"] {
            let said = top.children().find(|child| child.has_tag_name(("http://www.w3.org/2000/svg", said)));
            assert!(said.is_some_and(|said| said.text().is_some_and(|text| text.len() > 10)), "{picture}");
        }
        // A page shows it by this; what it says for those who do not see it stands between the brackets.
        let name = picture.rsplit('/').next().expect("a path has a last part");
        let is_shown = shown.iter().any(|page| page.contains(&format!("](pictures/{name})")));
        assert!(is_shown, "no page of docs/ shows {picture}");
    }
}

/// The pages of the list, by their paths in the repository.
fn listed() -> BTreeSet<String> {
    let mut listed = BTreeSet::new();
    for line in read(SUMMARY).lines() {
        let Some((_, rest)) = line.split_once("](") else { continue };
        let target =
            rest.strip_suffix(')').unwrap_or_else(|| panic!("{SUMMARY}: {line} does not end in a link"));
        let page = plain(&Path::new("docs").join(target)).display().to_string();
        assert!(listed.insert(page), "{SUMMARY}: {line} stands there twice");
    }
    listed
}

/// Builds the book with mdBook, which may complain of nothing.
/// Where mdBook cannot be built, it says so and returns nothing; in CI it fails instead.
fn build_or_skip() -> Option<PathBuf> {
    let built =
        script(BUILD).stderr(Stdio::piped()).output().unwrap_or_else(|error| panic!("{BUILD}: {error}"));
    let said = String::from_utf8_lossy(&built.stderr);
    if built.status.code() == Some(3) {
        let in_ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty());
        assert!(!in_ci, "{said}; in CI nothing may be skipped");
        // Past the test runner, which hides what a passing test prints.
        let _ = writeln!(io::stderr(), "SKIPPED the book: {said}");
        return None;
    }
    assert!(built.status.success(), "{BUILD} ended with {}: {said}", built.status);
    let complaints = said.lines().filter(|line| line.contains("WARN") || line.contains("ERROR"));
    assert_eq!(complaints.collect::<Vec<_>>(), [""; 0], "{said}");
    Some(PathBuf::from(String::from_utf8_lossy(&built.stdout).trim_end()))
}

/// Goes where a link of a page of the book leads.
fn follow(book: &Path, pages: &BTreeMap<PathBuf, String>, page: &Path, link: &str) -> Result<(), String> {
    let (path, heading) = link.split_once('#').unwrap_or((link, ""));
    let mut target = match path {
        "" => page.to_owned(),
        path => plain(&page.parent().expect("a file has a folder").join(path)),
    };
    if target.is_dir() {
        target = target.join("index.html");
    }
    if !target.starts_with(book) {
        return Err("it leads out of the book".to_owned());
    }
    if !target.is_file() {
        return Err(format!("there is no {}", target.display()));
    }
    let has_heading = || pages.get(&target).is_some_and(|html| values(html, "id").any(|id| id == heading));
    if !heading.is_empty() && !has_heading() {
        return Err("there is no such heading".to_owned());
    }
    Ok(())
}

/// The values of an attribute in a page, as mdBook writes them.
fn values<'a>(html: &'a str, attribute: &str) -> impl Iterator<Item = &'a str> {
    let before = format!(" {attribute}=\"");
    let tags = html.split('<').filter(|tag| tag.starts_with(|first: char| first.is_ascii_alphabetic()));
    tags.filter_map(move |tag| {
        let (tag, _) = tag.split_once('>').unwrap_or((tag, ""));
        tag.split_once(&before)?.1.split('"').next()
    })
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.expect("a folder can be read to its end").path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// The path without its dots.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}
