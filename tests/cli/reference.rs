//! `docs/commands.md`, which is made from the description of the command line.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

use clap::{Arg, Command, CommandFactory as _, Parser as _};
use pullkey::cli::Cli;

const PAGE: &str = "docs/commands.md";

const HEAD: &str = "\
# Commands

<!-- Made from the description of the command line by PULLKEY_UPDATE_DOCS=1 cargo test --test cli; do not edit. -->

This page says what `pullkey COMMAND --help` says, for all commands; `-h` says it shorter.
[shell.md](shell.md) shows how `kubectl pullkey`, completions and manual pages are installed.
";

const MARKER: &str = "<!-- run: elsewhere, tests/cli reads each line with the program's own command line -->";

/// The program, with all that clap adds to what it is told.
pub(crate) fn program() -> Command {
    let mut program = Cli::command().disable_help_subcommand(true);
    program.build();
    program
}

/// Its commands.
pub(crate) fn commands() -> Vec<Command> {
    program().get_subcommands().filter(|command| !command.is_hide_set()).cloned().collect()
}

/// The lines of the examples in the help of a command, with blank lines between them.
pub(crate) fn examples(command: &Command) -> String {
    let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let lines = after.lines().skip_while(|line| *line != "Examples:").skip(1);
    let lines: Vec<&str> = lines.take_while(|line| line.is_empty() || line.starts_with("  ")).collect();
    lines.join("\n").trim_end().to_owned()
}

#[test]
fn the_reference_says_what_the_help_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let page = page();
    if env::var_os("PULLKEY_UPDATE_DOCS").is_some_and(|value| !value.is_empty()) {
        fs::write(&path, &page).expect("the page can be written");
    }
    let written = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{PAGE}: {error}"));
    let other = page.lines().zip(written.lines()).find(|(new, old)| new != old);
    assert!(
        page == written,
        "{PAGE} is not what the command line says; run PULLKEY_UPDATE_DOCS=1 cargo test --test cli\n{other:#?}"
    );
}

#[test]
fn every_example_is_a_command_line_that_the_program_takes() {
    let mut read = 0;
    for command in commands() {
        for line in examples(&command).lines().map(str::trim).filter(|line| !line.starts_with('#')) {
            let line = line.trim_start_matches("source <(").trim_end_matches(')');
            for part in line.split('|').map(str::trim).filter(|part| part.starts_with("pullkey ")) {
                let words = part.split_whitespace().take_while(|word| !word.starts_with('>'));
                if let Err(error) = Cli::try_parse_from(words) {
                    panic!("{line}\n{error}");
                }
                read += 1;
            }
        }
    }
    assert!(read > commands().len(), "only {read} examples were read");
    Cli::try_parse_from(["pullkey", "explain", "--no-such-flag"]).expect_err("it would say it");
}

fn page() -> String {
    let mut page = HEAD.to_owned();
    let mut program = program();
    section(&mut page, &mut program);
    page
}

/// A command, and those in it.
fn section(page: &mut String, command: &mut Command) {
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name()).to_owned();
    let about = command.get_long_about().or_else(|| command.get_about()).map(ToString::to_string);
    let usage = command.render_usage().to_string();
    let _ = write!(
        page,
        "\n## {name}\n\n{}\n\n```text\n{}\n```\n",
        ended(&escaped(&about.unwrap_or_default())),
        usage.trim_start_matches("Usage: ").trim()
    );
    if command.has_subcommands() {
        let _ = write!(page, "\n| command | does |\n|---|---|\n");
        for command in command.get_subcommands() {
            let full = format!("{name} {}", command.get_name());
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(page, "| [`{full}`](#{}) | {} |", full.replace(' ', "-"), cell(&about));
        }
    }
    tables(page, command);
    let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let examples = examples(command);
    if !examples.is_empty() {
        let lines: Vec<&str> = examples.lines().map(|line| line.strip_prefix("  ").unwrap_or(line)).collect();
        let _ = write!(page, "\nExamples:\n\n{MARKER}\n```sh\n{}\n```\n", lines.join("\n"));
    }
    let rest =
        after.split_once(&examples).filter(|_| !examples.is_empty()).map_or(&*after, |(_, rest)| rest).trim();
    if !rest.is_empty() {
        let _ = write!(page, "\n{}\n", escaped(rest));
    }
    let mut names: Vec<String> =
        command.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    names.retain(|name| name != "help");
    for name in names {
        section(page, command.find_subcommand_mut(&name).expect("it is one of them"));
    }
}

