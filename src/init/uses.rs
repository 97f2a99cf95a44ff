//! Which registries the Pods of a cluster use, and which of them no pull Secret of their namespace serves.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize as _;
use serde_json::Value;

use super::secrets::Secrets;
use crate::engine::credentials::{Key, lookup};
use crate::engine::image::ImageRef;
use crate::engine::pod::{PodView, Skip};

/// Repositories, by the namespace of the Pods.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uses {
    repositories: BTreeMap<String, BTreeSet<String>>,
    pods: usize,
}

impl Uses {
    /// Takes the images of a Pod as the API server has it.
    pub fn add(&mut self, object: &Value) {
        let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
        let Ok(pod) = PodView::deserialize(object) else { return };
        // Static Pods take no pull secrets, and pullkey never sees the Pods of kube-system.
        if pod.skip() == Some(Skip::MirrorPod) || namespace == "kube-system" {
            return;
        }
        self.pods += 1;
        let images = pod.images().filter_map(|image| ImageRef::parse(image).ok());
        let repositories = images.map(|image| image.repository().to_string());
        self.repositories.entry(namespace.to_owned()).or_default().extend(repositories);
    }

    /// How many Pods were looked at.
    #[must_use]
    pub fn pods(&self) -> usize {
        self.pods
    }

    /// Leaves of the Secrets only what some Pod of their namespace needs.
    pub fn retain_used(&self, secrets: &mut Secrets) {
        let mut used = BTreeSet::new();
        self.each(secrets, |namespace, _, keys| {
            used.extend(keys.iter().map(|key| (namespace.to_owned(), key.as_str().to_owned())));
        });
        let everywhere: BTreeSet<String> = used.iter().map(|(_, key)| key.clone()).collect();
        secrets.retain(|place, key| match &place.namespace {
            Some(namespace) => used.contains(&(namespace.clone(), key.as_str().to_owned())),
            None => everywhere.contains(key.as_str()),
        });
    }

    /// The registries of which some image finds no login, with the namespaces of the Pods.
    #[must_use]
    pub fn unserved(&self, secrets: &Secrets) -> BTreeMap<String, BTreeSet<String>> {
        let mut unserved: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        self.each(secrets, |namespace, repository, keys| {
            if !keys.iter().any(|key| key.has_login()) {
                let registry = repository.split('/').next().unwrap_or_default();
                unserved.entry(registry.to_owned()).or_default().insert(namespace.to_owned());
            }
        });
        unserved
    }

    /// Goes through the repositories, each with the keys that the kubelet tries for it.
    fn each(&self, secrets: &Secrets, mut each: impl FnMut(&str, &str, Vec<&Key>)) {
        for (namespace, repositories) in &self.repositories {
            let keys: Vec<&Key> = secrets.keys_in(namespace).collect();
            for repository in repositories {
                if let Ok(image) = ImageRef::parse(repository) {
                    each(namespace, repository, lookup(keys.iter().copied(), &image));
                }
            }
        }
    }
}
