//! `pullkey completions`: the script by which a shell completes command lines.

use std::process::ExitCode;

use super::print;
use crate::cli::shell::CompletionsArgs;
use crate::shell::completions;

pub(super) fn run(args: &CompletionsArgs) -> anyhow::Result<ExitCode> {
    print(completions::script(args.shell))?;
    Ok(ExitCode::SUCCESS)
}
