//! One file a command. `serve` is the only one that knows every part.

use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::Context as _;

use crate::cli::Command;
use crate::shell::called::Called;

mod access;
mod check;
mod completions;
mod doctor;
mod explain;
mod init;
mod inject;
mod input;
mod man;
mod registration;
mod serve;
pub mod shown;

/// Runs a command to its end.
///
/// # Errors
/// What failed, on what, and what to do.
pub fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve(args) => serve::run(*args),
        Command::Inject(args) => inject::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Registration(args) => registration::run(*args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Init(args) => init::run(&args),
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(&args),
    }
}

/// Writes a result; standard output is for results only.
fn print(text: impl AsRef<[u8]>) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_ref()).and_then(|()| stdout.flush()) {
        // Whoever reads, such as `head`, has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot write to standard output"),
    }
}

/// Says something that is no result on standard error, each line with the name of the program as it was called.
fn say(text: &str) {
    let name = Called::now().name();
    let text = shown::lines(text);
    let lines: String = text.lines().map(|line| format!("{name}: {line}\n")).collect();
    // What nobody can read must not end the command.
    let _ = io::stderr().write_all(lines.as_bytes());
}
