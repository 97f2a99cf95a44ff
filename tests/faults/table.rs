//! The table: its rows, how they run, and how they are printed.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

/// How many rows run at once: most of them wait for a time limit to pass.
const AT_ONCE: usize = 4;

/// One fault.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// What is sent or done.
    pub(crate) sent: &'static str,
    /// What must happen.
    pub(crate) must: &'static str,
    /// Does it, and says what happened; an error is what happened instead.
    pub(crate) run: fn() -> anyhow::Result<String>,
}

/// All rows.
#[derive(Debug)]
pub(crate) struct Table {
    /// Rows that may run beside each other.
    pub(crate) together: Vec<Row>,
    /// Rows that run by themselves.
    pub(crate) alone: Vec<Row>,
}

/// What became of a row.
struct Outcome {
    row: Row,
    happened: Result<String, String>,
    seconds: f64,
}

impl Table {
    /// Runs the rows that `arguments` name, all without; prints the table and says whether all is as it must be.
    pub(crate) fn run(self, arguments: impl Iterator<Item = String>) -> ExitCode {
        let arguments: Vec<String> = arguments.collect();
        // `cargo test` passes on the options of its own harness; of these only `--list` means something here.
        let (options, filters): (Vec<&String>, Vec<&String>) =
            arguments.iter().partition(|argument| argument.starts_with('-'));
        let is_asked_for =
            |row: &Row| filters.is_empty() || filters.iter().any(|filter| row.name.contains(filter.as_str()));
        let chosen = |rows: Vec<Row>| rows.into_iter().filter(is_asked_for).collect::<Vec<_>>();
        let (together, alone) = (chosen(self.together), chosen(self.alone));
        if options.iter().any(|option| *option == "--list") {
            for row in together.iter().chain(&alone) {
                println!("{}: test", row.name);
            }
            return ExitCode::SUCCESS;
        }
        let mut outcomes = run_together(&together);
        outcomes.extend(alone.into_iter().map(Outcome::of));
        print(&outcomes)
    }
}

fn run_together(rows: &[Row]) -> Vec<Outcome> {
    let (next, outcomes) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((place, row)) = {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    rows.get(place).map(|row| (place, *row))
                } {
                    let outcome = Outcome::of(row);
                    outcomes.lock().unwrap_or_else(PoisonError::into_inner).push((place, outcome));
                }
            });
        }
    });
    let mut outcomes = outcomes.into_inner().unwrap_or_else(PoisonError::into_inner);
    outcomes.sort_by_key(|(place, _)| *place);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

fn print(outcomes: &[Outcome]) -> ExitCode {
    println!("\n| fault | what was sent | what must happen | what happened | |\n|---|---|---|---|---|");
    for outcome in outcomes {
        println!("{outcome}");
    }
    let differing: Vec<_> = outcomes.iter().filter(|outcome| outcome.happened.is_err()).collect();
    println!("\n{} rows, {} differ", outcomes.len(), differing.len());
    for Outcome { row, happened, .. } in &differing {
        // A table's cell is one line; here is all of it.
        println!("\n{}: must happen: {}\nhappened: {}", row.name, row.must, text(happened));
    }
    if differing.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

impl Outcome {
    fn of(row: Row) -> Self {
        let started = Instant::now();
        let happened = match catch_unwind(AssertUnwindSafe(row.run)) {
            Ok(Ok(happened)) => Ok(happened),
            Ok(Err(error)) => Err(format!("{error:#}")),
            Err(panic) => Err(panic.downcast_ref::<String>().map_or_else(
                || panic.downcast_ref::<&str>().copied().unwrap_or("the test panicked").to_owned(),
                Clone::clone,
            )),
        };
        let seconds = started.elapsed().as_secs_f64();
        // The table stands at the end; until then one wants to see that it goes on.
        eprintln!("{} ({seconds:.1} s): {}", row.name, if happened.is_ok() { "ok" } else { "DIFFERS" });
        Self { row, happened, seconds }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { row, happened, seconds } = self;
        let line = text(happened).lines().next().unwrap_or_default().replace('|', "\\|");
        let verdict = if happened.is_ok() { "ok" } else { "DIFFERS" };
        write!(f, "| {} | {} | {} | {line} ({seconds:.1} s) | {verdict} |", row.name, row.sent, row.must)
    }
}

fn text(happened: &Result<String, String>) -> &str {
    match happened {
        Ok(text) | Err(text) => text,
    }
}
