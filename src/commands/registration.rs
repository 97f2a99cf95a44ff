//! `pullkey registration`: the object that tells the API server which Pods to send.

use std::process::ExitCode;

use super::print;
use crate::cli::registration::{FailPolicy, LabelledNamespaces, ManifestFormat, RegistrationArgs};
use crate::cluster::registration::rendered::{
    Endpoint, FailurePolicy, Namespaces, Registration,
};

pub(super) fn run(args: RegistrationArgs) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(!args.match_conditions, "--match-conditions is not there yet");
    let (own_namespace, endpoint) = match args.url {
        Some(url) => (args.own_namespace, Endpoint::Url(url)),
        None => (args.service.namespace.clone(), Endpoint::Service(args.service)),
    };
    let registration = Registration {
        name: args.name,
        endpoint,
        own_namespace,
        namespaces: match args.namespaces {
            LabelledNamespaces::OptIn => Namespaces::OptIn,
            LabelledNamespaces::OptOut => Namespaces::OptOut,
        },
        failure_policy: match args.fail_policy {
            FailPolicy::Fail => FailurePolicy::Fail,
            FailPolicy::Ignore => FailurePolicy::Ignore,
        },
        timeout_seconds: args.timeout,
        image_condition: None,
    };
    print(&match args.output {
        ManifestFormat::Yaml => registration.yaml(),
        ManifestFormat::Json => serde_json::to_string_pretty(&registration.object())? + "\n",
    })?;
    Ok(ExitCode::SUCCESS)
}
