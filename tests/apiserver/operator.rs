//! Somebody who installs pullkey by typing what the documentation says.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::support::installation::{NAMESPACE, copy_parts, for_an_operator};
use crate::support::kubelet::Kubelet;
use crate::support::markdown::{Commands, Kind};
use crate::support::shell::{Ended, Shell};
use crate::support::wait::{LIMIT, until};
use crate::world::World;

/// Types commands in a fresh copy of the repository.
#[derive(Debug)]
pub(crate) struct Operator<'world> {
    world: &'world World,
    folder: PathBuf,
    kubelet: Kubelet,
}

/// Runs a trial in a cluster without pullkey, and puts back what the other trials share.
pub(crate) fn instead_of_the_shared_installation(world: &World, trial: impl FnOnce(&Operator)) {
    world.pullkey.remove(&world.cluster);
    let outcome = catch_unwind(AssertUnwindSafe(|| trial(&Operator::new(world))));
    world.pullkey.remove(&world.cluster);
    world.pullkey.install(&world.cluster);
    if let Err(failure) = outcome {
        resume_unwind(failure);
    }
}

impl<'world> Operator<'world> {
    fn new(world: &'world World) -> Self {
        // It goes with the cluster's own folder.
        let folder = tempfile::Builder::new().prefix("operator-").tempdir_in(&world.cluster.folder);
        let folder = folder.expect("a folder can be made").keep();
        copy_parts(&["deploy", "certs", "examples"], &folder);
        let kubelet = Kubelet::start(&world.cluster, NAMESPACE, folder.join("node"));
        Self { world, folder, kubelet }
    }

    /// Puts the image on the nodes that the shipped manifests name.
    pub(crate) fn load_the_image(&self) {
        self.kubelet.load_the_image();
    }

    /// What the node could not do, for the message of a failure.
    pub(crate) fn trouble(&self) -> String {
        self.kubelet.trouble()
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.folder.join(file)
    }

    #[track_caller]
    pub(crate) fn replace(&self, file: &str, old: &str, new: &str) {
        let text = fs::read_to_string(self.path(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(text.contains(old), "{file} does not contain {old}");
        fs::write(self.path(file), text.replace(old, new)).unwrap_or_else(|error| panic!("{file}: {error}"));
    }

    /// Types a block of a Markdown file.
    #[track_caller]
    pub(crate) fn run(&self, block: &Commands) -> Ended {
        assert_eq!((block.kind, block.note.as_str()), (Kind::Cluster, ""), "{}", block.place);
        self.run_text(&block.text, &block.place)
    }

    #[track_caller]
    pub(crate) fn run_text(&self, text: &str, place: &str) -> Ended {
        let ended = self.attempt(text);
        let why = || format!("{place}:\n{text}\n{}", self.kubelet.trouble());
        let ended = ended.unwrap_or_else(|reason| panic!("{}\n{reason}", why()));
        assert!(ended.status.success(), "{}\n{}\n{}", why(), ended.stdout, ended.stderr);
        ended
    }

    fn attempt(&self, text: &str) -> Result<Ended, String> {
        let mut bash = for_an_operator(Path::new("bash"), &self.world.cluster);
        bash.current_dir(&self.folder);
        Shell::start(bash, text, &self.world.cluster.folder).end(LIMIT)
    }

    #[track_caller]
    pub(crate) fn wait_for_the_rollout(&self) {
        let command = format!("kubectl -n {NAMESPACE} rollout status deployment/pullkey");
        self.run_text(&command, "waiting for the rollout");
    }

    /// The doctor finds nothing, of the installation and of a namespace that opted in.
    #[track_caller]
    pub(crate) fn assert_healthy(&self) {
        let said = self.run_text("pullkey doctor --namespace canary", "the doctor").stdout;
        assert!(said.ends_with("\nnothing is wrong\n"), "{said}");
    }

    /// The certificates that the API server trusts, as PEM.
    pub(crate) fn bundle(&self) -> String {
        let path = "jsonpath={.webhooks[0].clientConfig.caBundle}";
        let arguments = ["get", "mutatingwebhookconfiguration", "pullkey", "-o", path];
        let bundle =
            STANDARD.decode(self.world.cluster.kubectl.run(&arguments)).expect("the bundle is base64");
        String::from_utf8(bundle).expect("PEM is text")
    }

    /// The names of pullkey's Pods.
    pub(crate) fn pods(&self) -> BTreeSet<String> {
        self.names(&["pods", "--selector=app.kubernetes.io/name=pullkey"])
    }

    /// The processes that serve, by their Pods.
    pub(crate) fn processes(&self) -> BTreeMap<String, u32> {
        self.kubelet.processes()
    }

    /// The names of the objects of a kind in pullkey's namespace.
    pub(crate) fn names(&self, what: &[&str]) -> BTreeSet<String> {
        let arguments = [&["get", "-n", NAMESPACE, "-o", "name"], what].concat();
        self.world.cluster.kubectl.run(&arguments).lines().map(str::to_owned).collect()
    }

    /// What a Pod of pullkey wrote so far.
    pub(crate) fn log(&self, pod: &str) -> Result<String, String> {
        let name = pod.trim_start_matches("pod/");
        fs::read_to_string(self.path(&format!("node/{name}.log"))).map_err(|error| error.to_string())
    }

    /// The certificate that both replicas serve, once they do; `former` is the one that they no longer serve.
    #[track_caller]
    pub(crate) fn certificate_after(&self, former: &str) -> String {
        until("both replicas serve one other certificate", || {
            let path =
                "jsonpath={range .items[*]}{.endpoints[0].addresses[0]}:{.ports[0].port}{\"\\n\"}{end}";
            let arguments = ["get", "endpointslices", "-n", NAMESPACE, "-o", path];
            let addresses = self.world.cluster.kubectl.run(&arguments);
            let served: Result<Vec<String>, _> =
                addresses.lines().map(|address| self.certificate_at(address)).collect();
            let mut served = served?;
            served.sort();
            match &served[..] {
                [one, other] if one == other && one != former => Ok(one.clone()),
                _ => Err(format!("{served:?}")),
            }
        })
    }

    /// One that is about to end may let nobody in any more.
    fn certificate_at(&self, address: &str) -> Result<String, String> {
        let ended = self.attempt(&format!(
            "openssl s_client -connect {address} </dev/null 2>/dev/null | openssl x509 -noout -serial"
        ))?;
        if ended.status.success() { Ok(ended.stdout) } else { Err(ended.stderr) }
    }
}
