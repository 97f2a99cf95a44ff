//! `pullkey check`: all that is wrong with a configuration.

use std::process::ExitCode;

use super::{answer, input};
use crate::cli::CheckArgs;
use crate::engine::config::{Config, Findings};

pub(super) fn run(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let name = input::name(&args.config);
    let text = input::read(&args.config, "the configuration")?;
    let (findings, entries) = match Config::parse(&text) {
        Ok((config, warnings)) => (Findings { problems: Vec::new(), warnings }, config.entries.len()),
        Err(findings) => (findings, 0),
    };
    for problem in &findings.problems {
        println!("problem: {problem}");
    }
    for warning in &findings.warnings {
        println!("warning: {warning}");
    }
    let usable = findings.problems.is_empty();
    if usable {
        println!(
            "{name}: {}, {}",
            count(entries, "entry", "entries"),
            count(findings.warnings.len(), "warning", "warnings")
        );
    } else {
        let problems = count(findings.problems.len(), "problem", "problems");
        println!("{name}: {problems}, {}", count(findings.warnings.len(), "warning", "warnings"));
    }
    Ok(answer(usable))
}

fn count(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}
