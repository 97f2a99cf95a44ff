//! What is said of an error of kube's. Some quote the kubeconfig, or what its plugin printed, with tokens in it.

use std::error::Error;

use kube::client::AuthError;
use kube::config::KubeconfigError;

/// An error with all that caused it; some repeat their cause in their own text.
pub(super) fn of(error: &(dyn Error + 'static)) -> String {
    if let Some(text) = chain(error).find_map(instead_of_a_quotation) {
        return text;
    }
    let mut text = error.to_string();
    for cause in chain(error).skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

fn chain<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| <dyn Error>::source(*error))
}

fn instead_of_a_quotation(error: &(dyn Error + 'static)) -> Option<String> {
    if let Some(KubeconfigError::Parse(error)) = error.downcast_ref() {
        let place = error.location();
        let place = place.map(|place| format!(" (line {}, column {})", place.line(), place.column()));
        return Some(format!("the kubeconfig is no YAML of its kind{}", place.unwrap_or_default()));
    }
    let how_it_ended = match error.downcast_ref()? {
        AuthError::AuthExecRun { out, .. } => format!("fails with {}", out.status),
        AuthError::AuthExecParse(_) => "prints no ExecCredential".to_owned(),
        _ => return None,
    };
    Some(format!(
        "the credential plugin of the kubeconfig {how_it_ended}; `kubectl version` with the same kubeconfig shows what it says"
    ))
}
