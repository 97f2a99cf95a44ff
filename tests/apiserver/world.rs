//! What every trial works with: a cluster, pullkey in it, and namespaces of its own.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::elsewhere::Elsewhere;
use crate::pods::{self, pull_secrets};
use crate::support::cluster::Cluster;
use crate::support::installation::Installation;
use crate::support::sandbox::Inside;
use crate::support::wait::until;

/// The cluster and the installation that all trials share.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) cluster: Cluster,
    pub(crate) pullkey: Installation,
    self_issued: OnceLock<Elsewhere<'static>>,
}

impl World {
    pub(crate) fn start(inside: &Inside) -> Self {
        let cluster = Cluster::start(inside);
        let pullkey = Installation::apply(&cluster);
        let world = Self { cluster, pullkey, self_issued: OnceLock::new() };
        world.make_namespaces(&[("canary", json!({"pullkey.dev/inject": "enabled"}))]);
        world.serve();
        world
    }

    /// Has pullkey serve `tests/apiserver/config.yaml`.
    pub(crate) fn serve(&self) {
        self.serve_configuration(&repository("tests/apiserver/config.yaml"));
        // The first time, the API server may not have seen our registration or endpoint yet.
        self.until_a_pod_passes(|pod| {
            let names = pull_secrets(pod);
            if names == ["registrysecret"] {
                Ok(())
            } else {
                Err(format!("it has the pull secrets {names:?}"))
            }
        });
    }

    /// Has pullkey serve this configuration.
    pub(crate) fn serve_configuration(&self, configuration: &Path) {
        self.pullkey.serve(&self.cluster, configuration);
        self.until_a_pod_passes(|_| Ok(()));
    }

    fn until_a_pod_passes(&self, check: impl Fn(&Value) -> Result<(), String>) {
        let pod = pods::pod("canary", &["registry.example.com/canary"]).to_string();
        until("a Pod passes through pullkey", || {
            let arguments = ["create", "-n", "canary", "--dry-run=server", "-o", "json", "-f", "-"];
            let stored = self.cluster.kubectl.attempt(&arguments, &pod)?;
            check(&serde_json::from_str(&stored).map_err(|error| error.to_string())?)
        });
    }

    /// Two replicas of the default, beside the installation that the other trials share.
    pub(crate) fn self_issued(&'static self) -> &'static Elsewhere<'static> {
        self.self_issued.get_or_init(|| Elsewhere::install(self, "self-issued", 2, &[]))
    }

    /// Makes namespaces, each with the `ServiceAccount` that a controller puts there.
    pub(crate) fn make_namespaces(&self, wanted: &[(&str, Value)]) {
        let namespaces = wanted.iter().map(|(name, labels)| {
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
        });
        let accounts = wanted.iter().map(|(name, _)| {
            let metadata = json!({"name": "default", "namespace": name});
            json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
        });
        let items: Vec<Value> = namespaces.chain(accounts).collect();
        let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
        // Applied, because that controller may be faster, or there may be none in a foreign folder of programs.
        self.cluster.kubectl.run_with_input(&["apply", "--server-side", "-f", "-"], &list.to_string());
    }

    /// A namespace that opted in and one that did not, for the trial of this name.
    pub(crate) fn namespaces(&self, name: &str) -> Pair<'_> {
        let pair = Pair { world: self, opted_in: name.to_owned(), plain: format!("{name}-plain") };
        self.make_namespaces(&[
            (&pair.opted_in, json!({"pullkey.dev/inject": "enabled"})),
            (&pair.plain, json!({})),
        ]);
        pair
    }

    /// Sends this Pod and returns what the API server stored.
    #[track_caller]
    pub(crate) fn create(&self, namespace: &str, manifest: &Value) -> Value {
        self.cluster
            .kubectl
            .json(&["create", "-n", namespace, "-o", "json", "-f", "-"], &manifest.to_string())
    }

    #[track_caller]
    pub(crate) fn get(&self, namespace: &str, kind: &str, name: &str) -> Value {
        self.cluster.kubectl.json(&["get", kind, name, "-n", namespace, "-o", "json"], "")
    }
}

/// Two namespaces that differ in nothing but their opt-in.
#[derive(Debug)]
pub(crate) struct Pair<'world> {
    pub(crate) world: &'world World,
    pub(crate) opted_in: String,
    pub(crate) plain: String,
}

impl Pair<'_> {
    /// Creates the Pod in both; the one that opted in must have exactly these pull secrets in this order and
    /// otherwise be like the other, which must have none.
    #[track_caller]
    pub(crate) fn assert_injected(&self, pod: &Value, names: &[&str]) -> Value {
        let opted_in = self.world.create(&self.opted_in, pod);
        let plain = self.world.create(&self.plain, pod);
        assert_eq!(pull_secrets(&plain), [""; 0], "in the namespace that did not opt in");
        pods::assert_differ_only_in_pull_secrets(&opted_in, &plain);
        assert_eq!(pull_secrets(&opted_in), names);
        opted_in
    }
}

/// A file or folder of the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A Pod's spec that the strictest pod security level admits, as pullkey's own namespace demands it.
pub(crate) fn restricted(image: &str) -> Value {
    json!({
        "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [{
            "name": "app",
            "image": image,
            "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
        }],
    })
}
