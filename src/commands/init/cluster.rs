//! Reading Secrets and Pods of a cluster with the user's own rights.

use std::fmt;
use std::io::{self, IsTerminal as _};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use serde_json::Value;

use super::say;
use crate::cli::init::InitArgs;
use crate::cluster::client::CallError;
use crate::cluster::reader::Reader;
use crate::engine::credentials::Format;

/// Who waits longer than this is told how far it is.
const PATIENCE: Duration = Duration::from_secs(3);

/// One namespace, or all.
pub(super) struct Scope(Option<String>);

/// Where the user wants to look.
pub(super) fn scopes(reader: &Reader, args: &InitArgs) -> Vec<Scope> {
    if args.all_namespaces {
        return vec![Scope(None)];
    }
    let mut namespaces = args.namespace.clone();
    if namespaces.is_empty() {
        namespaces.push(reader.namespace().to_owned());
    }
    namespaces.sort();
    namespaces.dedup();
    namespaces.into_iter().map(|namespace| Scope(Some(namespace))).collect()
}

/// Reads the Secrets of the two types of pull secrets, and no other.
pub(super) async fn secrets(
    reader: &Reader,
    scope: &Scope,
    mut each: impl FnMut(&Value),
) -> anyhow::Result<()> {
    for format in [Format::ConfigJson, Format::Cfg] {
        let selector = format!("type={}", format.secret_type());
        list(reader, scope, "secrets", Some(&selector), &mut each).await?;
    }
    Ok(())
}

/// Reads the Pods.
pub(super) async fn pods(reader: &Reader, scope: &Scope, mut each: impl FnMut(&Value)) -> anyhow::Result<()> {
    list(reader, scope, "pods", None, &mut each).await
}

async fn list(
    reader: &Reader,
    scope: &Scope,
    resource: &str,
    selector: Option<&str>,
    each: &mut impl FnMut(&Value),
) -> anyhow::Result<()> {
    let path = match &scope.0 {
        None => format!("/api/v1/{resource}"),
        Some(namespace) => format!("/api/v1/namespaces/{namespace}/{resource}"),
    };
    let shows_progress = io::stderr().is_terminal();
    let (mut read, mut said) = (0_usize, Instant::now());
    let listed = reader.list_selected(&path, selector, |object| {
        each(&object);
        read += 1;
        if shows_progress && said.elapsed() > PATIENCE {
            said = Instant::now();
            say(&format!("{read} {resource} {scope} read so far"));
        }
    });
    match listed.await {
        Ok(()) => Ok(()),
        Err(CallError::Forbidden(message)) => Err(anyhow!(
            "the right to list {resource} {scope} is missing: {message}; {}",
            scope.advice(resource)
        )),
        Err(error) => {
            Err(error).with_context(|| format!("cannot list {resource} {scope} at {}", reader.server()))
        }
    }
}

impl Scope {
    fn advice(&self, resource: &str) -> String {
        match &self.0 {
            None => "name the namespaces that you may read with -n".to_owned(),
            Some(namespace) if resource == "secrets" => format!(
                "somebody who has it can run this for you, or `kubectl create role` with verb list on secrets in {namespace}"
            ),
            Some(namespace) => format!("ask for verb list on {resource} in {namespace}"),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            None => f.write_str("in all namespaces"),
            Some(namespace) => write!(f, "in namespace {namespace}"),
        }
    }
}
