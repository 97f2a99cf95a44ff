//! The few members of a Pod, or of a Pod template, that decide about its pull secrets.

use super::json::{List, Text, members};

/// The annotation of a mirror Pod, which stands for a static Pod of a node.
/// The API server refuses a mirror Pod that references a Secret.
pub const MIRROR_ANNOTATION: &str = "kubernetes.io/config.mirror";

members! {
    /// A Pod, borrowed from the text it was read from.
    pub struct PodView<'a> as "a Pod" {
        metadata: Metadata<'a> = "metadata",
        spec: Spec<'a> = "spec",
    }
}

members! {
    pub(crate) struct Metadata<'a> as "metadata" {
        name: Text<'a> = "name",
        generate_name: Text<'a> = "generateName",
        labels: Labels<'a> = "labels",
        annotations: Annotations = "annotations",
    }
}

members! {
    pub(crate) struct Labels<'a> as "labels" {
        inject: Text<'a> = "pullkey.dev/inject",
    }
}

members! {
    pub(crate) struct Spec<'a> as "a Pod's spec" {
        image_pull_secrets: List<SecretReference<'a>> = "imagePullSecrets",
        init_containers: List<Container<'a>> = "initContainers",
        containers: List<Container<'a>> = "containers",
        ephemeral_containers: List<Container<'a>> = "ephemeralContainers",
        volumes: List<Volume<'a>> = "volumes",
    }
}

members! {
    pub(crate) struct SecretReference<'a> as "a reference to a Secret" {
        name: Text<'a> = "name",
    }
}

members! {
    pub(crate) struct Container<'a> as "a container" {
        image: Text<'a> = "image",
    }
}

members! {
    pub(crate) struct Volume<'a> as "a volume" {
        image: ImageVolume<'a> = "image",
    }
}

members! {
    pub(crate) struct ImageVolume<'a> as "an image volume" {
        reference: Text<'a> = "reference",
    }
}

/// Of the annotations only whether the one of a mirror Pod is there, whatever its value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Annotations {
    pub(crate) is_mirror: bool,
}

/// Why a Pod is left alone whatever its images are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skip {
    /// A mirror Pod may not reference a Secret.
    MirrorPod,
    /// The Pod opted out by label.
    OptedOut,
}

impl PodView<'_> {
    /// The images that the kubelet pulls with the Pod's pull secrets, in the order it starts them.
    pub fn images(&self) -> impl Iterator<Item = &str> {
        let spec = &self.spec;
        let containers = [&spec.init_containers, &spec.containers, &spec.ephemeral_containers];
        let containers =
            containers.into_iter().flat_map(|list| list.iter().map(|container| &*container.image));
        let volumes = spec.volumes.iter().map(|volume| &*volume.image.reference);
        containers.chain(volumes).filter(|image| !image.is_empty())
    }

    /// The names of the pull secrets that the Pod has, in order.
    pub fn pull_secrets(&self) -> impl Iterator<Item = &str> {
        self.spec.image_pull_secrets.iter().map(|secret| &*secret.name)
    }

    /// Why the Pod is to be left alone, if it is.
    #[must_use]
    pub fn skip(&self) -> Option<Skip> {
        if self.metadata.annotations.is_mirror {
            Some(Skip::MirrorPod)
        } else if matches!(&*self.metadata.labels.inject, "disabled" | "false") {
            Some(Skip::OptedOut)
        } else {
            None
        }
    }
}

mod annotations {
    use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess};

    use super::{Annotations, MIRROR_ANNOTATION};
    use crate::engine::json::{Member, Members, object};

    impl<'de> Members<'de> for Annotations {
        const NAME: &'static str = "annotations";

        fn read<A: MapAccess<'de>>(&mut self, key: &str, value: Member<'_, A>) -> Result<(), A::Error> {
            if key == MIRROR_ANNOTATION {
                value.once::<IgnoredAny>(0, key)?;
                self.is_mirror = true;
                return Ok(());
            }
            value.skip()
        }
    }

    impl<'de> Deserialize<'de> for Annotations {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            object(deserializer)
        }
    }
}
