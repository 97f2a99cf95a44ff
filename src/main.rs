//! Parse the command line, run one command, print the error chain, choose the exit code.

use std::env;
use std::io::{self, Write as _};
use std::process::ExitCode;

use pullkey::commands::{self, shown};
use pullkey::shell::called::Called;
use pullkey::shell::candidates;

/// The exit code of an error; 1 is a negative answer.
const ERROR: u8 = 2;

fn main() -> ExitCode {
    let called = Called::now();
    if called == Called::Completion {
        return complete(called);
    }
    match commands::run(called.parse().command) {
        Ok(code) => code,
        Err(error) => {
            // Where nobody reads, the exit code still tells.
            let error = shown::lines(&format!("{error:#}"));
            let _ = writeln!(io::stderr(), "{}: {error}", called.name());
            ExitCode::from(ERROR)
        }
    }
}

/// Answers kubectl, which asks what could stand at the end of a line.
fn complete(called: Called) -> ExitCode {
    let words: Vec<String> = env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    match io::stdout().write_all(candidates::answer(called.command(), &words).as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(ERROR),
    }
}
