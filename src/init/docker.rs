//! What `docker login` and its relatives leave on a user's machine.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::engine::credentials::{Format, Key, Malformed, Spelling, redacted};

/// A `config.json` of docker, or an `auth.json` of podman.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DockerConfig {
    /// The entries of `auths`.
    pub keys: Vec<Key>,
    /// The helpers that keep the logins of some registries, by registry.
    pub helpers: BTreeMap<String, String>,
    /// The helper that keeps all other logins.
    pub store: Option<String>,
}

impl DockerConfig {
    /// Reads the file.
    ///
    /// # Errors
    /// The kubelet could not read a Secret with this content.
    pub fn read(text: &str) -> Result<Self, Malformed> {
        let keys = Format::ConfigJson.read(text.as_bytes())?;
        let whole: Value = serde_json::from_str(text).unwrap_or_default();
        let helpers = whole["credHelpers"].as_object().into_iter().flatten();
        let helpers =
            helpers.filter_map(|(host, helper)| Some((redacted(host), helper.as_str()?.to_owned())));
        let store = whole["credsStore"].as_str().filter(|store| !store.is_empty()).map(str::to_owned);
        Ok(Self { keys, helpers: helpers.collect(), store })
    }

    /// The registries whose logins are kept by a helper, where no Secret gets them, with the helper.
    #[must_use]
    pub fn kept_elsewhere(&self) -> BTreeMap<&str, &str> {
        let with_login: BTreeSet<&str> =
            self.keys.iter().filter(|key| key.has_login()).map(Key::as_str).collect();
        // Docker Desktop also writes entries such as `https://index.docker.io/v1/access-token`.
        let is_registry = |key: &&Key| !matches!(key.spelling(), Spelling::Never { .. });
        let empty = self.keys.iter().filter(|key| !key.has_login()).filter(is_registry).map(Key::as_str);
        let of_store = empty.filter_map(|key| Some((key, self.store.as_deref()?)));
        let of_helpers = self.helpers.iter().map(|(host, helper)| (host.as_str(), helper.as_str()));
        of_store.chain(of_helpers).filter(|(host, _)| !with_login.contains(host)).collect()
    }
}
