//! Reads the policies that may write the list of pull secrets.

use std::panic::resume_unwind;

use tokio::task::JoinSet;

use crate::cluster::client::CallError;
use crate::cluster::reader::Reader;
use crate::doctor::finding::{Check, Finding};
use crate::doctor::rivals::{BINDINGS, POLICIES, Policy, PolicyKind, Rivals};

/// Reads all kinds that the cluster has. What is no part of Kubernetes is not missed where it may not be listed.
///
/// # Errors
/// The API server does not answer.
pub(super) async fn read(reader: &Reader) -> Result<(Rivals, Vec<Finding>), CallError> {
    let mut rivals = Rivals::default();
    let mut unseen = Vec::new();
    let mut reads = JoinSet::new();
    for (kind, called, paths) in POLICIES {
        let reader = reader.clone();
        reads.spawn(async move {
            let mut policies = Vec::new();
            let read =
                first(&reader, paths, |object| policies.extend(Policy::of(*kind, called, &object))).await;
            (*kind, policies, read)
        });
    }
    let mut keep = |binding| rivals.bindings.push(binding);
    let bindings = first(reader, BINDINGS, &mut keep).await;
    // Without them a policy seems to do nothing.
    let mut missed = match bindings {
        Err(error @ CallError::Away(_)) => return Err(error),
        bindings => bindings.err(),
    };
    while let Some(done) = reads.join_next().await {
        let (kind, policies, read) = done.unwrap_or_else(|error| resume_unwind(error.into_panic()));
        rivals.policies.extend(policies);
        match read {
            Err(error @ CallError::Away(_)) => return Err(error),
            Err(error) if kind == PolicyKind::Kubernetes => missed = Some(error),
            _ => {}
        }
    }
    if let Some(error) = missed {
        let fix = "let somebody run this who may list mutatingadmissionpolicies and mutatingadmissionpolicybindings";
        let object = "MutatingAdmissionPolicy";
        unseen.push(Finding::unseen(Check::Rival, object, error.to_string(), fix));
    }
    Ok((rivals, unseen))
}

/// Lists the first of these paths that the API server knows.
async fn first(
    reader: &Reader,
    paths: &[&str],
    mut each: impl FnMut(serde_json::Value),
) -> Result<(), CallError> {
    for path in paths {
        match reader.list(path, &mut each).await {
            Err(CallError::NotFound) => {}
            answer => return answer,
        }
    }
    Ok(())
}
