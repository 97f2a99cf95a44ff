//! `pullkey doctor`: what is wrong with an installation, and how to mend it.

use std::process::ExitCode;

use anyhow::Context as _;

use super::input::ConfigFile;
use super::{access, print};
use crate::cli::OutputFormat;
use crate::cli::doctor::DoctorArgs;
use crate::doctor::examine;
use crate::doctor::finding::Severity;
use crate::doctor::many::shortened;

mod collect;
mod probe;
mod progress;
mod report;
mod rivals;
mod secrets;
mod tenants;

/// How many calls are under way at a time.
const CALLS_MAX: usize = 8;
/// The exit code of an installation that has a problem.
const SICK: u8 = 1;

pub(super) fn run(args: &DoctorArgs) -> anyhow::Result<ExitCode> {
    let meant = args.config.as_deref().map(ConfigFile::load).transpose()?;
    let (findings, looked) = access::block_on(async {
        let reader = access::connect(&args.access).await?;
        let installation = collect::installation(&reader, &args.registration, meant).await;
        let cannot_read = || format!("cannot read {}", reader.server());
        let installation = installation.with_context(cannot_read)?;
        let mut findings = examine(&installation);
        let tenants = tenants::examine(&reader, &installation, args, &findings).await;
        let (more, looked) = tenants.with_context(cannot_read)?;
        findings.extend(more);
        Ok((shortened(findings), looked))
    })?;
    print(&match args.output {
        OutputFormat::Text => report::text(&findings, &looked),
        OutputFormat::Json => report::json(&findings, &looked)?,
    })?;
    let is_sick = findings.iter().any(|finding| finding.severity == Severity::Problem);
    Ok(if is_sick { ExitCode::from(SICK) } else { ExitCode::SUCCESS })
}
