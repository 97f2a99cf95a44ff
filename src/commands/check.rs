//! `pullkey check`: all that is wrong with a configuration.

use std::fmt::Write as _;
use std::process::ExitCode;

use super::{input, print};
use crate::cli::CheckArgs;
use crate::engine::config::{Config, Findings};

/// The exit code of a configuration that has a problem.
const UNUSABLE: u8 = 1;

pub(super) fn run(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let name = input::name(&args.config);
    let text = input::read(&args.config, "the configuration")?;
    let (findings, entries) = match Config::parse(&text) {
        Ok((config, warnings)) => (Findings { problems: Vec::new(), warnings }, config.entries.len()),
        Err(findings) => (findings, 0),
    };
    let mut report = String::new();
    for (kind, findings) in [("problem", &findings.problems), ("warning", &findings.warnings)] {
        for finding in findings {
            let _ = writeln!(report, "{kind}: {finding}");
        }
    }
    let usable = findings.problems.is_empty();
    let first = if usable {
        count(entries, "entry", "entries")
    } else {
        count(findings.problems.len(), "problem", "problems")
    };
    let _ = writeln!(report, "{name}: {first}, {}", count(findings.warnings.len(), "warning", "warnings"));
    print(&report)?;
    Ok(if usable { ExitCode::SUCCESS } else { ExitCode::from(UNUSABLE) })
}

fn count(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}
