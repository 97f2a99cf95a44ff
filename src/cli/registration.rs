//! The command line of `registration`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use hyper::Uri;

use super::serve::{object_name, parsed_duration};
use crate::cluster::registration::rendered::{REVIEW_PATH, Service};
use crate::engine::config::is_dns_label;

pub(super) const EXAMPLES: &str = "\
Examples:
  # What `kubectl apply -k deploy/` installs
  pullkey registration

  # Sent only what some entry of the configuration could match
  pullkey registration --config config.yaml --match-conditions | kubectl apply -f -

  # Another namespace, and Pods are created without pull secrets when pullkey does not answer
  pullkey registration --service pullkey.registry-access --fail-policy ignore

  # pullkey runs elsewhere
  pullkey registration --url https://pullkey.example.com/mutate -o json

The certificates that the API server shall trust are set in the cluster (docs/certificates.md) and never printed.
The API server speaks HTTP/1.1 to a URL as to a Service; only to one on localhost it offers HTTP/2 as well, and pullkey declines.";

/// Arguments of `registration`.
#[derive(Debug, Args)]
pub struct RegistrationArgs {
    /// The configuration that --match-conditions reads, a YAML file; - for standard input
    #[arg(long, value_name = "FILE", requires = "match_conditions")]
    pub config: Option<PathBuf>,

    /// Send only Pods with an image that some entry of the configuration could match
    ///
    /// Needs --config, and Kubernetes 1.30 or later. Price: the image of a sidecar that another webhook adds to a Pod
    /// that was skipped is missed; and whoever changes the configuration must apply this again, before the new
    /// configuration is in use.
    #[arg(long, requires = "config")]
    pub match_conditions: bool,

    /// What becomes of a Pod when pullkey does not answer
    #[arg(long, value_name = "POLICY", default_value = "fail")]
    pub fail_policy: FailPolicy,

    /// For one Pod and all tries together, whole seconds from 1s to 30s
    #[arg(long, value_name = "DURATION", default_value = "5s", allow_hyphen_values = true, value_parser = timeout)]
    pub timeout: u8,

    /// The name of the mutating webhook configuration
    #[arg(long, value_name = "NAME", default_value = "pullkey", value_parser = object_name)]
    pub name: String,

    /// The Service of pullkey, whose namespace is never sent
    #[arg(
        long,
        value_name = "NAME.NAMESPACE[:PORT]",
        default_value = "pullkey.pullkey-system:443",
        conflicts_with = "url",
        value_parser = service
    )]
    pub service: Service,

    /// Where the API server finds pullkey without a Service; without a path it is /mutate
    #[arg(long, value_name = "URL", value_parser = url)]
    pub url: Option<String>,

    /// With --url, the namespace of pullkey's own Pods, which is never sent
    #[arg(
        long,
        value_name = "NAMESPACE",
        default_value = "pullkey-system",
        requires = "url",
        value_parser = super::namespace
    )]
    pub own_namespace: String,

    /// What the label pullkey.dev/inject of a namespace does
    #[arg(long, value_name = "HOW", default_value = "opt-in")]
    pub namespaces: LabelledNamespaces,

    /// The form of the output
    #[arg(short, long, value_name = "FORM", default_value = "yaml")]
    pub output: ManifestFormat,
}

/// What becomes of a Pod when pullkey does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailPolicy {
    /// It is refused, and controllers try again
    Fail,
    /// It is created without pull secrets
    Ignore,
}

/// What the label of a namespace does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LabelledNamespaces {
    /// Only namespaces labelled enabled or "true" are sent
    OptIn,
    /// All are sent but those labelled disabled or "false"
    OptOut,
}

/// The form of a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ManifestFormat {
    /// With comments
    Yaml,
    /// For programs
    Json,
}

fn timeout(text: &str) -> Result<u8, String> {
    let whole = parsed_duration(text).filter(|duration| duration.subsec_nanos() == 0);
    let seconds = whole.and_then(|duration| u8::try_from(duration.as_secs()).ok());
    seconds
        .filter(|seconds| (1..=30).contains(seconds))
        .ok_or_else(|| "write whole seconds from 1s to 30s, as the API server takes them".to_owned())
}

fn service(text: &str) -> Result<Service, String> {
    let (names, port) = text.split_once(':').unwrap_or((text, "443"));
    let port = port.parse().ok().filter(|port| *port > 0);
    match (names.split_once('.'), port) {
        (Some((name, namespace)), Some(port)) if is_dns_label(name) && is_dns_label(namespace) => {
            Ok(Service { name: name.to_owned(), namespace: namespace.to_owned(), port })
        }
        _ => {
            Err("write NAME.NAMESPACE or NAME.NAMESPACE:PORT, such as pullkey.pullkey-system:443".to_owned())
        }
    }
}

fn url(text: &str) -> Result<String, String> {
    let wrong =
        || "write an https URL without user, query and fragment, such as https://pullkey.example.com/mutate";
    let uri: Uri = text.parse().map_err(|_| wrong())?;
    let has_host = uri.host().is_some_and(|host| !host.is_empty());
    if uri.scheme_str() != Some("https") || !has_host || text.contains(['@', '?', '#']) {
        return Err(wrong().to_owned());
    }
    let bare = text.strip_suffix('/').unwrap_or(text);
    Ok(if uri.path() == "/" { format!("{bare}{REVIEW_PATH}") } else { text.to_owned() })
}
