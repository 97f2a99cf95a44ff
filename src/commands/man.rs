//! `pullkey man`: the manual pages.

use std::fs;
use std::process::ExitCode;

use anyhow::{Context as _, bail};

use super::print;
use crate::cli::shell::ManArgs;
use crate::shell::man;

pub(super) fn run(args: &ManArgs) -> anyhow::Result<ExitCode> {
    let pages = man::pages();
    let Some(folder) = &args.dir else {
        let main = pages.first().context("there is no page")?;
        print(&main.text)?;
        return Ok(ExitCode::SUCCESS);
    };
    if !folder.is_dir() {
        let why = if folder.exists() { "it is no folder" } else { "it does not exist; make it first" };
        bail!("cannot write manual pages into {}: {why}", folder.display());
    }
    for page in pages {
        let path = folder.join(&page.file);
        fs::write(&path, page.text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}
