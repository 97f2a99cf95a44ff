//! Parse the command line, run one command, print the error chain, choose the exit code.

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser as _;
use pullkey::cli::Cli;
use pullkey::commands;

/// The exit code of an error; 1 is a negative answer.
const ERROR: u8 = 2;

fn main() -> ExitCode {
    match commands::run(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            // Where nobody reads, the exit code still tells.
            let _ = writeln!(io::stderr(), "pullkey: {error:#}");
            ExitCode::from(ERROR)
        }
    }
}
