//! Reading the files that a command is given.

use std::io::{self, Read as _};
use std::path::Path;
use std::{fmt, fs};

use anyhow::{Context as _, bail};

use super::say;
use crate::engine::config::{Config, Finding, Findings};

/// Stands for standard input in place of a file.
const STDIN: &str = "-";

/// A configuration as it was read.
#[derive(Debug)]
pub(super) struct ConfigFile {
    pub(super) config: Config,
    pub(super) warnings: Vec<Finding>,
    /// The hash of the text, short enough for a metric label.
    pub(super) hash: String,
}

/// A configuration that was read and is wrong.
#[derive(Debug)]
pub(super) struct WrongConfig {
    path: String,
    findings: Findings,
}

impl ConfigFile {
    /// Reads a configuration that must be usable.
    pub(super) fn load(path: &Path) -> anyhow::Result<Self> {
        let text = read(path, "the configuration")?;
        let (config, warnings) =
            Config::parse(&text).map_err(|findings| WrongConfig { path: name(path), findings })?;
        Ok(Self { config, warnings, hash: hash(&text) })
    }

    /// Says in the log what is probably not meant.
    pub(super) fn log_warnings(&self, path: &Path) {
        for warning in &self.warnings {
            tracing::warn!(file = %path.display(), "{warning}");
        }
    }

    /// Says on standard error what is probably not meant.
    pub(super) fn print_warnings(&self, path: &Path) {
        for warning in &self.warnings {
            say(&format!("warning: {}: {warning}", name(path)));
        }
    }
}

/// Reads a whole text file, or standard input for `-`.
pub(super) fn read(path: &Path, what: &str) -> anyhow::Result<String> {
    let name = name(path);
    let bytes = if path == Path::new(STDIN) {
        let mut bytes = Vec::new();
        io::stdin().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        fs::read(path)
    };
    let bytes = bytes.with_context(|| format!("cannot read {what} from {name}"))?;
    // Windows PowerShell writes UTF-16 when it redirects output to a file.
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        bail!("{name} is UTF-16 text; write it as UTF-8");
    }
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = valid.split(|byte| *byte == b'\n').count();
            bail!("line {line} of {name} is not UTF-8 text; write it as UTF-8");
        }
    };
    if text.trim().is_empty() {
        bail!("{name} is empty; it should hold {what}");
    }
    Ok(text)
}

/// Refuses to read two things from standard input.
pub(super) fn only_one_stdin(config: &Path, manifests: &Path) -> anyhow::Result<()> {
    if config == Path::new(STDIN) && manifests == Path::new(STDIN) {
        bail!("--config and -f cannot both be standard input; give one of them a file");
    }
    Ok(())
}

/// What to call a file in a message.
pub(super) fn name(path: &Path) -> String {
    if path == Path::new(STDIN) { "standard input".to_owned() } else { path.display().to_string() }
}

/// The hash of a configuration's text, short enough for a metric label.
pub(super) fn hash(text: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    digest.as_ref()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

impl fmt::Display for WrongConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not a valid configuration", self.path)?;
        for problem in &self.findings.problems {
            write!(f, "\n  {problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for WrongConfig {}
