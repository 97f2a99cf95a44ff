//! `pullkey init`: a first configuration, made of the pull secrets that there are.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::{Context as _, anyhow, bail};

use super::{access, input, print, shown};
use crate::cli::init::{InitArgs, SecretSource};
use crate::engine::config::Config;
use crate::engine::manifest::Manifests;
use crate::init::proposal::propose;
use crate::init::remarks::Remarks;
use crate::init::secrets::Secrets;
use crate::init::uses::Uses;
use crate::init::written;

mod cluster;
mod docker;

/// The exit code when there is nothing to make a configuration of.
const NOTHING: u8 = 1;

/// What a configuration is made of.
struct Material {
    secrets: Secrets,
    /// Registries of Pods without a pull secret, with the namespaces.
    unserved: BTreeMap<String, BTreeSet<String>>,
    remarks: Remarks,
    /// What it is called in the configuration.
    from: String,
    /// What was looked at, for when there is nothing in it.
    looked_at: String,
}

pub(super) fn run(args: &InitArgs) -> anyhow::Result<ExitCode> {
    let material = match &args.from_docker_config {
        Some(file) => docker::read(file, &args.pull_secret)?,
        None => from_secrets_and_pods(args)?,
    };
    write(material)
}

fn from_secrets_and_pods(args: &InitArgs) -> anyhow::Result<Material> {
    let (mut secrets, mut uses, mut remarks) = (Secrets::default(), Uses::default(), Remarks::default());
    let (mut looked_at, mut from) = (Vec::new(), "the pull secrets of manifests".to_owned());
    let from_file = matches!(args.from_secret, Some(SecretSource::File(_)));
    if let Some(SecretSource::File(file)) = &args.from_secret {
        if !args.from_pods && args.all_namespaces {
            bail!("--all-namespaces is about the cluster; leave the file out, or the flag");
        }
        let name = input::name(file);
        let text = input::read(file, "Secrets")?;
        let objects = Manifests::parse(&text).and_then(|manifests| manifests.core_objects("Secret"));
        let objects = objects.with_context(|| format!("cannot use the manifests in {name}"))?;
        let namespace = match args.namespace.as_slice() {
            [] => None,
            [namespace] => Some(namespace.as_str()),
            _ => bail!("-n is the namespace of Secrets that name none; with a file give it once"),
        };
        for (_, object) in &objects {
            secrets.add(object, namespace, &mut remarks);
        }
        looked_at.push(format!("{} in {name}", count(secrets.seen(), "Secret", "Secrets")));
    }
    if !from_file || args.from_pods {
        let scopes = access::block_on(async {
            let reader = access::connect(&args.access).await?;
            let scopes = cluster::scopes(&reader, args);
            for scope in &scopes {
                if !from_file {
                    cluster::secrets(&reader, scope, |object| secrets.add(object, None, &mut remarks))
                        .await?;
                }
                if args.from_pods {
                    cluster::pods(&reader, scope, |object| uses.add(object)).await?;
                }
            }
            Ok(scopes)
        })?;
        let scopes: Vec<String> = scopes.iter().map(ToString::to_string).collect();
        let scopes = scopes.join(" and ");
        if !from_file {
            from = format!("the pull secrets {scopes}");
            looked_at.push(format!("{} {scopes}", count(secrets.seen(), "pull secret", "pull secrets")));
        }
        if args.from_pods {
            looked_at.push(format!("{} {scopes}", count(uses.pods(), "Pod", "Pods")));
        }
    }
    if secrets.made_for_accounts() > 0 {
        let made =
            count(secrets.made_for_accounts(), "Secret that OpenShift makes", "Secrets that OpenShift makes");
        remarks.say(format!("{made} for ServiceAccounts left out: it puts them on the Pods itself"));
    }
    let unserved = uses.unserved(&secrets);
    if args.from_pods && args.from_secret.is_none() {
        uses.retain_used(&mut secrets);
    }
    for (registry, namespaces) in &unserved {
        remarks.unserved(registry, namespaces);
    }
    Ok(Material { secrets, unserved, remarks, from, looked_at: looked_at.join(", ") })
}

/// Prints the configuration, or says that there is none.
fn write(material: Material) -> anyhow::Result<ExitCode> {
    let Material { secrets, unserved, mut remarks, from, looked_at } = material;
    let entries = propose(&secrets, &mut remarks);
    for remark in remarks.lines() {
        say(&format!("note: {}", shown::line(&remark)));
    }
    if entries.is_empty() {
        say(&format!("there is nothing to make a configuration of: {looked_at}"));
        return Ok(ExitCode::from(NOTHING));
    }
    let yaml = written::yaml(&from, &entries, &unserved);
    // Whoever is given a configuration may trust that it can be used.
    let (_, warnings) = Config::parse(&yaml).map_err(|findings| {
        anyhow!("the configuration that would be written is not valid; please report this: {findings}")
    })?;
    for warning in warnings {
        say(&format!("warning: {warning}"));
    }
    print(&yaml)?;
    Ok(ExitCode::SUCCESS)
}

/// Says something to the user; the result alone is on standard output.
fn say(text: &str) {
    // Where nobody reads, the result is what counts.
    let _ = writeln!(io::stderr(), "pullkey: {}", shown::lines(text));
}

fn count(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}
