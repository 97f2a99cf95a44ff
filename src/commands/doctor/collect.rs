//! Reads what `doctor` judges, with the user's rights.

use serde_json::Value;

use crate::cluster::client::CallError;
use crate::cluster::reader::Reader;
use crate::doctor::installation::Installation;
use crate::doctor::seen::Seen;

const REGISTRATIONS: &str = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";

/// Reads the installation behind the registration of this name.
///
/// # Errors
/// The API server does not answer. That a right is missing is a finding.
pub(super) async fn installation(reader: &Reader, name: &str) -> Result<Installation, CallError> {
    let mut others = Vec::new();
    let listed = reader.list(REGISTRATIONS, |registration| others.push(registration)).await;
    let registration = match seen(listed.map(|()| Value::Null))? {
        Seen::Found(_) => {
            let ours = others.iter().position(|other| other["metadata"]["name"] == name);
            ours.map_or(Seen::Missing, |place| Seen::Found(others.swap_remove(place)))
        }
        // Somebody may be allowed this one object.
        _ => seen(reader.get(&format!("{REGISTRATIONS}/{name}")).await)?,
    };
    Ok(Installation { name: name.to_owned(), registration, others })
}

/// What an answer says of an object. Only that nobody answers is an error.
fn seen<T>(answer: Result<T, CallError>) -> Result<Seen<T>, CallError> {
    match answer {
        Ok(found) => Ok(Seen::Found(found)),
        Err(CallError::NotFound) => Ok(Seen::Missing),
        Err(error @ CallError::Away(_)) => Err(error),
        Err(error) => Ok(Seen::Unseen(error.to_string())),
    }
}
