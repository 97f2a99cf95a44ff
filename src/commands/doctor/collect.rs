//! Reads what `doctor` judges, with the user's rights.

use jiff::Timestamp;
use serde_json::Value;

use crate::cluster::client::CallError;
use crate::cluster::reader::Reader;
use crate::commands::input::ConfigFile;
use crate::doctor::installation::{Installation, Meant};
use crate::doctor::seen::Seen;

mod home;

const REGISTRATIONS: &str = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";

/// Reads the installation behind the registration of this name; `meant` is the configuration that it should have.
///
/// # Errors
/// The API server does not answer. That a right is missing is a finding.
pub(super) async fn installation(
    reader: &Reader,
    name: &str,
    meant: Option<ConfigFile>,
) -> Result<Installation, CallError> {
    let (listed, nodes) = tokio::join!(list(reader, REGISTRATIONS, |_| true), home::nodes(reader));
    let (registration, others) = match listed? {
        Seen::Found(mut others) => {
            let ours = others.iter().position(|other| other["metadata"]["name"] == name);
            (ours.map_or(Seen::Missing, |place| Seen::Found(others.swap_remove(place))), others)
        }
        // Somebody may be allowed this one object.
        _ => (seen(reader.get(&format!("{REGISTRATIONS}/{name}")).await)?, Vec::new()),
    };
    let name = name.to_owned();
    let now = Timestamp::now();
    let meant = meant.map(|ConfigFile { config, hash, .. }| Meant { config, hash });
    let mut installation = Installation { name, registration, others, now, home: None, meant };
    if let Some((namespace, service)) = installation.service() {
        let is_fail_open = installation.webhook().is_some_and(|webhook| webhook["failurePolicy"] == "Ignore");
        let home = home::read(reader, namespace, service, is_fail_open, nodes?).await?;
        installation.home = Some(home);
    }
    Ok(installation)
}

/// What an answer says of an object. Only that nobody answers, or that the user is not known, is an error.
fn seen<T>(answer: Result<T, CallError>) -> Result<Seen<T>, CallError> {
    match answer {
        Ok(found) => Ok(Seen::Found(found)),
        Err(CallError::NotFound) => Ok(Seen::Missing),
        // Whoever is not known sees nothing at all.
        Err(error @ (CallError::Away(_) | CallError::Other(401, _))) => Err(error),
        Err(error) => Ok(Seen::Unseen(error.to_string())),
    }
}

/// The objects of a list that are of interest.
async fn list(
    reader: &Reader,
    path: &str,
    is_wanted: impl Fn(&Value) -> bool,
) -> Result<Seen<Vec<Value>>, CallError> {
    let mut found = Vec::new();
    let mut keep = |object: Value| {
        if is_wanted(&object) {
            found.push(object);
        }
    };
    let listed = reader.list(path, &mut keep).await;
    Ok(match seen(listed)? {
        Seen::Found(()) => Seen::Found(found),
        Seen::Missing => Seen::Missing,
        Seen::Unseen(reason) => Seen::Unseen(reason),
    })
}
