//! The command line of `doctor`.

use std::path::PathBuf;

use clap::Args;

use super::OutputFormat;
use super::access::AccessArgs;
use super::serve::object_name;

pub(super) const EXAMPLES: &str = "\
Examples:
  # Everything that your rights let you see
  pullkey doctor

  # One team: its Pods and its Secrets
  pullkey doctor --namespace team-a --secrets

  # Is what you are about to change what is installed?
  pullkey doctor --config config.yaml

  # For a program
  pullkey doctor -o json | jq '.findings[] | select(.severity == \"problem\")'

It changes nothing: the one Pod that it sends is a dry run. Secrets are read only with --secrets, with your rights,
and no credential of them is ever printed.

Exit code: 0 when there is no problem (there may be warnings), 1 when there is one, 2 when the cluster cannot be read.";

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// The name of the mutating webhook configuration
    #[arg(long, value_name = "NAME", default_value = "pullkey", value_parser = object_name)]
    pub registration: String,

    /// The configuration that should be installed: say where that in the cluster differs from this file
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Look at the Pods and Secrets of this namespace only, without it at those of all that are sent
    #[arg(short, long, value_name = "NAMESPACE", value_parser = super::namespace)]
    pub namespace: Option<String>,

    /// Also read the pull secrets that the configuration names: whether they are there and serve their registries
    #[arg(long)]
    pub secrets: bool,

    /// The form of the output
    #[arg(short, long, value_name = "FORM", default_value = "text")]
    pub output: OutputFormat,

    /// Which cluster, and as whom.
    #[command(flatten)]
    pub access: AccessArgs,
}
