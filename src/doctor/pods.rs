//! Pods that lack what pullkey would add today, or cannot pull although they lack nothing.

use serde::Deserialize as _;
use serde_json::Value;

use super::finding::{Check, Finding};
use super::owner::Owner;
use super::scope::Scope;
use crate::engine::patch::missing;
use crate::engine::pod::PodView;
use crate::engine::rules::Rules;

/// How much of the kubelet's own words is repeated.
const MESSAGE_CHARS_MAX: usize = 300;
/// The reasons of a container that waits for its image.
const PULLING: [&str; 2] = ["ErrImagePull", "ImagePullBackOff"];

/// What pullkey has to do with a Pod, or with the Pods of a template.
#[derive(Debug, Default)]
pub(super) struct Needs {
    /// The names that it lacks.
    pub(super) lacking: Vec<String>,
    /// All names that it would have.
    pub(super) names: Vec<String>,
    /// Its images with the positions of the entries that match each.
    pub(super) images: Vec<(String, Vec<usize>)>,
    /// The positions of the entries that need no image.
    pub(super) always: Vec<usize>,
}

/// What a Pod, or a template, in a namespace that is sent needs; nothing when it is left alone.
pub(super) fn needs(scope: &Scope<'_>, rules: &Rules, namespace: &str, pod: &Value) -> Option<Needs> {
    let view = PodView::deserialize(pod).ok()?;
    if view.skip().is_some() || !scope.sends_pod(&pod["metadata"]["labels"]) {
        return None;
    }
    let selection = rules.select(view.images(), namespace);
    let lacking: Vec<String> = missing(&view, &selection.names).into_iter().map(str::to_owned).collect();
    let names = view.pull_secrets().map(str::to_owned).chain(lacking.iter().cloned()).collect();
    let is_always = |position: &usize| rules.entries()[*position].always;
    let images = view.images().map(|image| {
        let entries = rules.select([image], namespace).entries;
        (image.to_owned(), entries.into_iter().filter(|position| !is_always(position)).collect())
    });
    let images: Vec<(String, Vec<usize>)> =
        images.filter(|(_, entries): &(_, Vec<_>)| !entries.is_empty()).collect();
    let always = selection.entries.into_iter().filter(is_always).collect();
    Some(Needs { lacking, names, images, always })
}

/// Whether a Pod has ended, or is about to.
pub(super) fn is_over(pod: &Value) -> bool {
    let phase = pod["status"]["phase"].as_str().unwrap_or_default();
    matches!(phase, "Succeeded" | "Failed") || !pod["metadata"]["deletionTimestamp"].is_null()
}

/// What is wrong with the Pods of one workload.
#[derive(Debug)]
pub(super) struct Fault {
    owner: Owner,
    /// How many of its Pods it is.
    pods: usize,
    lacking: Vec<String>,
    waiting: Option<Waiting>,
}

/// A container that waits for its image.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) image: String,
    /// What the kubelet says of it.
    message: String,
    /// The entries that match the image.
    pub(super) entries: Vec<usize>,
    /// What the Pod names, which did not help.
    names: Vec<String>,
}

/// Judges a Pod by what it needs.
pub(super) fn judge(namespace: &str, pod: &Value, needs: &Needs) -> Option<Fault> {
    let owner = Owner::of_pod(namespace, &pod["metadata"])?;
    let waiting = waiting(pod, needs);
    let is_fine = needs.lacking.is_empty() && waiting.is_none();
    (!is_fine).then(|| Fault { owner, pods: 1, lacking: needs.lacking.clone(), waiting })
}

/// The first container that waits for an image that an entry matches.
fn waiting(pod: &Value, needs: &Needs) -> Option<Waiting> {
    let (spec, status) = (&pod["spec"], &pod["status"]);
    let members = [
        ("initContainers", "initContainerStatuses"),
        ("containers", "containerStatuses"),
        ("ephemeralContainers", "ephemeralContainerStatuses"),
    ];
    members.into_iter().find_map(|(containers, statuses)| {
        status[statuses].as_array()?.iter().find_map(|status| {
            let waiting = &status["state"]["waiting"];
            if !PULLING.contains(&waiting["reason"].as_str()?) {
                return None;
            }
            let container = spec[containers].as_array()?.iter().find(|one| one["name"] == status["name"])?;
            let image = container["image"].as_str()?;
            let (_, entries) = needs.images.iter().find(|(matched, _)| matched == image)?;
            let message = waiting["message"].as_str().unwrap_or_default();
            Some(Waiting {
                image: image.to_owned(),
                message: message.chars().take(MESSAGE_CHARS_MAX).collect(),
                entries: entries.clone(),
                names: needs.names.clone(),
            })
        })
    })
}

impl Fault {
    /// The object that it is said of.
    pub(super) fn object(&self) -> String {
        self.owner.object()
    }

    /// Says it of one more Pod of the same workload.
    pub(super) fn merge(&mut self, other: Self) {
        self.pods += other.pods;
        for name in other.lacking {
            if !self.lacking.contains(&name) {
                self.lacking.push(name);
            }
        }
        self.waiting = self.waiting.take().or(other.waiting);
    }

    /// What the container waits for, where the Pod lacks nothing.
    pub(super) fn waits_with_all(&self) -> Option<&Waiting> {
        self.waiting.as_ref().filter(|_| self.lacking.is_empty())
    }

