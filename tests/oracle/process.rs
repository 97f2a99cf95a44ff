//! Builds the Go program beside this file and asks it a batch of questions.

use std::fmt::Debug;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::thread;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::script::script;

const BUILD: &str = "tests/oracle/build";

/// The program, which answers as Kubernetes does.
#[derive(Debug)]
pub(crate) struct Oracle {
    program: PathBuf,
}

impl Oracle {
    /// Builds the program if necessary.
    /// Where Go cannot run, it says so and returns nothing; in CI it fails instead.
    pub(crate) fn build_or_skip(test: &str) -> Option<Self> {
        static PROGRAM: OnceLock<Result<PathBuf, String>> = OnceLock::new();
        match PROGRAM.get_or_init(build) {
            Ok(program) => Some(Self { program: program.clone() }),
            Err(reason) => {
                let in_ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty());
                assert!(!in_ci, "{reason}; in CI nothing may be skipped");
                say(&format!("SKIPPED {test}: {reason}"));
                None
            }
        }
    }

    /// Asks all questions through one process; the answers come in their order.
    pub(crate) fn ask<Question, Answer>(&self, questions: &[Question]) -> Vec<Answer>
    where
        Question: Serialize + Sync + Debug,
        Answer: DeserializeOwned,
    {
        let mut process = Command::new(&self.program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {}: {error}", self.program.display()));
        let input = process.stdin.take().expect("standard input is a pipe");
        let output = process.stdout.take().expect("standard output is a pipe");

        let answers: Vec<Answer> = thread::scope(|scope| {
            // Both pipes are small: whoever only writes would wait for a reader for ever.
            let writer = scope.spawn(move || write_lines(input, questions));
            let answers = BufReader::new(output)
                .lines()
                .zip(questions)
                .map(|(line, question)| {
                    let line = line.expect("the oracle writes UTF-8");
                    serde_json::from_str(&line)
                        .unwrap_or_else(|error| panic!("{error} in the answer {line} to {question:?}"))
                })
                .collect();
            // A process that stops early says itself why; its exit code is looked at below.
            if let Err(error) = writer.join().expect("writing does not panic") {
                assert_eq!(error.kind(), io::ErrorKind::BrokenPipe, "{error}");
            }
            answers
        });

        let status = process.wait().expect("the process is a child of this one");
        assert!(status.success(), "the oracle ended with {status}; its message stands above");
        assert_eq!(answers.len(), questions.len(), "every question has an answer");
        answers
    }
}

/// Writes to the terminal past the test runner, which hides what a passing test prints.
pub(crate) fn say(text: &str) {
    // A closed standard error is no reason to fail a test.
    let _ = writeln!(io::stderr(), "{text}");
}

fn write_lines<Question: Serialize>(pipe: impl Write, questions: &[Question]) -> io::Result<()> {
    let mut pipe = BufWriter::with_capacity(1 << 16, pipe);
    for question in questions {
        serde_json::to_writer(&mut pipe, question)?;
        pipe.write_all(b"\n")?;
    }
    pipe.flush()
}

/// The error is the reason why the program cannot be built on this machine; a build that fails
/// for any other reason is a failed test.
fn build() -> Result<PathBuf, String> {
    let built = script(BUILD).output().map_err(|error| format!("{BUILD}: {error}"))?;
    if built.status.code() == Some(3) {
        return Err("Go cannot run on this machine".to_owned());
    }
    assert!(built.status.success(), "{BUILD} ended with {}; its message stands above", built.status);
    let printed = String::from_utf8(built.stdout).expect("the path is UTF-8");
    Ok(PathBuf::from(printed.trim()))
}
