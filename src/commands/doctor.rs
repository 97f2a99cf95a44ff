//! `pullkey doctor`: what is wrong with an installation, and how to mend it.

use std::process::ExitCode;

use anyhow::Context as _;

use super::{access, print};
use crate::cli::OutputFormat;
use crate::cli::doctor::DoctorArgs;
use crate::doctor::examine;
use crate::doctor::finding::Severity;

mod collect;
mod report;

/// The exit code of an installation that has a problem.
const SICK: u8 = 1;

pub(super) fn run(args: &DoctorArgs) -> anyhow::Result<ExitCode> {
    let findings = access::block_on(async {
        let reader = access::connect(&args.access).await?;
        let installation = collect::installation(&reader, &args.registration).await;
        let installation = installation.with_context(|| format!("cannot read {}", reader.server()))?;
        Ok(examine(&installation))
    })?;
    print(&match args.output {
        OutputFormat::Text => report::text(&findings),
        OutputFormat::Json => report::json(&findings)?,
    })?;
    let is_sick = findings.iter().any(|finding| finding.severity == Severity::Problem);
    Ok(if is_sick { ExitCode::from(SICK) } else { ExitCode::SUCCESS })
}
