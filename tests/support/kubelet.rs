//! What a node would do with pullkey's Pods, as far as processes, files, readiness and endpoints go.
//!
//! For each Pod that the controllers make in a namespace a process of pullkey runs: with the Pod's arguments and
//! variables, with an address of its own, and with its volumes and the token of its account where a container has
//! them. While it answers its
//! readiness probe, the Pod's status says so and an `EndpointSlice` leads the API server there. A process that ends
//! is started again with the same volumes, one whose Pod is gone is told to end. So a rollout rolls out, a Secret
//! that is replaced reaches the process, and commands such as `kubectl rollout status` end. No image is pulled and
//! nothing but the file system is isolated: that is for the test with a real kubelet.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::cluster::{Cluster, HOST, PORT};
use super::container::{Volume, contained, fill};
use super::farewell;
use super::installation::readiness;
use super::kubectl::Kubectl;
use super::objects::{Files, Objects, arguments, variables};
use super::process::Daemon;
use super::program;
use super::status::{Endpoint, give_address, publish, set_ready, unpublish};

/// The image of the shipped manifests. No registry has it: a Pod with it runs only where somebody put it on the node.
const PLACEHOLDER: &str = "pullkey:0.1.0";

/// Every Pod has an address of its own, also those of another namespace or of a trial before.
static COUNT: AtomicU16 = AtomicU16::new(0);

/// The stand-in, until it is dropped.
#[derive(Debug)]
pub(crate) struct Kubelet {
    shared: Arc<Shared>,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What the trial and the stand-in tell each other.
#[derive(Debug, Default)]
struct Shared {
    trouble: Mutex<String>,
    has_placeholder: AtomicBool,
    /// The processes that run, by their Pods, and whether they are ready.
    processes: Mutex<BTreeMap<String, (u32, bool)>>,
}

impl Kubelet {
    /// Runs the Pods of this namespace.
    pub(crate) fn start(cluster: &Cluster, namespace: &str, folder: PathBuf) -> Self {
        let (stop, stopped) = channel();
        let shared = Arc::<Shared>::default();
        let mut node = Node {
            kubectl: cluster.kubectl.clone(),
            namespace: namespace.to_owned(),
            folder,
            tokens: BTreeMap::new(),
            pods: BTreeMap::new(),
            ending: BTreeMap::new(),
            gone: Vec::new(),
            shared: Arc::clone(&shared),
        };
        let thread = thread::spawn(move || node.keep(&stopped));
        Self { shared, stop: Some(stop), thread: Some(thread) }
    }

    /// Puts the image on the node that the shipped manifests name.
    pub(crate) fn load_the_image(&self) {
        self.shared.has_placeholder.store(true, Ordering::Relaxed);
    }

