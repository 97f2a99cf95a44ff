//! The Pod that is tried: images that entries match, and nothing that anybody could refuse.

use serde_json::{Value, json};

use super::OWN;
use crate::engine::pattern::Pattern;
use crate::engine::rules::Rules;

/// How many entries one Pod tries; each is a container.
const ENTRIES_MAX: usize = 8;
/// What stands below the host and the path of a pattern.
const REPOSITORIES: [&str; 2] = ["pullkey-doctor/probe", "probe/pullkey-doctor"];
/// What stars are replaced by. A host of one label needs a capital.
const FILLINGS: [&str; 3] = ["a", "1", "A"];

/// One image for each of the first entries that apply.
pub(super) fn images(rules: &Rules, namespace: &str) -> Vec<String> {
    let entries = rules.entries().iter().enumerate();
    let images = entries.filter_map(|(position, entry)| {
        let candidates = entry.match_images.iter().flat_map(candidates);
        candidates
            .into_iter()
            .find(|image| rules.select([image.as_str()], namespace).entries.contains(&position))
    });
    let mut images: Vec<String> = images.filter(|image| !image.is_empty()).take(ENTRIES_MAX).collect();
    images.dedup();
    images
}

/// Images that a pattern probably matches.
fn candidates(pattern: &Pattern) -> Vec<String> {
    let port = pattern.port().map(|port| format!(":{port}")).unwrap_or_default();
    let path = pattern.path().map(|path| format!("{path}/")).unwrap_or_default();
    let fillings = FILLINGS.iter().map(|filling| pattern.host().replace('*', filling));
    let hosts = fillings.chain(["localhost".to_owned()]);
    hosts
        .flat_map(|host| REPOSITORIES.map(|repository| format!("{host}{port}/{path}{repository}:probe")))
        .collect()
}

/// A Pod that the strictest level of Pod Security and a quota on requests and limits admit.
pub(super) fn pod(images: &[String]) -> Value {
    let resources = json!({"cpu": "1m", "memory": "1Mi"});
    let containers: Vec<Value> = images
        .iter()
        .enumerate()
        .map(|(position, image)| {
            json!({
                "name": format!("probe-{position}"),
                "image": image,
                "resources": {"requests": resources, "limits": resources},
                "securityContext": {
                    "allowPrivilegeEscalation": false,
                    "capabilities": {"drop": ["ALL"]},
                    "readOnlyRootFilesystem": true,
                    "runAsNonRoot": true,
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
            })
        })
        .collect();
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"generateName": format!("{OWN}-"), "labels": {"app.kubernetes.io/name": OWN}},
        "spec": {
            "automountServiceAccountToken": false,
            "containers": containers,
            "imagePullSecrets": [{"name": OWN}],
            "restartPolicy": "Never",
            "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
        },
    })
}

#[cfg(test)]
mod tests {
    use super::images;
    use crate::doctor::sample;

    #[test]
    fn an_image_is_found_for_every_pattern() {
        for pattern in [
            "registry.example.com",
            "registry.example.com:5000/team",
            "docker.io",
            "docker.io/janedoe",
            "*.dkr.ecr.*.amazonaws.com",
            "*",
            "*:5000",
            "reg*",
            "*-docker.pkg.dev/project",
            "localhost",
            "[::1]:5000",
            "MyReg",
        ] {
            let rules =
                sample::rules(&format!("registries: [{{matchImages: [{pattern:?}], pullSecrets: [x]}}]"));
            let found = images(&rules, "shop");
            assert_eq!(found.len(), 1, "{pattern}");
            assert_eq!(rules.select(found.iter().map(String::as_str), "shop").names, ["x"], "{pattern}");
        }
    }

    #[test]
    fn what_is_excepted_is_not_tried() {
        let rules = sample::rules(
            "registries: [{matchImages: [a.example.com], exceptImages: [a.example.com/pullkey-doctor], pullSecrets: [x]}]",
        );
        assert_eq!(images(&rules, "shop"), ["a.example.com/probe/pullkey-doctor:probe"]);
    }
}