/// The arguments, and the flags by their headings.
fn tables(page: &mut String, command: &Command) {
    let arguments: Vec<&Arg> = command.get_positionals().filter(|argument| !argument.is_hide_set()).collect();
    table(page, "argument", &arguments);
    let flags: Vec<&Arg> =
        command.get_arguments().filter(|flag| !flag.is_positional() && !flag.is_hide_set()).collect();
    let mut headings: Vec<Option<&str>> = Vec::new();
    for flag in &flags {
        if !headings.contains(&flag.get_help_heading()) {
            headings.push(flag.get_help_heading());
        }
    }
    headings.sort_by_key(Option::is_some);
    for heading in headings {
        let flags: Vec<&Arg> =
            flags.iter().copied().filter(|flag| flag.get_help_heading() == heading).collect();
        if let Some(heading) = heading {
            let _ = write!(page, "\n{heading}:\n");
        }
        table(page, "flag", &flags);
    }
}

/// Columns that would be empty are left out.
fn table(page: &mut String, first: &str, arguments: &[&Arg]) {
    if arguments.is_empty() {
        return;
    }
    let rows: Vec<[String; 4]> = arguments.iter().map(|argument| row(argument)).collect();
    let heads = [first, "default", "environment", "what"];
    let columns: Vec<usize> =
        (0..4).filter(|column| rows.iter().any(|row| !row[*column].is_empty())).collect();
    let line = |cells: Vec<&str>| format!("| {} |\n", cells.join(" | "));
    page.push('\n');
    page.push_str(&line(columns.iter().map(|column| heads[*column]).collect()));
    let _ = writeln!(page, "|{}", "---|".repeat(columns.len()));
    for row in &rows {
        page.push_str(&line(columns.iter().map(|column| row[*column].as_str()).collect()));
    }
}

/// How it is written, its default, its environment variable, and what it does.
fn row(argument: &Arg) -> [String; 4] {
    let takes_value = argument.get_action().takes_values();
    let values: Vec<String> =
        argument.get_value_names().unwrap_or_default().iter().map(ToString::to_string).collect();
    let names = [
        argument.get_short().map(|short| format!("-{short}")),
        argument.get_long().map(|long| format!("--{long}")),
    ];
    let names: Vec<String> = names.into_iter().flatten().collect();
    let many = argument.get_num_args().is_some_and(|range| range.max_values() > 1);
    let written = match (names.is_empty(), takes_value) {
        (true, _) => format!("`{}`{}", values.join(" "), if many { "…" } else { "" }),
        (false, true) => format!("`{} {}`", names.join("`, `"), values.join(" ")),
        (false, false) => format!("`{}`", names.join("`, `")),
    };
    let defaults: Vec<String> = argument
        .get_default_values()
        .iter()
        .filter(|_| takes_value)
        .map(|value| format!("`{}`", value.to_string_lossy()))
        .collect();
    let default = if argument.is_required_set() { "required".to_owned() } else { defaults.join(", ") };
    let variable = argument.get_env().map(|name| format!("`{}`", name.to_string_lossy())).unwrap_or_default();

    let help = argument.get_long_help().or(argument.get_help()).map(ToString::to_string).unwrap_or_default();
    let mut what = cell(&help);
    if takes_value {
        let possible = argument.get_possible_values();
        let possible: Vec<String> = possible
            .iter()
            .filter(|value| !value.is_hide_set())
            .map(|value| match value.get_help() {
                Some(help) => format!("`{}`: {}", value.get_name(), cell(&help.to_string())),
                None => format!("`{}`", value.get_name()),
            })
            .collect();
        if !possible.is_empty() {
            let _ = write!(what, "<br>{}", possible.join("<br>"));
        }
    }
    [written, default, variable, what]
}

/// With a full stop, which the texts for the help do without.
fn ended(text: &str) -> String {
    if text.ends_with('.') { text.to_owned() } else { format!("{text}.") }
}

/// A text of several paragraphs in a cell of a table.
fn cell(text: &str) -> String {
    let paragraphs: Vec<String> =
        text.split("\n\n").map(|paragraph| escaped(&paragraph.replace('\n', " "))).collect();
    paragraphs.join("<br>").replace('|', "\\|")
}

/// Outside of code, what Markdown would take for something else.
fn escaped(text: &str) -> String {
    let parts = text.split('`').enumerate().map(|(index, part)| {
        if index % 2 == 1 { part.to_owned() } else { part.replace('<', "&lt;").replace('*', "\\*") }
    });
    parts.collect::<Vec<_>>().join("`")
}