    /// Says it; `with_secrets` tells whether the Secrets were looked at.
    pub(super) fn finding(&self, with_secrets: bool) -> Finding {
        let object = self.object();
        if let Some(waiting) = self.waits_with_all() {
            return self.cannot_pull(waiting, &object, with_secrets);
        }
        let (lacking, fix) = (self.lacking.join(", "), self.owner.made_again());
        let whose = match (self.owner.kind.as_str(), self.pods) {
            ("Pod", _) => "it lacks".to_owned(),
            (_, 1) => "a Pod of it lacks".to_owned(),
            (_, pods) => format!("{pods} Pods of it lack"),
        };
        let older = "made before pullkey had reason to add it, or past pullkey";
        if let Some(Waiting { image, .. }) = &self.waiting {
            let problem = format!("{whose} {lacking} and cannot pull {image}: {older}");
            return Finding::problem(Check::PodSecrets, &object, problem, fix);
        }
        let problem = format!("{whose} {lacking}: {older}; the next pull may fail");
        Finding::warning(Check::PodSecrets, &object, problem, fix)
    }

    fn cannot_pull(&self, waiting: &Waiting, object: &str, with_secrets: bool) -> Finding {
        let Waiting { image, message, names, .. } = waiting;
        let names = names.join(", ");
        let said = if message.is_empty() { "nothing more" } else { message };
        let problem =
            format!("it names {names}, and the kubelet cannot pull {image} all the same; it says: {said}");
        let namespace = &self.owner.namespace;
        let lower = message.to_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
        let is_absent = has(&["not found", "manifest unknown"]);
        if is_absent && !has(&["authoriz", "denied", "forbidden"]) {
            let fix = format!("look whether the registry has this image: {image}");
            return Finding::warning(Check::Pull, object, problem, fix);
        }
        let fix = if with_secrets {
            format!(
                "look whether the registry still takes what is in {names}, and grants the repository to that user"
            )
        } else {
            format!("look into the Secrets: pullkey doctor --namespace {namespace} --secrets")
        };
        Finding::problem(Check::Pull, object, problem, fix)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::finding::{Finding, Severity};
    use super::super::sample;

    const IMAGE: &str = "registry.example.com/web";
    const ENTRIES: &str = "registries: [{matchImages: [registry.example.com], pullSecrets: [first, second]}]";

    fn said(pods: &[Value]) -> Vec<Finding> {
        let namespace = sample::namespace("shop", &[("pullkey.dev/inject", "enabled")]);
        sample::findings(&sample::opt_in(), &sample::rules(ENTRIES), &[namespace], pods)
    }

    fn of_replica_set(name: &str) -> Value {
        let mut pod = sample::pod("shop", name, IMAGE, &["first"]);
        pod["metadata"]["labels"] = json!({"pod-template-hash": "5d4f"});
        pod["metadata"]["ownerReferences"] =
            json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-5d4f", "controller": true}]);
        pod
    }

    #[test]
    fn the_pods_of_a_workload_are_named_once() {
        let findings = said(&[of_replica_set("web-5d4f-a"), of_replica_set("web-5d4f-b")]);
        assert_eq!(findings.len(), 1, "{findings:?}");
        let Finding { severity, object, problem, fix, .. } = &findings[0];
        assert_eq!((*severity, object.as_str()), (Severity::Warning, "Deployment shop/web"));
        assert!(problem.starts_with("2 Pods of it lack second:"), "{problem}");
        assert_eq!(fix, "kubectl -n shop rollout restart deployment/web");
    }

    #[test]
    fn one_that_waits_makes_it_a_problem() {
        let mut waiting = of_replica_set("web-5d4f-b");
        waiting["status"]["containerStatuses"] =
            json!([{"name": "main", "state": {"waiting": {"reason": "ErrImagePull", "message": "denied"}}}]);
        let findings = said(&[of_replica_set("web-5d4f-a"), waiting]);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert_eq!(findings[0].severity, Severity::Problem);
    }

    #[test]
    fn a_pod_that_pullkey_leaves_alone_lacks_nothing() {
        let lacking = sample::pod("shop", "web", IMAGE, &[]);
        assert_eq!(said(std::slice::from_ref(&lacking)).len(), 1);
        let change = |pointer: &str, value: Value| {
            let mut pod = lacking.clone();
            let (parent, member) = pointer.rsplit_once('/').expect("a pointer");
            pod.pointer_mut(parent).expect("it is there")[member] = value;
            pod
        };
        for pod in [
            change("/metadata/annotations", json!({"kubernetes.io/config.mirror": "x"})),
            change("/metadata/labels", json!({"pullkey.dev/inject": "disabled"})),
            change("/metadata/namespace", json!("other")),
            change("/metadata/deletionTimestamp", json!("2026-01-01T00:00:00Z")),
            change("/status/phase", json!("Succeeded")),
            change("/status/phase", json!("Failed")),
            change("/spec/containers", json!([{"name": "main", "image": "quay.io/web"}])),
            change("/spec/imagePullSecrets", json!([{"name": "second"}, {"name": "first"}])),
            change("/spec/containers", json!("no list")),
        ] {
            assert_eq!(said(std::slice::from_ref(&pod)), [], "{pod}");
        }
    }
}
