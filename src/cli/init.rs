//! The command line of `init`.

use std::path::PathBuf;

use clap::{ArgGroup, Args};

use super::access::AccessArgs;
use crate::engine::config::is_secret_name;

pub(super) const EXAMPLES: &str = "\
Examples:
  # From the pull secrets of a cluster
  pullkey init --from-secret --all-namespaces > config.yaml

  # Only what the Pods of a team use, and which of their registries have no pull secret
  pullkey init --from-pods --namespace team-a > config.yaml

  # From manifests, with nothing sent to a cluster
  helm template my-release ./chart | pullkey init --from-secret - > config.yaml

  # From what docker login or podman login left on this machine
  pullkey init --from-docker-config ~/.docker/config.json --pull-secret regcred > config.yaml

The configuration has names and registries only, and no credential is ever printed.
What was left out and why is said on standard error; read it, and then the configuration (docs/init.md).

Exit code: 0 when a configuration was written, 1 when there was nothing to make one of, 2 when something cannot be read.";

/// Arguments of `init`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("source").required(true).multiple(true).args(["from_docker_config", "from_secret", "from_pods"]))]
pub struct InitArgs {
    /// From the logins in docker's config.json or podman's auth.json; - for standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["from_secret", "from_pods"])]
    pub from_docker_config: Option<PathBuf>,

    /// With --from-docker-config, the name of the Secret that is made of that file
    #[arg(
        long,
        value_name = "NAME",
        default_value = "regcred",
        conflicts_with_all = ["from_secret", "from_pods"],
        value_parser = secret_name
    )]
    pub pull_secret: String,

    /// From the pull secrets in manifests, - for standard input; without FILE from those in the cluster
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "", value_parser = secret_source)]
    pub from_secret: Option<SecretSource>,

    /// From the Pods in the cluster: what they use and some pull secret serves; with --from-secret all pull secrets
    ///
    /// Registries that no pull secret of the Pods' namespace serves are listed as a comment.
    #[arg(long)]
    pub from_pods: bool,

    /// Look in this namespace; may be given several times. Without it, the namespace of the context
    ///
    /// With a file, the namespace of Secrets that name none.
    #[arg(short, long, value_name = "NAMESPACE", value_parser = super::namespace, conflicts_with_all = ["all_namespaces", "from_docker_config"])]
    pub namespace: Vec<String>,

    /// Look in all namespaces
    #[arg(short = 'A', long, conflicts_with = "from_docker_config")]
    pub all_namespaces: bool,

    /// Which cluster, and as whom.
    #[command(flatten)]
    pub access: AccessArgs,
}

/// Where pull secrets are read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// The API server.
    Cluster,
    /// Manifests.
    File(PathBuf),
}

#[expect(clippy::unnecessary_wraps, reason = "clap wants a parser that may fail")]
fn secret_source(text: &str) -> Result<SecretSource, String> {
    Ok(if text.is_empty() { SecretSource::Cluster } else { SecretSource::File(text.into()) })
}

fn secret_name(text: &str) -> Result<String, String> {
    if is_secret_name(text) {
        return Ok(text.to_owned());
    }
    Err("write lower-case letters, digits, dashes and dots, such as regcred".to_owned())
}
