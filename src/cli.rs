//! The command line: clap types only, no logic.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::engine::config::is_dns_label;

pub mod access;
pub mod doctor;
pub mod init;
pub mod registration;
pub mod serve;
pub mod shell;

const INJECT_EXAMPLES: &str = "\
Examples:
  helm template my-release ./chart | pullkey inject --config config.yaml -f -
  kubectl get deployment web -o yaml | pullkey inject --config config.yaml -f - --diff
  pullkey inject --config config.yaml --namespace team-a -f pod.yaml | kubectl apply -f -

Only the added lines differ: comments, quotes and key order stay as they are.
Every namespace is taken as opted in; a Pod or template labelled pullkey.dev/inject=disabled is left alone.
Nothing is written when one document cannot be read.";

const EXPLAIN_EXAMPLES: &str = "\
Examples:
  pullkey explain --config config.yaml nginx registry.example.com/team/app:1.2
  pullkey explain --config config.yaml --namespace team-a -f deployment.yaml
  pullkey explain --config config.yaml -o json nginx

Exit code: 0 when every IMAGE is an image name, 1 when one is not (such as auto, or an empty one), 2 on an error.
An image in a manifest does not count: its Pod passes as it is, and the kubelet reports it.";

const CHECK_EXAMPLES: &str = "\
Examples:
  pullkey check config.yaml
  kubectl get configmap NAME -n pullkey-system -o jsonpath='{.data.config\\.yaml}' | pullkey check -

Exit code: 0 when the configuration can be used, 1 when it has a problem, 2 when it cannot be read.";

const EXIT_CODES: &str = "Exit codes: 0 done, 1 a negative answer, 2 an error.";

/// Gives every Pod the image pull secrets that its images need.
///
/// A Kubernetes mutating admission webhook, and the same rules as commands for files.
#[derive(Debug, Parser)]
#[command(name = "pullkey", version, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// One command of the program.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Answer the API server: the admission webhook
    #[command(after_help = serve::EXAMPLES)]
    Serve(Box<serve::ServeArgs>),
    /// Write manifests with the pull secrets that the webhook would add
    #[command(after_help = INJECT_EXAMPLES)]
    Inject(InjectArgs),
    /// Say which entries match an image, which nearly, and why
    #[command(after_help = EXPLAIN_EXAMPLES)]
    Explain(ExplainArgs),
    /// Say all that is wrong with a configuration
    #[command(after_help = CHECK_EXAMPLES)]
    Check(CheckArgs),
    /// Print the registration that tells the API server which Pods to send
    #[command(after_help = registration::EXAMPLES)]
    Registration(Box<registration::RegistrationArgs>),
    /// Check an installation from end to end, and say how to mend what is wrong
    #[command(after_help = doctor::EXAMPLES)]
    Doctor(Box<doctor::DoctorArgs>),
    /// Write a first configuration, made of the pull secrets that there are
    #[command(after_help = init::EXAMPLES)]
    Init(Box<init::InitArgs>),
    /// Print the script by which a shell completes command lines
    #[command(after_help = shell::COMPLETIONS_EXAMPLES)]
    Completions(shell::CompletionsArgs),
    /// Print the manual page, or write those of all commands
    #[command(after_help = shell::MAN_EXAMPLES)]
    Man(shell::ManArgs),
}

/// Arguments of `inject`.
#[derive(Debug, Args)]
pub struct InjectArgs {
    /// The configuration, a YAML file
    #[arg(long, value_name = "FILE", env = "PULLKEY_CONFIG")]
    pub config: PathBuf,

    /// The manifests, YAML or JSON; - for standard input
    #[arg(short, long, value_name = "FILE")]
    pub filename: PathBuf,

    /// The namespace of documents that name none
    #[arg(short, long, value_name = "NAMESPACE", default_value = "default", value_parser = namespace)]
    pub namespace: String,

    /// Show what would change instead of the manifests, with control characters as escapes
    #[arg(long)]
    pub diff: bool,
}

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The configuration, a YAML file
    #[arg(long, value_name = "FILE", env = "PULLKEY_CONFIG")]
    pub config: PathBuf,

    /// Images as a Pod names them
    #[arg(value_name = "IMAGE", conflicts_with = "filename")]
    pub images: Vec<String>,

    /// Explain the Pods and Pod templates of these manifests; - for standard input
    #[arg(short, long, value_name = "FILE")]
    pub filename: Option<PathBuf>,

    /// The namespace of the Pod, where a document names none
    #[arg(short, long, value_name = "NAMESPACE", default_value = "default", value_parser = namespace)]
    pub namespace: String,

    /// The form of the output
    #[arg(short, long, value_name = "FORM", default_value = "text")]
    pub output: OutputFormat,
}

/// The form of a command's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// For people
    Text,
    /// For programs
    Json,
}

/// Arguments of `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The configuration, a YAML file; - for standard input
    #[arg(value_name = "CONFIG", env = "PULLKEY_CONFIG")]
    pub config: PathBuf,
}

fn namespace(text: &str) -> Result<String, String> {
    if is_dns_label(text) {
        return Ok(text.to_owned());
    }
    Err("write lower-case letters, digits and dashes, at most 63 characters".to_owned())
}
