//! The shipped default, installed once more under other names beside what the other trials share.
//!
//! Everything of it lies in a namespace of its own, its objects of the cluster have a prefix, and only a namespace of
//! its own opts in to it.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::support::api::Api;
use crate::support::kubelet::Kubelet;
use crate::support::wait::until;
use crate::world::World;

pub(crate) const REGISTRATIONS: &str = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";

/// What is installed, and the node that runs its Pods.
#[derive(Debug)]
pub(crate) struct Elsewhere<'world> {
    world: &'world World,
    /// The namespace; with a dash the prefix of the other names.
    pub(crate) name: String,
    pub(crate) api: Api,
    pub(crate) kubelet: Kubelet,
    overlay: String,
    folder: PathBuf,
}

impl<'world> Elsewhere<'world> {
    /// Installs it with these arguments more; returns at once.
    pub(crate) fn install(world: &'world World, name: &str, replicas: usize, arguments: &[&str]) -> Self {
        let opted_in = format!("{name}-pods");
        world.make_namespaces(&[(&opted_in, json!({"pullkey.dev/inject": name}))]);
        let arguments: Vec<Value> = arguments
            .iter()
            .map(|argument| json!({"op": "add", "path": "/spec/template/spec/containers/0/args/-", "value": argument}))
            .collect();
        let selector = json!([{
            "op": "replace",
            "path": "/webhooks/0/namespaceSelector/matchExpressions/0/values",
            "value": [name],
        }]);
        let kustomization = json!({
            "namespace": name,
            "namePrefix": format!("{name}-"),
            "resources": ["../deploy"],
            "replicas": [{"name": "pullkey", "count": replicas}],
            "patches": [
                {"target": {"kind": "Deployment"}, "patch": Value::from(arguments).to_string()},
                {"target": {"kind": "MutatingWebhookConfiguration"}, "patch": selector.to_string()},
            ],
        });
        // YAML reads JSON.
        let overlay = world.pullkey.overlay(&format!("../{name}"), &kustomization.to_string());
        let folder = world.cluster.folder.join(format!("node-{name}"));
        fs::create_dir_all(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let kubelet = Kubelet::start(&world.cluster, name, folder.clone());
        kubelet.load_the_image();
        let api = Api::new(&world.cluster.kubectl.kubeconfig);
        let installed = Self { world, name: name.to_owned(), api, kubelet, overlay, folder };
        installed.apply();
        installed
    }

    /// `kubectl apply -k`, as it was installed.
    #[track_caller]
    pub(crate) fn apply(&self) {
        self.world.cluster.kubectl.run(&["apply", "-k", &self.overlay]);
    }

    #[track_caller]
    pub(crate) fn kubectl(&self, arguments: &[&str]) -> String {
        self.world.cluster.kubectl.run(arguments)
    }

    /// The name of the registration, and of all else that has one of the default's.
    pub(crate) fn registration(&self) -> String {
        format!("{}-pullkey", self.name)
    }

    pub(crate) fn path(&self) -> String {
        format!("{REGISTRATIONS}/{}", self.registration())
    }

    /// Where a Pod is sent that opts in to it.
    pub(crate) fn pods_path(&self) -> String {
        format!("/api/v1/namespaces/{}-pods/pods?dryRun=All", self.name)
    }

    /// The certificates that are trusted, each as the text of its block.
    pub(crate) fn bundle(&self) -> Result<BTreeSet<String>, String> {
        let registration = self.api.get(&self.path())?;
        let encoded = registration["webhooks"][0]["clientConfig"]["caBundle"].as_str().unwrap_or_default();
        let bundle = STANDARD.decode(encoded).map_err(|error| error.to_string())?;
        let bundle = String::from_utf8_lossy(&bundle);
        let blocks = bundle.split_inclusive("-----END CERTIFICATE-----\n").map(str::to_owned);
        Ok(blocks.filter(|block| !block.trim().is_empty()).collect())
    }

    /// Whether the annotation is there, as a hash.
    pub(crate) fn settled(&self) -> Result<String, String> {
        let registration = self.api.get(&self.path())?;
        let settled = registration["metadata"]["annotations"]["pullkey.dev/settled"].as_str();
        settled.map(str::to_owned).ok_or_else(|| "it has not settled".to_owned())
    }

    /// Returns when all replicas are there and the bundle has settled.
    #[track_caller]
    pub(crate) fn wait(&self, replicas: usize) {
        until(&format!("{replicas} replicas are ready and published"), || {
            let path = format!("/apis/apps/v1/namespaces/{}/deployments/{}", self.name, self.registration());
            let status = self.api.get(&path)?["status"].take();
            let all = [&status["updatedReplicas"], &status["readyReplicas"], &status["replicas"]];
            if all.iter().any(|count| **count != replicas) {
                return Err(format!("{status}\n{}", self.kubelet.trouble()));
            }
            self.settled().map(drop)
        });
    }

    /// Takes the registration and the Pods out of the cluster, so that nothing goes on with nobody looking.
    pub(crate) fn remove(self) {
        self.kubectl(&["delete", "mutatingwebhookconfiguration", &self.registration()]);
        self.kubectl(&["delete", "deployment", &self.registration(), "-n", &self.name]);
    }

    /// The names of its Pods.
    pub(crate) fn pods(&self) -> Result<BTreeSet<String>, String> {
        let list = self.api.get(&format!("/api/v1/namespaces/{}/pods", self.name))?;
        let pods = list["items"].as_array().into_iter().flatten();
        Ok(pods.filter_map(|pod| pod["metadata"]["name"].as_str()).map(str::to_owned).collect())
    }

    /// What a Pod wrote so far.
    pub(crate) fn log(&self, pod: &str) -> Result<String, String> {
        fs::read_to_string(self.folder.join(format!("{pod}.log"))).map_err(|error| error.to_string())
    }

    /// What all of its Pods wrote so far.
    pub(crate) fn logs(&self) -> String {
        let pods = self.pods().unwrap_or_default();
        pods.iter().filter_map(|pod| self.log(pod).ok()).collect()
    }
}
