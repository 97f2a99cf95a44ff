//! The scripts of this repository that build what the tests need into the target folder.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The target folder of this build, wherever Cargo was told to have it.
pub(crate) fn target() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent();
    folder.expect("the temporary folder lies in the target folder").to_owned()
}

/// A command that runs this script, such as `tests/oracle/build`, which prints what it made.
///
/// Its progress goes to the terminal, because the first build takes minutes.
pub(crate) fn script(path: &str) -> Command {
    let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join(path));
    command.env("CARGO_TARGET_DIR", target()).stdin(Stdio::null()).stderr(Stdio::inherit());
    command
}
