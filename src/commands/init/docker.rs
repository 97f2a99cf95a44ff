//! What is to be said about docker's own file, from which a Secret is yet to be made.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::anyhow;

use super::{Material, count, say};
use crate::commands::input;
use crate::engine::credentials::{Key, Spelling};
use crate::init::docker::DockerConfig;
use crate::init::remarks::Remarks;
use crate::init::secrets::Secrets;

pub(super) fn read(file: &Path, secret: &str) -> anyhow::Result<Material> {
    let name = input::name(file);
    let text = input::read(file, "docker's config.json")?;
    let config = DockerConfig::read(&text).map_err(|malformed| {
        anyhow!("{name} cannot be made into a Secret: {malformed}; the kubelet would pull nothing for a Pod that names it")
    })?;
    let (mut secrets, mut remarks) = (Secrets::default(), Remarks::default());
    let looked_at = format!("{} in {name}", count(config.keys.len(), "entry of auths", "entries of auths"));
    let kept = config.kept_elsewhere();
    for (host, helper) in &kept {
        remarks.say(format!(
            "the login for {host:?} is kept by the credential helper {helper:?}, where no Secret gets it; {}",
            remedy(host, helper)
        ));
    }
    if let Some(store) = config.store.as_deref().filter(|_| kept.is_empty()) {
        remarks.say(format!("logins are kept by the credential helper {store:?}, where no Secret gets them"));
    }
    let (with_login, empty): (Vec<_>, Vec<_>) = config.keys.iter().cloned().partition(Key::has_login);
    let harmful: Vec<&str> = empty
        .iter()
        .filter(|key| !matches!(key.spelling(), Spelling::Never { .. }))
        .map(Key::as_str)
        .collect();
    for host in harmful.iter().filter(|host| !kept.contains_key(**host)) {
        remarks.say(format!(
            "{host:?} has no user and no password, and the kubelet reads no token; {}",
            remedy(host, "")
        ));
    }
    if !harmful.is_empty() && !with_login.is_empty() {
        remarks.say(format!(
            "take the entries without a login out of a copy of the file, and make the Secret of that; the kubelet pulls with an empty login too, which not every runtime takes for an anonymous pull: {}",
            harmful.join(", ")
        ));
    }
    if !with_login.is_empty() {
        say(&format!(
            "the configuration names a Secret that each namespace needs:\n  kubectl create secret generic {secret} --type=kubernetes.io/dockerconfigjson --from-file=.dockerconfigjson={} --namespace NAMESPACE",
            shown(file)
        ));
        secrets.insert(None, secret, with_login, &mut remarks);
    }
    let from = "the logins of a docker config".to_owned();
    Ok(Material { secrets, unserved: BTreeMap::new(), remarks, from, looked_at })
}

/// What to do about a login that is kept elsewhere.
fn remedy(host: &str, helper: &str) -> String {
    match helper {
        "ecr-login" | "gcloud" | "gcr" | "acr-env" | "acr-login" => {
            "let the nodes use a credential provider of the kubelet for it".to_owned()
        }
        _ => format!("make a Secret with `kubectl create secret docker-registry --docker-server={host:?}`"),
    }
}

/// The file as the shell reads it.
fn shown(file: &Path) -> String {
    let text = if file == Path::new("-") { "config.json".into() } else { file.to_string_lossy() };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+~:@%".contains(c);
    if text.chars().all(is_plain) { text.into_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}
