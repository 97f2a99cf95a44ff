//! By which name the program was called: the same file is `pullkey` and a plugin of kubectl.

use std::env;
use std::ffi::OsStr;
use std::path::Path;

use clap::{Command, CommandFactory as _, FromArgMatches as _};

use crate::cli::Cli;

/// By which name the program was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Called {
    /// `pullkey`, or any name but the two below.
    Itself,
    /// `kubectl-pullkey`, as kubectl calls a plugin.
    Plugin,
    /// `kubectl_complete-pullkey`, by which kubectl asks what could stand at the end of a line.
    Completion,
}

impl Called {
    /// As this process was called.
    #[must_use]
    pub fn now() -> Self {
        env::args_os().next().map_or(Self::Itself, |path| Self::by(&path))
    }

    /// By the first word of a command line, a path. On Windows it ends with `.exe`.
    fn by(path: &OsStr) -> Self {
        match Path::new(path).file_stem().and_then(OsStr::to_str) {
            Some("kubectl-pullkey") => Self::Plugin,
            Some("kubectl_complete-pullkey") => Self::Completion,
            _ => Self::Itself,
        }
    }

    /// What the user types to call it so.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Itself => "pullkey",
            Self::Plugin | Self::Completion => "kubectl pullkey",
        }
    }

    /// What the command line says; where it cannot be read, or asks for help, says so and ends the process.
    #[must_use]
    pub fn parse(self) -> Cli {
        let matches = self.command().get_matches();
        Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }

    /// The description of the command line, with this name in its usage and in its examples.
    #[must_use]
    pub fn command(self) -> Command {
        let command = Cli::command();
        if self == Self::Itself {
            return command;
        }
        let names: Vec<String> = command.get_subcommands().map(|command| command.get_name().into()).collect();
        with_examples(command.bin_name(self.name()), &|text| renamed(text, self.name(), &names))
    }
}

/// The command with the texts below its help changed, and those of all commands in it.
fn with_examples(mut command: Command, change: &dyn Fn(&str) -> String) -> Command {
    if let Some(text) = command.get_after_help().map(ToString::to_string) {
        command = command.after_help(change(&text));
    }
    if let Some(text) = command.get_after_long_help().map(ToString::to_string) {
        command = command.after_long_help(change(&text));
    }
    command.mut_subcommands(|command| with_examples(command, change))
}

/// The text with another name wherever `pullkey` stands before the name of one of its commands.
fn renamed(text: &str, name: &str, commands: &[String]) -> String {
    let itself = Called::Itself.name();
    let mut changed = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(itself) {
        let is_word = !before.ends_with(|letter: char| letter.is_alphanumeric() || "-_./=:".contains(letter));
        let next = after.strip_prefix(' ').unwrap_or_default();
        let next = next.split(|letter: char| !letter.is_alphanumeric() && letter != '-').next();
        let is_command = next.is_some_and(|next| commands.iter().any(|command| command == next));
        changed.push_str(before);
        changed.push_str(if is_word && is_command { name } else { itself });
        rest = after;
    }
    changed + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_stem_says_how_it_was_called() {
        for (path, called) in [
            ("pullkey", Called::Itself),
            ("/usr/bin/pullkey", Called::Itself),
            ("", Called::Itself),
            ("/", Called::Itself),
            ("pullkey-kubectl", Called::Itself),
            ("kubectl-pullkey2", Called::Itself),
            ("/kubectl-pullkey/other", Called::Itself),
            ("kubectl-pullkey", Called::Plugin),
            ("/home/me/.local/bin/kubectl-pullkey", Called::Plugin),
            ("bin/kubectl-pullkey.exe", Called::Plugin),
            ("bin/kubectl_complete-pullkey", Called::Completion),
            ("kubectl_complete-pullkey.exe", Called::Completion),
        ] {
            assert_eq!(Called::by(OsStr::new(path)), called, "{path}");
        }
    }

    #[test]
    fn only_commands_get_another_name() {
        let commands = ["serve", "check"].map(str::to_owned);
        let changed = |text| renamed(text, "kubectl pullkey", &commands);
        for text in [
            "pullkey declines",
            "--name pullkey",
            "pullkey serves",
            "pullkey.dev check",
            "my-pullkey check",
            "",
        ] {
            assert_eq!(changed(text), text);
        }
        assert_eq!(changed("pullkey check -"), "kubectl pullkey check -");
        assert_eq!(changed("a | pullkey check"), "a | kubectl pullkey check");
        assert_eq!(changed("pullkey: `pullkey serve`"), "pullkey: `kubectl pullkey serve`");
    }
}
