//! The manual pages, one for each command.

use std::io;

use clap::{Command, CommandFactory as _};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use crate::cli::Cli;

/// The section of the manual for programs that users call.
const SECTION: &str = "1";

/// A page of the manual.
#[derive(Debug)]
pub struct Page {
    /// The name of its file, such as `pullkey-serve.1`.
    pub file: String,
    /// Its text, for `man` to format.
    pub text: Vec<u8>,
}

/// All pages, that of the program first.
#[must_use]
pub fn pages() -> Vec<Page> {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let source = format!("{} {}", command.get_name(), command.get_version().unwrap_or_default());
    let mut pages = Vec::new();
    add_pages(&command, &source, &mut pages);
    pages
}

fn add_pages(command: &Command, source: &str, pages: &mut Vec<Page>) {
    pages.push(page(command, source));
    for command in command.get_subcommands().filter(|command| !command.is_hide_set()) {
        add_pages(command, source, pages);
    }
}

fn page(command: &Command, source: &str) -> Page {
    // As --help writes it: with the names of the values, and without every flag.
    let usage = command.clone().render_usage().to_string();
    let described = command.clone().override_usage(usage.trim_start_matches("Usage: ").to_owned());
    let man = Man::new(described).section(SECTION).source(source).manual("pullkey");
    let text = sections(&man, command).expect("memory can be written to");
    Page { file: man.get_filename(), text }
}

fn sections(man: &Man, command: &Command) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut text)?;
    }
    if let Some(after) = command.get_after_long_help().or_else(|| command.get_after_help()) {
        text.extend(after_help(&after.to_string()).render().into_bytes());
    }
    Ok(text)
}

/// The text below the help: its examples line by line, and the rest as paragraphs.
///
/// `clap_mangen` would run the lines of the examples together.
fn after_help(text: &str) -> Roff {
    let mut roff = Roff::new();
    let mut section = String::new();
    for paragraph in text.split("\n\n") {
        let (title, lines) = match paragraph.split_once('\n') {
            Some((title, lines)) if title.ends_with(':') => {
                (title.trim_end_matches(':').to_uppercase(), lines)
            }
            _ if paragraph.starts_with(' ') => (section.clone(), paragraph),
            _ if paragraph.starts_with("Exit code") => ("EXIT STATUS".to_owned(), paragraph),
            _ => ("NOTES".to_owned(), paragraph),
        };
        if title == section {
            roff.control("PP", []);
        } else {
            roff.control("SH", [title.as_str()]);
            section = title;
        }
        let is_literal = lines.starts_with(' ');
        if is_literal {
            roff.control("nf", []);
        }
        for line in lines.lines() {
            roff.text([roman(line.strip_prefix("  ").unwrap_or(line))]);
        }
        if is_literal {
            roff.control("fi", []);
        }
    }
    roff
}
