//! What could stand at the end of a line, as kubectl's completion asks a plugin for it.
//!
//! kubectl runs the file `kubectl_complete-pullkey` with the words typed so far, the last of which is to be completed
//! and may be empty, and expects what cobra prints: candidates with their descriptions, and a number for the shell.

use std::fmt::Write as _;

use clap::{Arg, ArgAction, Command, ValueHint};

/// The candidates are all that there is.
const NO_FILES: u8 = 4;
/// Without candidates the shell offers files.
const FILES: u8 = 0;
/// The shell offers folders.
const FOLDERS: u8 = 16;

/// The answer to kubectl for these words.
#[must_use]
pub fn answer(mut command: Command, words: &[String]) -> String {
    command.build();
    let (last, before) = words.split_last().map_or(("", words), |(last, before)| (last.as_str(), before));
    let place = Place::after(&command, before);
    let (candidates, directive) = place.candidates(last);
    let mut answer = String::new();
    for Candidate { text, what } in candidates {
        // A description ends with its line.
        let what = what.lines().next().unwrap_or_default();
        let _ = if what.is_empty() { writeln!(answer, "{text}") } else { writeln!(answer, "{text}\t{what}") };
    }
    let _ = writeln!(answer, ":{directive}");
    answer
}

/// Something that the last word could become.
#[derive(Debug)]
struct Candidate {
    text: String,
    what: String,
}

/// Where the words before the last one lead to.
#[derive(Debug)]
struct Place<'a> {
    command: &'a Command,
    /// The flag whose value comes next.
    flag: Option<&'a Arg>,
    /// How many arguments without a flag there are already.
    positionals: usize,
    /// Flags that stand there already.
    given: Vec<&'a Arg>,
    /// After `--` nothing is a flag.
    only_arguments: bool,
}

impl<'a> Place<'a> {
    fn after(command: &'a Command, words: &[String]) -> Self {
        let mut place =
            Self { command, flag: None, positionals: 0, given: Vec::new(), only_arguments: false };
        for word in words {
            place.pass(word);
        }
        place
    }

    fn pass(&mut self, word: &str) {
        if self.flag.take().is_some() {
            return;
        }
        if word == "--" {
            self.only_arguments = true;
        } else if word.len() > 1 && word.starts_with('-') && !self.only_arguments {
            let (name, value) =
                word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
            if let Some(flag) = self.flag_named(name) {
                self.given.push(flag);
                self.flag = Some(flag).filter(|flag| value.is_none() && takes_value(flag));
            }
        } else if let Some(command) = self.command.find_subcommand(word) {
            *self = Self::after(command, &[]);
        } else {
            self.positionals += 1;
        }
    }

    fn flag_named(&self, name: &str) -> Option<&'a Arg> {
        self.command.get_opts().chain(flags(self.command)).find(|flag| {
            let long = name.strip_prefix("--").is_some_and(|name| flag.get_long() == Some(name));
            long || flag.get_short().is_some_and(|short| name == format!("-{short}"))
        })
    }

    fn candidates(&self, last: &str) -> (Vec<Candidate>, u8) {
        if let Some(flag) = self.flag {
            return values(flag, last);
        }
        if last.starts_with('-') && !self.only_arguments {
            // The shells put what stands before the sign in front again.
            let value = last.split_once('=').and_then(|(name, value)| Some((self.flag_named(name)?, value)));
            return value.map_or_else(|| (self.flags(last), NO_FILES), |(flag, value)| values(flag, value));
        }
        if self.command.has_subcommands() {
            let commands = if self.positionals == 0 { self.commands(last) } else { Vec::new() };
            return (commands, NO_FILES);
        }
        let arguments: Vec<&Arg> = self.command.get_positionals().collect();
        let next = arguments.get(self.positionals).or(arguments.last().filter(|last| repeats(last)));
        next.map_or_else(|| (Vec::new(), NO_FILES), |argument| values(argument, last))
    }

    fn commands(&self, last: &str) -> Vec<Candidate> {
        let commands = self.command.get_subcommands().filter(|command| !command.is_hide_set());
        commands
            .filter(|command| command.get_name().starts_with(last))
            .map(|command| Candidate { text: command.get_name().into(), what: text(command.get_about()) })
            .collect()
    }

    fn flags(&self, last: &str) -> Vec<Candidate> {
        let flags = self.command.get_opts().chain(flags(self.command)).filter(|flag| !flag.is_hide_set());
        let missing = flags.filter(|flag| repeats(flag) || !self.given.contains(flag));
        missing
            .filter_map(|flag| Some((flag, format!("--{}", flag.get_long()?))))
            .filter(|(_, long)| long.starts_with(last))
            .map(|(flag, long)| Candidate { text: long, what: text(flag.get_help()) })
            .collect()
    }
}

/// What an argument, or the value of a flag, could be.
fn values(argument: &Arg, last: &str) -> (Vec<Candidate>, u8) {
    let possible = argument.get_possible_values();
    if !possible.is_empty() {
        let possible =
            possible.iter().filter(|value| !value.is_hide_set() && value.get_name().starts_with(last));
        let candidate = |value: &clap::builder::PossibleValue| Candidate {
            text: value.get_name().into(),
            what: text(value.get_help()),
        };
        return (possible.map(candidate).collect(), NO_FILES);
    }
    let directive = match argument.get_value_hint() {
        ValueHint::AnyPath | ValueHint::FilePath => FILES,
        ValueHint::DirPath => FOLDERS,
        _ => NO_FILES,
    };
    (Vec::new(), directive)
}

/// The flags of a command that have no value.
fn flags(command: &Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|argument| !argument.is_positional() && !takes_value(argument))
}

fn takes_value(argument: &Arg) -> bool {
    argument.get_action().takes_values()
}

fn repeats(argument: &Arg) -> bool {
    matches!(argument.get_action(), ArgAction::Append | ArgAction::Count)
}

fn text(help: Option<&clap::builder::StyledStr>) -> String {
    help.map(ToString::to_string).unwrap_or_default()
}