    /// What could not be done the last time, for the message of a failure.
    pub(crate) fn trouble(&self) -> String {
        self.shared.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The processes that run, by their Pods.
    pub(crate) fn processes(&self) -> BTreeMap<String, u32> {
        let processes = self.shared.processes.lock().unwrap_or_else(PoisonError::into_inner);
        processes.iter().map(|(pod, (process, _))| (pod.clone(), *process)).collect()
    }

    /// Whether the API server is led to this Pod.
    pub(crate) fn is_ready(&self, pod: &str) -> bool {
        let processes = self.shared.processes.lock().unwrap_or_else(PoisonError::into_inner);
        processes.get(pod).is_some_and(|(_, is_ready)| *is_ready)
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
    namespace: String,
    folder: PathBuf,
    /// By the accounts that the Pods have.
    tokens: BTreeMap<String, String>,
    pods: BTreeMap<String, Running>,
    /// What runs to its end, such as the Pod of a test.
    ending: BTreeMap<String, Daemon>,
    /// Pods that are gone, and to which the API server may still be led.
    gone: Vec<String>,
    shared: Arc<Shared>,
}

struct Running {
    process: Daemon,
    /// Volumes whose files come from the cluster.
    files: Vec<(PathBuf, Files)>,
    endpoint: Endpoint,
    admin_address: String,
    is_ready: bool,
    grace: Duration,
    /// For the next start, when the process ends by itself.
    restart: Restart,
}

struct Restart {
    command: Command,
    not_before: Instant,
    wait: Duration,
}

impl Node {
    fn keep(&mut self, stopped: &Receiver<()>) {
        while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(Duration::from_millis(100)) {
            // What cannot be done yet, such as mounting a Secret that is not there, is tried again, as by a kubelet.
            let reason = self.look().err().unwrap_or_default();
            *self.shared.trouble.lock().unwrap_or_else(PoisonError::into_inner) = reason;
            let processes = self
                .pods
                .iter()
                .map(|(name, pod)| (name.clone(), (pod.process.id(), pod.is_ready)))
                .collect();
            *self.shared.processes.lock().unwrap_or_else(PoisonError::into_inner) = processes;
        }
    }

    fn look(&mut self) -> Result<(), String> {
        let objects = Objects::read(&self.kubectl, &self.namespace)?;
        let pods = objects.pods();
        self.end_others(&pods)?;
        // One that cannot run yet keeps no other from being ready.
        let sync = |(name, pod): (&str, &Value)| match pod["spec"]["restartPolicy"].as_str() {
            Some("Never") => self.sync_ending(name, pod, &objects),
            _ => self.sync(name, pod, &objects),
        };
        let results: Vec<_> = pods.into_iter().map(sync).collect();
        results.into_iter().collect()
    }

    /// Starts what runs to its end, and says in the Pod's status how it ended.
    fn sync_ending(&mut self, name: &str, pod: &Value, objects: &Objects) -> Result<(), String> {
        if pod["status"]["phase"] != "Pending" {
            return Ok(());
        }
        let Some(process) = self.ending.get_mut(name) else {
            let (mut command, _) = self.prepare(name, pod, objects)?;
            command.args(arguments(pod, &variables(pod)?));
            self.ending.insert(name.to_owned(), Daemon::start(name, &self.folder, &mut command));
            return Ok(());
        };
        let Some(success) = process.success() else { return Ok(()) };
        let status = json!({"status": {"phase": if success { "Succeeded" } else { "Failed" }}}).to_string();
        let arguments = ["patch", "pod", name, "-n", &self.namespace, "--subresource=status", "-p", &status];
        self.kubectl.attempt(&arguments, "").map(drop)
    }

    /// Ends what runs for Pods that are gone: it is told to, and at the same time the API server is led elsewhere.
    fn end_others(&mut self, pods: &BTreeMap<&str, &Value>) -> Result<(), String> {
        self.ending.retain(|name, _| pods.contains_key(name.as_str()));
        let gone: Vec<String> =
            self.pods.keys().filter(|name| !pods.contains_key(name.as_str())).cloned().collect();
        for name in &gone {
            let running = self.pods.remove(name);
            // One that ended by itself, for example over a bad configuration, has been told nothing.
            if let Some(running) = running.and_then(Running::alive) {
                running.process.terminate();
                farewell::expect(running.process, running.grace);
            }
        }
        self.gone.extend(gone);
        if !self.gone.is_empty() {
            unpublish(&self.kubectl, &self.namespace, &self.gone)?;
            self.gone.clear();
        }
        Ok(())
    }

    fn sync(&mut self, name: &str, pod: &Value, objects: &Objects) -> Result<(), String> {
        if !self.pods.contains_key(name) {
            let running = self.run(name, pod, objects)?;
            self.pods.insert(name.to_owned(), running);
            return Ok(());
        }
        let token = self.token(pod)?;
        let Some(running) = self.pods.get_mut(name) else { return Ok(()) };
        for (volume, (folder, files)) in projected(pod).zip(&mut running.files) {
            let current = objects.files(pod, volume, &token)?;
            if *files != current {
                fill(folder, &current)?;
                *files = current;
            }
        }
        if running.process.has_ended() {
            running.start_again();
        }
        let answer = readiness(&running.admin_address);
        let answer = answer.map_err(|reason| format!("{reason}\n{}", running.process.last_lines()));
        let is_ready = answer.is_ok();
        if is_ready != running.is_ready {
            if is_ready {
                publish(&self.kubectl, &self.namespace, name, &running.endpoint)?;
            } else {
                unpublish(&self.kubectl, &self.namespace, &[name.to_owned()])?;
                set_ready(&self.kubectl, &self.namespace, name, &running.endpoint.address, "False")?;
            }
        }
        if let Some(running) = self.pods.get_mut(name) {
            running.is_ready = is_ready;
        }
        answer.map_err(|reason| format!("{name} is not ready: {reason}"))
    }

    /// Starts a replica with the Pod's own arguments; only its addresses are others.
    fn run(&mut self, name: &str, pod: &Value, objects: &Objects) -> Result<Running, String> {
        let (mut command, files) = self.prepare(name, pod, objects)?;
        let address = give_address(COUNT.fetch_add(1, Ordering::Relaxed));
        let (mut port, mut admin_address) = (String::new(), String::new());
        for argument in arguments(pod, &variables(pod)?) {
            let port_of = |listen: &str| listen.rsplit(':').next().unwrap_or_default().to_owned();
            command.arg(match argument.split_once('=') {
                Some(("--listen", listen)) => {
                    port = port_of(listen);
                    format!("--listen={address}:{port}")
                }
                Some(("--admin-listen", listen)) => {
                    admin_address = format!("{address}:{}", port_of(listen));
                    format!("--admin-listen={admin_address}")
                }
                _ => argument,
            });
        }
        let process = Daemon::start(name, &self.folder, &mut command);
        let service = objects.service_of(pod).ok_or("no Service selects the Pod")?.to_owned();
        let grace = pod["spec"]["terminationGracePeriodSeconds"].as_u64().unwrap_or(30);
        Ok(Running {
            process,
            files,
            endpoint: Endpoint { service, address, port },
            admin_address,
            is_ready: false,
            grace: Duration::from_secs(grace),
            restart: Restart { command, not_before: Instant::now(), wait: Duration::from_secs(1) },
        })
    }

    /// The command for a Pod's container without its arguments, and the files of its volumes.
    fn prepare(
        &mut self,
        name: &str,
        pod: &Value,
        objects: &Objects,
    ) -> Result<(Command, Vec<(PathBuf, Files)>), String> {
        let has_image = self.shared.has_placeholder.load(Ordering::Relaxed);
        if pod["spec"]["containers"][0]["image"] == PLACEHOLDER && !has_image {
            return Err(format!("{name} has the image of the shipped manifests, which is a placeholder"));
        }
        let token = self.token(pod)?;
        let folder = self.folder.join(name);
        let mut files = Vec::new();
        for volume in projected(pod) {
            let folder = folder.join(volume["name"].as_str().unwrap_or_default());
            let content = objects.files(pod, volume, &token)?;
            fill(&folder, &content)?;
            files.push((folder, content));
        }
        let mounts = pod["spec"]["containers"][0]["volumeMounts"].as_array().into_iter().flatten();
        let volumes: Vec<Volume> = mounts
            .filter_map(|mount| {
                let mount_path = mount["mountPath"].as_str()?.to_owned();
                Some(Volume { folder: folder.join(mount["name"].as_str()?), mount_path })
            })
            .collect();

        let mut command = contained(&program::under_test(), &folder, &volumes);
        command.envs(variables(pod)?);
        command.env("KUBERNETES_SERVICE_HOST", HOST).env("KUBERNETES_SERVICE_PORT", PORT.to_string());
        // A trial does not wait ten seconds for a file to be compared.
        command.env("PULLKEY_POLL_INTERVAL", "200ms");
        Ok((command, files))
    }

    /// A token for the Pod's account, where the Pod wants one.
    fn token(&mut self, pod: &Value) -> Result<String, String> {
        let wants =
            projected(pod).any(|volume| volume["projected"].to_string().contains("serviceAccountToken"));
        if !wants {
            return Ok(String::new());
        }
        let account = pod["spec"]["serviceAccountName"].as_str().unwrap_or("default");
        if !self.tokens.contains_key(account) {
            let arguments = ["create", "token", account, "-n", &self.namespace];
            let token = self.kubectl.attempt(&arguments, "")?.trim().to_owned();
            self.tokens.insert(account.to_owned(), token);
        }
        Ok(self.tokens.get(account).cloned().unwrap_or_default())
    }
}

impl Running {
    fn alive(mut self) -> Option<Self> {
        (!self.process.has_ended()).then_some(self)
    }

    /// At once the first time, then with growing pauses, as a kubelet does.
    fn start_again(&mut self) {
        let restart = &mut self.restart;
        if restart.not_before <= Instant::now() {
            self.process.start_again(&mut restart.command);
            restart.not_before = Instant::now() + restart.wait;
            restart.wait *= 2;
        }
    }
}

/// The volumes of a Pod whose files come from the cluster.
fn projected(pod: &Value) -> impl Iterator<Item = &Value> {
    let volumes = pod["spec"]["volumes"].as_array().into_iter().flatten();
    volumes.filter(|volume| volume["projected"].is_object())
}
