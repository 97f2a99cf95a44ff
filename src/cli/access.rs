//! The command line of everything that speaks with a cluster as the user does: as with kubectl.

use std::path::PathBuf;

use clap::Args;

/// Which cluster, and as whom.
#[derive(Debug, Args)]
#[command(next_help_heading = "Cluster")]
pub struct AccessArgs {
    /// The kubeconfig; without it, the files that KUBECONFIG names or ~/.kube/config
    #[arg(long, value_name = "FILE", conflicts_with = "in_cluster")]
    pub kubeconfig: Option<PathBuf>,

    /// The context of the kubeconfig; without it, the current one
    #[arg(long, value_name = "NAME", conflicts_with = "in_cluster")]
    pub context: Option<String>,

    /// Use the account of the Pod that this runs in
    #[arg(long)]
    pub in_cluster: bool,
}
