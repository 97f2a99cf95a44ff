//! One file a command. `serve` is the only one that knows every part.

use std::process::ExitCode;

use crate::cli::Command;

mod check;
mod input;
mod serve;

/// Runs a command to its end.
///
/// # Errors
/// What failed, on what, and what to do.
pub fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve(args) => serve::run(args),
        Command::Check(args) => check::run(&args),
        Command::Inject(_) | Command::Explain(_) => unreachable!(),
    }
}

/// The exit code of a command whose answer is yes or no.
fn answer(yes: bool) -> ExitCode {
    if yes { ExitCode::SUCCESS } else { ExitCode::from(1) }
}
