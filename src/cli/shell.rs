//! The command lines of `completions` and `man`.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use clap_complete::Shell;

pub(super) const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  # bash, in this session and in all later ones
  source <(pullkey completions bash)
  pullkey completions bash > ~/.local/share/bash-completion/completions/pullkey

  # zsh, in a folder of fpath
  pullkey completions zsh > ~/.zfunc/_pullkey

  # fish
  pullkey completions fish > ~/.config/fish/completions/pullkey.fish

  # elvish
  pullkey completions elvish >> ~/.config/elvish/rc.elv

  # PowerShell
  pullkey completions powershell >> $PROFILE

bash reads the file only with the package bash-completion; without it, put the first line into ~/.bashrc.
kubectl completes `kubectl pullkey` by itself where the program is also linked as kubectl_complete-pullkey (docs/shell.md).";

pub(super) const MAN_EXAMPLES: &str = "\
Examples:
  # Read the page of the program
  pullkey man | man -l -

  # Install all pages for yourself, and read one
  mkdir -p ~/.local/share/man/man1
  pullkey man --dir ~/.local/share/man/man1
  man pullkey-explain";

/// Arguments of `completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell that shall complete
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
}

/// Arguments of `man`.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Write a page for each command into this folder, which must exist
    ///
    /// Files of the same names are written anew. Without it, the page of the program goes to standard output.
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub dir: Option<PathBuf>,
}
