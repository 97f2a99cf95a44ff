//! `pullkey inject`: manifests with the names that the webhook would add.

use std::process::ExitCode;

use anyhow::Context as _;
use similar::TextDiff;

use super::input::{self, ConfigFile};
use super::{print, shown};
use crate::cli::InjectArgs;
use crate::engine::manifest::Manifests;
use crate::engine::rules::Rules;

pub(super) fn run(args: &InjectArgs) -> anyhow::Result<ExitCode> {
    input::only_one_stdin(&args.config, &args.filename)?;
    let file = ConfigFile::load(&args.config)?;
    file.print_warnings(&args.config);
    let name = input::name(&args.filename);
    let text = input::read(&args.filename, "manifests")?;
    // Everything is read and edited before anything is written.
    let injected = Manifests::parse(&text)
        .and_then(|manifests| manifests.inject(&Rules::new(file.config), &args.namespace))
        .with_context(|| format!("cannot use the manifests in {name}"))?;
    let output = if args.diff {
        let diff = TextDiff::from_lines(&text, &injected.text);
        let diff = diff.unified_diff().header(&name, &format!("{name} with pull secrets")).to_string();
        shown::lines(&diff)
    } else {
        injected.text
    };
    print(&output)?;
    Ok(ExitCode::SUCCESS)
}
