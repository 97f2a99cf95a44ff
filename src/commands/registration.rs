//! `pullkey registration`: the object that tells the API server which Pods to send.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;

use super::input::{self, ConfigFile};
use super::{print, say};
use crate::cli::registration::{FailPolicy, LabelledNamespaces, ManifestFormat, RegistrationArgs};
use crate::cluster::registration::rendered::{
    Endpoint, FailurePolicy, ImageCondition, Namespaces, Registration,
};
use crate::engine::conditions;

pub(super) fn run(args: RegistrationArgs) -> anyhow::Result<ExitCode> {
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
        image_condition: args.config.as_deref().map(image_condition).transpose()?,
    };
    print(match args.output {
        ManifestFormat::Yaml => registration.yaml(),
        ManifestFormat::Json => serde_json::to_string_pretty(&registration.object())? + "\n",
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The condition that a configuration needs, with its price on standard error.
fn image_condition(path: &Path) -> anyhow::Result<ImageCondition> {
    let file = ConfigFile::load(path)?;
    file.print_warnings(path);
    let condition = conditions::ImageCondition::of(&file.config)
        .with_context(|| format!("no condition on images can be made from {}", input::name(path)))?;
    say(&format!(
        "the condition on images looks at {}\n\
         its price: the image of a sidecar that another webhook adds to a Pod that was skipped is missed,\n\
         and whoever changes the configuration must apply this again, before the new one is in use",
        condition.detail
    ));
    Ok(ImageCondition { expression: condition.expression, configuration: file.hash })
}
