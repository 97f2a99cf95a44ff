//! The runbooks: one page for each alert, and none besides.

use std::collections::BTreeSet;
use std::fs;

use super::rules::{alerts, name};
use super::{Expression, file, read};

const FOLDER: &str = "docs/runbooks";

/// What every page tells, in this order.
const SECTIONS: [&str; 3] = ["How to see it", "What to do", "How to know that it is over"];

/// The expressions that the pages show.
pub(crate) fn expressions() -> Vec<Expression> {
    let of = |page: String| {
        let place = format!("{FOLDER}/{page}.md");
        let text = read(&place);
        let blocks = text.split("```promql\n").skip(1);
        let texts = blocks.map(|rest| rest.split("\n```").next().unwrap_or_default().to_owned());
        texts.map(|text| Expression { place: place.clone(), text }).collect::<Vec<_>>()
    };
    pages().into_iter().flat_map(of).collect()
}

/// The pages by their names, without the one that lists them.
fn pages() -> BTreeSet<String> {
    let entries = fs::read_dir(file(FOLDER)).expect("there are runbooks");
    let names = entries.map(|entry| entry.expect("a folder can be read").file_name());
    let pages = names.map(|name| {
        let name = name.to_string_lossy();
        name.strip_suffix(".md").unwrap_or_else(|| panic!("{name} is no page")).to_owned()
    });
    pages.filter(|page| page != "README").collect()
}

#[test]
fn every_alert_has_a_page_and_every_page_an_alert() {
    let alerts = alerts();
    let named: BTreeSet<String> = alerts.iter().map(|alert| name(alert).to_owned()).collect();
    assert_eq!(named.len(), alerts.len(), "two alerts have the same name");
    assert_eq!(named, pages());
    for alert in &alerts {
        let link = format!("{FOLDER}/{}.md", name(alert));
        assert_eq!(alert["annotations"]["runbook_url"], link.as_str());
    }
}

#[test]
fn every_page_tells_what_it_means_how_to_see_it_what_to_do_and_when_it_is_over() {
    for page in pages() {
        let text = read(&format!("{FOLDER}/{page}.md"));
        let (title, rest) = text.split_once("\n\n").expect("a page has a heading");
        assert_eq!(title, format!("# {page}"));
        assert!(!rest.starts_with('#'), "{page} does not say what it means");
        let sections: Vec<&str> = rest.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        assert_eq!(sections, SECTIONS, "{page}");
    }
}

#[test]
fn the_list_of_pages_has_every_alert_with_its_severity() {
    let list = read(&format!("{FOLDER}/README.md"));
    let rows: Vec<&str> = list.lines().filter(|line| line.starts_with("| [")).collect();
    let alerts = alerts();
    assert_eq!(rows.len(), alerts.len());
    for (row, alert) in rows.iter().zip(&alerts) {
        let (name, severity) = (name(alert), alert["labels"]["severity"].as_str().expect("text"));
        assert!(row.starts_with(&format!("| [{name}]({name}.md) | {severity} | ")), "{row}");
    }
}
