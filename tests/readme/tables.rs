//! The tables of README.md name what the program has, all of it and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use pullkey::doctor::finding::Check;

use super::markdown::read;
use super::run;
use super::scraped::scrape;

#[test]
fn the_table_of_commands_agrees_with_the_help() {
    let help = |command: &str| run(command).stdout;
    let listed = help("pullkey --help");
    let (_, listed) = listed.split_once("Commands:\n").expect("the help lists the commands");
    let listed: Vec<&str> = listed.lines().map_while(|line| line.split_whitespace().next()).collect();

    let mut documented = Vec::new();
    for [command, _] in table("| command | does |") {
        let words: Vec<&str> = command.trim_matches('`').split_whitespace().collect();
        let ["pullkey", name, arguments @ ..] = &words[..] else { panic!("{command} is no command") };
        let help = help(&format!("pullkey {name} --help"));
        let usage = help.lines().find(|line| line.starts_with("Usage:")).unwrap_or_default();
        for argument in arguments {
            let word = argument.trim_end_matches('…');
            let known = if word.starts_with('-') {
                help.contains(&format!("  {word}, "))
            } else {
                usage.contains(word)
            };
            assert!(known, "{command}: {word} is not in: {help}");
        }
        documented.push((*name).to_owned());
    }
    // clap's own comes last.
    assert_eq!(documented.iter().map(String::as_str).chain(["help"]).collect::<Vec<_>>(), listed);
}

#[test]
fn the_table_of_metrics_agrees_with_the_metrics_of_a_server() {
    let served = Metrics::of_a_server();
    let mut documented = BTreeSet::new();
    for [names, what] in table("| metric | what |") {
        // Words in code are the values of the metric's only label.
        let values: BTreeSet<String> = in_code(&what).collect();
        for name in in_code(&names) {
            if !values.is_empty() {
                assert_eq!(served.label_values.get(&name), Some(&values), "{name}");
            }
            assert!(documented.insert(name.clone()), "{name} is there twice");
        }
    }
    assert_eq!(documented, served.names);
}

#[test]
fn the_tables_of_the_doctor_have_every_check() {
    let page = read("docs/doctor.md");
    let rows = page.split("| check | what is wrong |\n|---|---|\n").skip(1);
    let rows = rows.flat_map(|rows| rows.lines().take_while(|line| line.starts_with('|')));
    let documented: Vec<String> = rows.filter_map(|row| in_code(row).next()).collect();
    let documented_once: BTreeSet<&str> = documented.iter().map(String::as_str).collect();
    assert_eq!(documented.len(), documented_once.len(), "a check is there twice: {documented:?}");
    assert_eq!(documented_once, Check::ALL.iter().map(|check| check.name()).collect());
}

/// The rows of the table of two columns in README.md that begins with this line.
#[track_caller]
fn table(head: &str) -> Vec<[String; 2]> {
    let readme = read("README.md");
    let mut lines = readme.lines().skip_while(|line| *line != head);
    assert!(lines.next().is_some(), "README.md has no table {head}");
    let rows = lines.skip(1).take_while(|line| line.starts_with('|'));
    let rows: Vec<[String; 2]> = rows
        .map(|row| {
            let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
            let [first, second] = cells[..] else { panic!("{row} has not two cells") };
            [first.to_owned(), second.to_owned()]
        })
        .collect();
    assert!(!rows.is_empty(), "the table {head} is empty");
    rows
}

fn in_code(text: &str) -> impl Iterator<Item = String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned)
}

/// What a server offers on `/metrics`.
#[derive(Debug)]
struct Metrics {
    /// As README.md writes them: the name, and the label in braces where there is one.
    names: BTreeSet<String>,
    /// The values of that label, by the name written so.
    label_values: BTreeMap<String, BTreeSet<String>>,
}

impl Metrics {
    fn of_a_server() -> Self {
        let text = scrape();
        let mut metrics = Self { names: BTreeSet::new(), label_values: BTreeMap::new() };
        for line in text.lines() {
            let Some((family, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' '))
            else {
                continue;
            };
            // In this format a counter's samples, and an info's, have another name than their family.
            let (name, sample) = match kind {
                "counter" => (format!("{family}_total"), format!("{family}_total")),
                "info" => (format!("{family}_info"), format!("{family}_info")),
                "histogram" => (family.to_owned(), format!("{family}_count")),
                _ => (family.to_owned(), family.to_owned()),
            };
            let labels: Vec<(&str, &str)> = text
                .lines()
                .filter_map(|line| line.strip_prefix(&format!("{sample}{{")))
                .filter_map(|rest| rest.split_once("\"}")?.0.split_once("=\""))
                .collect();
            assert!(text.lines().any(|line| line.starts_with(&sample)), "{family} has no sample");
            let keys: BTreeSet<&str> = labels.iter().map(|(key, _)| *key).collect();
            let name = keys.first().map_or(name.clone(), |key| format!("{name}{{{key}}}"));
            let values = labels.iter().map(|(_, value)| (*value).to_owned()).collect();
            metrics.label_values.insert(name.clone(), values);
            metrics.names.insert(name);
        }
        metrics
    }
}
