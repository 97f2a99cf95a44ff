//! Reads the pull Secrets that Pods need, one by one and by name; nothing that they keep secret is kept here.

use std::collections::BTreeMap;
use std::panic::resume_unwind;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tokio::task::JoinSet;

use super::CALLS_MAX;
use super::progress::{Progress, say};
use crate::cluster::client::CallError;
use crate::cluster::reader::Reader;
use crate::doctor::seen::Seen;
use crate::doctor::tenants::Tenants;
use crate::engine::credentials::{Format, PullSecret};

/// Reads the Secrets of each namespace, several namespaces at a time, has them judged, and returns how many.
///
/// # Errors
/// The API server does not answer.
pub(super) async fn read(
    reader: &Reader,
    tenants: &mut Tenants<'_>,
    with_idle: bool,
) -> Result<usize, CallError> {
    let mut waiting = tenants.secrets(with_idle).into_iter();
    let mut under_way = JoinSet::new();
    let mut progress = Progress::new();
    let mut count = 0;
    loop {
        while under_way.len() < CALLS_MAX {
            let Some((namespace, names)) = waiting.next() else { break };
            under_way.spawn(of_namespace(reader.clone(), namespace, names));
        }
        tokio::select! {
            done = under_way.join_next() => {
                let Some(done) = done else { return Ok(count) };
                let (namespace, found) = done.unwrap_or_else(|error| resume_unwind(error.into_panic()));
                let found = found?;
                count += found.values().filter(|secret| secret.found().is_some()).count();
                tenants.look_at_secrets(&namespace, &found);
            }
            () = progress.is_due() => say(&format!("{count} Secrets")),
        }
    }
}

type Found = BTreeMap<String, Seen<PullSecret>>;

async fn of_namespace(
    reader: Reader,
    namespace: String,
    names: Vec<String>,
) -> (String, Result<Found, CallError>) {
    let mut found = Found::new();
    for name in names {
        let secret = match reader.get(&format!("/api/v1/namespaces/{namespace}/secrets/{name}")).await {
            Ok(secret) => Seen::Found(pull_secret(&secret)),
            Err(CallError::NotFound) => Seen::Missing,
            Err(error @ CallError::Away(_)) => return (namespace, Err(error)),
            Err(error) => Seen::Unseen(error.to_string()),
        };
        found.insert(name, secret);
    }
    (namespace, Ok(found))
}

/// What the kubelet makes of it. Only the one member that it reads is decoded, and dropped again.
fn pull_secret(secret: &Value) -> PullSecret {
    let kind = secret["type"].as_str().unwrap_or_default();
    let member = Format::of_type(kind).map(Format::data_key).unwrap_or_default();
    let data = secret["data"][member].as_str().and_then(|text| STANDARD.decode(text).ok());
    PullSecret::read(kind, |_| data.as_deref())
}
