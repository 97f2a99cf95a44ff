//! The script by which a shell completes command lines.

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::called::Called;
use crate::cli::Cli;

/// The script for this shell.
///
/// It is for `pullkey` also when the program was called as a plugin, which kubectl's own completion asks.
#[must_use]
pub fn script(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), Called::Itself.name(), &mut script);
    script
}
