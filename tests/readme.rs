//! The Markdown files say what is so: their commands are run, their configurations are checked, their links lead to
//! files, and their tables name what the program has.
//!
//! A marker above each block of commands says by which test it is run; `tests/support/markdown.rs` shows its form.
//! Those for a cluster are run by the trials in `tests/apiserver/readme.rs`.

#[path = "support/markdown.rs"]
mod markdown;
#[path = "support/scraped.rs"]
mod scraped;
#[path = "support/script.rs"]
mod script;
#[path = "support/shell.rs"]
mod shell;

#[path = "readme/book.rs"]
mod book;
#[path = "readme/claims.rs"]
mod claims;
#[path = "readme/elsewhere.rs"]
mod elsewhere;
#[path = "readme/fields.rs"]
mod fields;
#[path = "readme/flags.rs"]
mod flags;
#[path = "readme/here.rs"]
mod here;
#[path = "readme/make_run.rs"]
mod make_run;
#[path = "readme/pages.rs"]
mod pages;
#[path = "readme/parser.rs"]
mod parser;
#[path = "readme/tables.rs"]
mod tables;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use markdown::{Commands, Kind};
use shell::{Ended, Shell};

/// How long a command may take on a machine that is busy with other things; it only bounds a failure.
const LIMIT: Duration = Duration::from_secs(60);

/// Bash in the root of the repository, as somebody has it who has built pullkey and nothing else.
fn bash() -> Command {
    let folder = Path::new(env!("CARGO_BIN_EXE_pullkey")).parent().expect("a program stands in a folder");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths([folder.to_owned()].into_iter().chain(std::env::split_paths(&path)));
    let mut command = Command::new("bash");
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command.env("PATH", path.expect("the folder of pullkey can stand in PATH"));
    command
}

/// Runs these commands to their end.
#[track_caller]
fn run(text: &str) -> Ended {
    let running = Shell::start(bash(), text, Path::new(env!("CARGO_TARGET_TMPDIR")));
    running.end(LIMIT).unwrap_or_else(|reason| panic!("{text}: {reason}"))
}

/// The blocks of commands of all Markdown files that are of this kind.
#[track_caller]
fn blocks(kind: Kind) -> Vec<Commands> {
    let all = pages::pages().into_iter().flat_map(|page| {
        markdown::commands(&page, &markdown::read(&page)).unwrap_or_else(|reason| panic!("{reason}"))
    });
    all.filter(|block| block.kind == kind).collect()
}
