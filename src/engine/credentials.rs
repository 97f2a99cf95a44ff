//! Pull Secrets as the kubelet reads them, without what they keep secret.
//!
//! For each `auths` key it is known which images the kubelet offers the credential to, and whether
//! there is a user or a password at all. Neither is kept, so that nothing can print one.
//! (`pkg/credentialprovider/{config,keyring}.go` and `secrets/secrets.go` of Kubernetes 1.36.)

use super::image::{DOCKER_HUB, DOCKER_HUB_LEGACY, ImageRef};
use super::pattern::Pattern;
use place::Place;

mod place;
mod read;
mod spelling;
mod url;
mod witness;

pub use read::{Format, Ignored, Malformed, PullSecret};
pub use spelling::{Note, Spelling, Unsayable};
pub use url::redacted;

/// One `auths` key of a pull Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    written: String,
    has_login: bool,
    /// Nothing when the key is no URL to the kubelet, which then passes the entry over.
    place: Option<Place>,
    /// The kubelet asks this key last for every image of Docker Hub.
    is_docker_hub: bool,
}

impl Key {
    /// Reads a key as it stands in the Secret.
    pub(crate) fn new(text: &str, has_login: bool) -> Self {
        let index = url::index(text);
        let is_docker_hub = index.as_deref() == Some(DOCKER_HUB_LEGACY);
        let place = index.as_deref().and_then(Place::parse);
        Self { written: url::redacted(text), has_login, place, is_docker_hub }
    }

    /// The key as it is written; a user, a query and a fragment, where people paste passwords, are left out.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// Tells whether the entry has a user or a password.
    ///
    /// Without one (`{}`, or only an `identitytoken`) it counts as a credential all the same: the kubelet
    /// hands it to the runtime, and does not try without.
    #[must_use]
    pub fn has_login(&self) -> bool {
        self.has_login
    }

    /// Tells whether the kubelet finds this key for an image by comparing, before it thinks of Docker Hub's.
    #[must_use]
    pub fn matches(&self, image: &ImageRef<'_>) -> bool {
        self.place.as_ref().is_some_and(|place| place.matches(&image.location()))
    }

    /// Says the key as a pattern of the configuration, or why that cannot be.
    #[must_use]
    pub fn spelling(&self) -> Spelling {
        spelling::of(self)
    }
}

/// The keys whose credentials the kubelet tries for an image; `keys` are those of all Secrets of the Pod.
///
/// Without any it pulls anonymously. Docker Hub's key counts only where no other key matches.
pub fn lookup<'k>(keys: impl IntoIterator<Item = &'k Key>, image: &ImageRef<'_>) -> Vec<&'k Key> {
    let (mut matching, mut docker_hub) = (Vec::new(), Vec::new());
    for key in keys {
        if key.matches(image) {
            matching.push(key);
        } else if key.is_docker_hub {
            docker_hub.push(key);
        }
    }
    if matching.is_empty() && may_come_from_docker_hub(image) { docker_hub } else { matching }
}

/// Tells whether the kubelet finds one of these keys for any image that the pattern matches.
pub fn could_serve<'k>(keys: impl IntoIterator<Item = &'k Key>, pattern: &Pattern) -> bool {
    keys.into_iter().any(|key| witness::of(key, pattern))
}

/// `isDefaultRegistryMatch` in `keyring.go`, which also takes every host of one label for Docker Hub.
fn may_come_from_docker_hub(image: &ImageRef<'_>) -> bool {
    let location = image.location();
    location.port.is_none() && (location.host == DOCKER_HUB || !location.host.contains(['.', ':']))
}
