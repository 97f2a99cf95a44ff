//! The flags that the pages of `docs/` list with their defaults.

use clap::CommandFactory as _;
use pullkey::cli::Cli;

use super::markdown::read;

#[test]
fn the_defaults_in_the_tables_are_those_of_the_program() {
    let command = Cli::command();
    let serve = command.find_subcommand("serve").expect("there is a serve command");
    let page = read("docs/operations.md");
    let mut listed = Vec::new();
    for row in page.lines().filter(|line| line.starts_with("| `--")) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let (flag, default) = (cells[0].trim_matches(&['`', '-'][..]), cells[1]);
        let known = serve.get_arguments().find(|known| known.get_long() == Some(flag));
        let known = known.unwrap_or_else(|| panic!("serve has no --{flag}"));
        let value = known.get_default_values()[0].to_string_lossy();
        // A number may be said again in a unit for people.
        assert_eq!(default.split(' ').next(), Some(&*value), "--{flag}");
        listed.push(flag.to_owned());
    }
    let flags = serve.get_arguments().filter_map(|flag| flag.get_long());
    for flag in flags.filter(|flag| flag.starts_with("max-") || flag.ends_with("-timeout")) {
        assert!(listed.iter().any(|other| other == flag), "docs/operations.md does not list --{flag}");
    }
}
