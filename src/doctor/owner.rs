//! Who makes a Pod, and how to have it made again.

use serde_json::Value;

use crate::engine::config::is_secret_name;

/// What a user knows a Pod by: its workload, or itself where it has none.
#[derive(Clone, Debug)]
pub(super) struct Owner {
    pub(super) kind: String,
    pub(super) namespace: String,
    pub(super) name: String,
    /// One of its Pods, to be deleted where no rollout can be asked for.
    pod: Option<String>,
    /// It is of Kubernetes' own workloads; there are others of the same kinds.
    is_of_apps: bool,
}

/// The labels by which a controller tells the generations of its Pods apart; the name of the `ReplicaSet` ends in it.
const HASH_LABELS: &[(&str, &str)] =
    &[("pod-template-hash", "Deployment"), ("rollouts-pod-template-hash", "Rollout")];

impl Owner {
    /// Of a Pod.
    pub(super) fn of_pod(namespace: &str, metadata: &Value) -> Option<Self> {
        let pod = metadata["name"].as_str()?;
        let owners = metadata["ownerReferences"].as_array().into_iter().flatten();
        let controller = owners.into_iter().find(|owner| owner["controller"] == true);
        let named = controller.and_then(|owner| Some((owner["kind"].as_str()?, owner["name"].as_str()?)));
        // Whoever makes a Pod may write anything there, and the fix is pasted into a shell.
        let named = named.filter(|(kind, name)| {
            kind.bytes().all(|byte| byte.is_ascii_alphanumeric()) && is_secret_name(name)
        });
        let group = controller.and_then(|owner| owner["apiVersion"].as_str()).unwrap_or_default();
        let (kind, name) = match named {
            Some(("ReplicaSet", name)) => above_replica_set(name, &metadata["labels"]),
            Some(named) => named,
            None => ("Pod", pod),
        };
        Some(Self {
            kind: kind.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            pod: Some(pod.to_owned()),
            is_of_apps: group.starts_with("apps/"),
        })
    }

    /// Of a workload.
    pub(super) fn of_workload(kind: &str, namespace: &str, metadata: &Value) -> Option<Self> {
        let name = metadata["name"].as_str()?.to_owned();
        Some(Self {
            kind: kind.to_owned(),
            namespace: namespace.to_owned(),
            name,
            pod: None,
            is_of_apps: true,
        })
    }

    /// As findings name objects.
    pub(super) fn object(&self) -> String {
        let Self { kind, namespace, name, .. } = self;
        format!("{kind} {namespace}/{name}")
    }

    /// What to type, so that the Pods are made again and pass through pullkey.
    pub(super) fn made_again(&self) -> String {
        let Self { kind, namespace, name, pod, is_of_apps } = self;
        match kind.as_str() {
            "Deployment" | "StatefulSet" | "DaemonSet" if *is_of_apps => {
                format!("kubectl -n {namespace} rollout restart {}/{name}", kind.to_lowercase())
            }
            "Pod" => format!(
                "create it again, as nobody else does: \
                 kubectl -n {namespace} get pod {name} -o yaml | kubectl replace --force -f -"
            ),
            _ => {
                let pod = pod.as_deref().unwrap_or("POD");
                format!("its {kind} makes it again after this: kubectl -n {namespace} delete pod {pod}")
            }
        }
    }
}

fn above_replica_set<'v>(name: &'v str, labels: &'v Value) -> (&'static str, &'v str) {
    let above = HASH_LABELS.iter().find_map(|(label, kind)| {
        let hash = labels[*label].as_str()?;
        Some((*kind, name.strip_suffix(hash)?.strip_suffix('-')?))
    });
    above.unwrap_or(("ReplicaSet", name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pod_is_known_by_its_workload() {
        let pod = |owner: Value, labels: Value| json!({"name": "web-1", "ownerReferences": [owner], "labels": labels});
        let of = |group: &str, kind: &str, name: &str| json!({"apiVersion": group, "kind": kind, "name": name, "controller": true});
        let owner = |kind: &str, name: &str| of("apps/v1", kind, name);
        let hash = json!({"pod-template-hash": "5d4f"});
        for (metadata, object, fix) in [
            (
                pod(owner("ReplicaSet", "web-5d4f"), hash.clone()),
                "Deployment shop/web",
                "rollout restart deployment/web",
            ),
            (pod(owner("ReplicaSet", "alone"), hash), "ReplicaSet shop/alone", "delete pod web-1"),
            (
                pod(owner("StatefulSet", "db"), json!({})),
                "StatefulSet shop/db",
                "rollout restart statefulset/db",
            ),
            (
                pod(owner("DaemonSet", "agent"), json!({})),
                "DaemonSet shop/agent",
                "rollout restart daemonset/agent",
            ),
            (pod(of("batch/v1", "Job", "import"), json!({})), "Job shop/import", "delete pod web-1"),
            // `kubectl rollout` knows only Kubernetes' own.
            (
                pod(of("apps.kruise.io/v1beta1", "StatefulSet", "db"), json!({})),
                "StatefulSet shop/db",
                "delete pod web-1",
            ),
            (json!({"name": "web-1"}), "Pod shop/web-1", "replace --force"),
            (pod(json!({"kind": "Node", "name": "n"}), json!({})), "Pod shop/web-1", "create it again"),
        ] {
            let owner = Owner::of_pod("shop", &metadata).expect("it has a name");
            assert_eq!(owner.object(), object);
            assert!(owner.made_again().contains(fix), "{}", owner.made_again());
        }
    }

    #[test]
    fn what_a_stranger_writes_as_the_owner_gets_into_no_command() {
        for (kind, name) in [("Deployment", "web; reboot"), ("Job`reboot`", "web"), ("Job", "$(reboot)")] {
            let owner = json!({"apiVersion": "apps/v1", "kind": kind, "name": name, "controller": true});
            let metadata = json!({"name": "web-1", "ownerReferences": [owner]});
            let owner = Owner::of_pod("shop", &metadata).expect("it has a name");
            assert_eq!(owner.object(), "Pod shop/web-1");
            assert!(!owner.made_again().contains("reboot"), "{}", owner.made_again());
        }
    }
}
