//! What a node would do with pullkey's Pods, as far as their readiness, their files and their endpoints go.
//!
//! For each Pod that the controllers make in pullkey's namespace a process of pullkey runs, with the arguments of the
//! Pod and with the files of its volume; when it answers its readiness probe, the Pod's status says so and an
//! `EndpointSlice` leads the API server there. So a rollout rolls out, a Secret that is replaced reaches the process,
//! and commands such as `kubectl rollout status` end. No image is pulled and nothing is isolated: that is for the
//! test with a real kubelet.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::cluster::Cluster;
use super::installation::{NAMESPACE, readiness};
use super::kubectl::Kubectl;
use super::process::{Daemon, sealed};
use super::sandbox::ADDRESS;

/// The image of the shipped manifests. No registry has it: a Pod with it never runs.
const PLACEHOLDER: &str = "pullkey:0.1.0";

/// Where the shipped Deployment mounts the files.
const MOUNT: &str = "/etc/pullkey";

/// The stand-in, until it is dropped.
#[derive(Debug)]
pub(crate) struct Kubelet {
    trouble: Arc<Mutex<String>>,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Kubelet {
    pub(crate) fn start(cluster: &Cluster, folder: PathBuf) -> Self {
        let (stop, stopped) = channel();
        let trouble = Arc::<Mutex<String>>::default();
        let mut node = Node {
            kubectl: cluster.kubectl.clone(),
            folder,
            pods: BTreeMap::new(),
            leaving: Vec::new(),
            count: 0,
        };
        let thread = thread::spawn({
            let trouble = Arc::clone(&trouble);
            move || node.keep(&stopped, &trouble)
        });
        Self { trouble, stop: Some(stop), thread: Some(thread) }
    }

    /// What could not be done the last time, for the message of a failure.
    pub(crate) fn trouble(&self) -> String {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Kubelet {
    fn drop(&mut self) {
        drop(self.stop.take());
        // A panic in there has been printed, and the trial has failed in waiting for what did not happen.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

struct Node {
    kubectl: Kubectl,
    folder: PathBuf,
    pods: BTreeMap<String, Running>,
    /// Of Pods that are gone.
    leaving: Vec<Running>,
    count: u16,
}

struct Running {
    process: Daemon,
    files: PathBuf,
    content: BTreeMap<String, Vec<u8>>,
    port: u16,
    admin_address: String,
    is_ready: bool,
}

impl Node {
    fn keep(&mut self, stopped: &Receiver<()>, trouble: &Mutex<String>) {
        while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(Duration::from_millis(100)) {
            // What cannot be done yet, such as mounting a Secret that is not there, is tried again, as by a kubelet.
            let reason = self.look().err().unwrap_or_default();
            *trouble.lock().unwrap_or_else(PoisonError::into_inner) = reason;
        }
    }

    fn look(&mut self) -> Result<(), String> {
        let pods = self.get(&["pods", "--selector=app.kubernetes.io/name=pullkey"])?;
        let pods: BTreeMap<&str, &Value> = pods["items"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|pod| pod["metadata"]["deletionTimestamp"].is_null())
            .filter_map(|pod| Some((pod["metadata"]["name"].as_str()?, pod)))
            .collect();
        self.end_others(&pods)?;
        // One that cannot run yet keeps no other from being ready.
        let results: Vec<_> = pods.into_iter().map(|(name, pod)| self.sync(name, pod)).collect();
        results.into_iter().collect()
    }

    /// Ends what runs for Pods that are gone, so that the API server has to connect to another one.
    fn end_others(&mut self, pods: &BTreeMap<&str, &Value>) -> Result<(), String> {
        // In the round before, the API server was told to go elsewhere; by now it knows.
        for running in self.leaving.drain(..) {
            running.process.stop();
        }
        let gone: Vec<String> =
            self.pods.keys().filter(|name| !pods.contains_key(name.as_str())).cloned().collect();
        for name in gone {
            let arguments = ["delete", "endpointslice", &name, "-n", NAMESPACE, "--ignore-not-found"];
            self.kubectl.attempt(&arguments, "")?;
            self.leaving.extend(self.pods.remove(&name));
        }
        Ok(())
    }

    fn sync(&mut self, name: &str, pod: &Value) -> Result<(), String> {
        let content = self.content(pod)?;
        if !self.pods.contains_key(name) {
            let running = self.run(name, pod, content)?;
            self.pods.insert(name.to_owned(), running);
            return Ok(());
        }
        let Some(running) = self.pods.get_mut(name) else { return Ok(()) };
        if running.content != content {
            mount(&running.files, &content)?;
            running.content = content;
        }
        if !running.is_ready {
            readiness(&running.admin_address).map_err(|reason| format!("{name} is not ready: {reason}"))?;
            publish(&self.kubectl, name, running.port)?;
            running.is_ready = true;
        }
        Ok(())
    }

    /// The files of the Pod's volume.
    fn content(&self, pod: &Value) -> Result<BTreeMap<String, Vec<u8>>, String> {
        let mut content = BTreeMap::new();
        for source in pod["spec"]["volumes"][0]["projected"]["sources"].as_array().into_iter().flatten() {
            if let Some(name) = source["configMap"]["name"].as_str() {
                let object = self.get(&["configmap", name])?;
                for (key, text) in object["data"].as_object().into_iter().flatten() {
                    content.insert(key.clone(), text.as_str().unwrap_or_default().as_bytes().to_vec());
                }
            } else if let Some(name) = source["secret"]["name"].as_str() {
                let object = self.get(&["secret", name])?;
                for item in source["secret"]["items"].as_array().into_iter().flatten() {
                    let (key, path) = (item["key"].as_str(), item["path"].as_str());
                    let (Some(key), Some(path)) = (key, path) else { return Err(format!("{name}: {item}")) };
                    let value = object["data"][key].as_str().ok_or_else(|| format!("{name} has no {key}"))?;
                    let value = STANDARD.decode(value).map_err(|error| format!("{name}: {error}"))?;
                    content.insert(path.to_owned(), value);
                }
            } else {
                return Err(format!("a source that this stand-in does not know: {source}"));
            }
        }
        Ok(content)
    }

    /// Starts pullkey with the Pod's own arguments; only its addresses and the folder of its files are others.
    fn run(
        &mut self,
        name: &str,
        pod: &Value,
        content: BTreeMap<String, Vec<u8>>,
    ) -> Result<Running, String> {
        if pod["spec"]["containers"][0]["image"] == PLACEHOLDER {
            return Err(format!("{name} has the image of the shipped manifests, which is a placeholder"));
        }
        let files = self.folder.join(name);
        mount(&files, &content)?;
        self.count += 1;
        let (port, admin_address) = (9000 + self.count, format!("127.0.0.1:{}", 10000 + self.count));
        let mut command = sealed(Path::new(env!("CARGO_BIN_EXE_pullkey")), &self.folder);
        for argument in pod["spec"]["containers"][0]["args"].as_array().into_iter().flatten() {
            let argument = argument.as_str().unwrap_or_default();
            command.arg(match argument.split_once('=') {
                Some(("--listen", _)) => format!("--listen={ADDRESS}:{port}"),
                Some(("--admin-listen", _)) => format!("--admin-listen={admin_address}"),
                _ => argument.replace(MOUNT, &files.display().to_string()),
            });
        }
        // A trial does not wait ten seconds for a file to be compared.
        command.env("PULLKEY_POLL_INTERVAL", "200ms");
        let process = Daemon::start(name, &self.folder, &mut command);
        Ok(Running { process, files, content, port, admin_address, is_ready: false })
    }

    fn get(&self, what: &[&str]) -> Result<Value, String> {
        let printed = self.kubectl.attempt(&[&["get", "-n", NAMESPACE, "-o", "json"], what].concat(), "")?;
        serde_json::from_str(&printed).map_err(|error| error.to_string())
    }
}

/// Leads the API server to a Pod that is ready, and tells the Deployment that it is.
fn publish(kubectl: &Kubectl, name: &str, port: u16) -> Result<(), String> {
    let endpoints = json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": name,
            "namespace": NAMESPACE,
            "labels": {"kubernetes.io/service-name": "pullkey"},
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": [ADDRESS], "conditions": {"ready": true}}],
        "ports": [{"name": "https", "port": port, "protocol": "TCP"}],
    });
    kubectl.attempt(&["apply", "--server-side", "-f", "-"], &endpoints.to_string())?;
    // For a while already, so that no trial waits for the Deployment's minReadySeconds: the time that endpoints take
    // to reach every node, of which there is none.
    let condition = json!({"type": "Ready", "status": "True", "lastTransitionTime": "2020-01-01T00:00:00Z"});
    let status = json!({"status": {"phase": "Running", "conditions": [condition]}}).to_string();
    kubectl.attempt(&["patch", "pod", name, "-n", NAMESPACE, "--subresource=status", "-p", &status], "")?;
    Ok(())
}

/// Puts the files into the folder as a kubelet does: all of them at once, by one link.
fn mount(folder: &Path, content: &BTreeMap<String, Vec<u8>>) -> Result<(), String> {
    let write = || -> std::io::Result<()> {
        fs::create_dir_all(folder)?;
        let version = tempfile::Builder::new().prefix("..").tempdir_in(folder)?.keep();
        for (path, bytes) in content {
            let file = version.join(path);
            fs::create_dir_all(file.parent().unwrap_or(folder))?;
            fs::write(file, bytes)?;
            // The link to the first part of the path goes through the one that is replaced.
            let first = path.split('/').next().unwrap_or(path);
            if fs::symlink_metadata(folder.join(first)).is_err() {
                symlink(Path::new("..data").join(first), folder.join(first))?;
            }
        }
        symlink(version.file_name().unwrap_or_default(), folder.join("..data_tmp"))?;
        fs::rename(folder.join("..data_tmp"), folder.join("..data"))
    };
    write().map_err(|error| format!("{}: {error}", folder.display()))
}
