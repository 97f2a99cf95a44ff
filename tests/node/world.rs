//! The cluster with its node and registries, pullkey in it, and what was seen of each case.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::cases::{CASES, Case, When};
use super::node::{self, Node};
use super::pods::{self, items};
use super::registry::{Account, Registry};
use super::support::api::Api;
use super::support::cluster::Cluster;
use super::support::installation::copy_parts;
use super::support::sandbox::Inside;
use super::support::wait::{LIMIT, until};
use super::table::Table;
use super::{demo, objects, place, release, scenarios};

/// What makes all kinds of Pods, takes the taint off a node that is ready, and writes the
/// endpoints.
const CONTROLLERS: &str = "deployment-controller,replicaset-controller,statefulset-controller,\
                           daemonset-controller,job-controller,cronjob-controller,\
                           endpointslice-controller,node-lifecycle-controller,\
                           disruption-controller,resourcequota-controller,namespace-controller,\
                           serviceaccount-controller,root-ca-certificate-publisher-controller,\
                           validatingadmissionpolicy-status-controller";

/// Who may push, and whose credential pulls pullkey itself.
const INFRA: Account = Account { user: "infra", password: "pw-infra" };
const PULLKEY: &str = "infra/pullkey";

/// Something that is done to the cluster.
type Step = dyn Fn(&World) + Sync;

/// All that runs.
pub(crate) struct World {
    pub(crate) cluster: Cluster,
    pub(crate) api: Api,
    start: Instant,
    seen: Mutex<BTreeMap<&'static str, String>>,
    messages: Mutex<BTreeSet<String>>,
    failed_steps: AtomicUsize,
    /// What the demo showed.
    pub(crate) told: Mutex<String>,
    #[expect(dead_code, reason = "holding them is what keeps them running")]
    running: (Node, [Registry; 2]),
}

impl World {
    /// Starts everything and installs pullkey.
    pub(crate) fn start(inside: &Inside) -> Self {
        let start = Instant::now();
        let progress = |what: &str| eprintln!("{:5.1} s  {what}", start.elapsed().as_secs_f64());
        let cgroup = place::prepare();
        let program = node::compile(&inside.folder);
        let accounts: Vec<Account> = [INFRA].into_iter().chain(scenarios::ACCOUNTS).collect();
        let private = Registry::start("registry", &inside.folder, node::PRIVATE, &accounts);
        let public = Registry::start("public-registry", &inside.folder, node::PUBLIC, &[]);
        let image = release::image();
        private.push(PULLKEY, "0.1.0", &image);
        for (registry, repositories) in
            [(&private, scenarios::REPOSITORIES), (&public, scenarios::PUBLIC_REPOSITORIES)]
        {
            for repository in repositories {
                let (name, tag) = repository.split_once(':').expect("it has a tag");
                registry.push(name, tag, &node::test_image(&program, repository));
            }
        }
        progress("the registries have the images");
        let cluster = Cluster::start_with(inside, CONTROLLERS);
        progress("the API server is ready");
        let node = Node::start(inside, &cluster, &cgroup, &program);
        progress("the node is ready");
        let api = Api::new(&cluster.kubectl.kubeconfig);
        let running = (node, [private, public]);
        let world = Self {
            cluster,
            api,
            start,
            seen: Mutex::default(),
            messages: Mutex::default(),
            failed_steps: AtomicUsize::new(0),
            told: Mutex::default(),
            running,
        };
        world.install(&image.digest());
        progress("pullkey answers");
        world
    }

    /// `kubectl apply -k` of `examples/air-gapped`, with what the reader has to fill in.
    fn install(&self, digest: &str) {
        let folder = self.shipped();
        copy_parts(&["deploy", "examples"], &folder);
        let overlay = folder.join("examples/air-gapped");
        let write = |file: &str, text: &str| {
            fs::write(overlay.join(file), text).unwrap_or_else(|error| panic!("{file}: {error}"));
        };
        let kustomization = fs::read_to_string(overlay.join("kustomization.yaml")).expect("it can be read");
        let (before, after) = kustomization.split_once("digest: sha256:").expect("it names a digest");
        write("kustomization.yaml", &format!("{before}digest: {digest}{}", &after[64..]));
        write("credential.json", &objects::credentials(&[("registry.example.com", INFRA)]).to_string());
        write("config.yaml", &scenarios::configuration().to_string());
        let kubectl = &self.cluster.kubectl;
        kubectl.run(&["apply", "-k", &overlay.display().to_string()]);
        until("both replicas are ready", || {
            let path = "jsonpath={.status.readyReplicas}";
            let arguments = ["get", "deployment", "pullkey", "-n", "pullkey-system", "-o", path];
            if kubectl.attempt(&arguments, "")? == "2" {
                return Ok(());
            }
            let pods = self.api.get("/api/v1/namespaces/pullkey-system/pods")?;
            Err(items(&pods).map(|pod| pod["status"].to_string()).collect::<Vec<_>>().join("\n"))
        });
        // Ready replicas are not yet known to the API server.
        self.make_namespaces(&["first"]);
        until("a Pod passes through pullkey", || {
            let pod = json!({
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": "first"},
                "spec": {"containers": [{"name": "first", "image": "registry.example.com/first"}]},
            });
            let pod = self.api.post("/api/v1/namespaces/first/pods?dryRun=All", &pod)?;
            if pod["spec"]["imagePullSecrets"][0]["name"] == "registrysecret" {
                Ok(())
            } else {
                Err(pod.to_string())
            }
        });
    }

    /// A copy of what an operator has, to write into.
    pub(crate) fn shipped(&self) -> PathBuf {
        self.cluster.folder.join("shipped")
    }

    /// Makes namespaces and their accounts. All opt in but those whose name says that they do not.
    pub(crate) fn make_namespaces(&self, names: &[&str]) {
        let namespaces = names.iter().map(|name| {
            let labels = if name.ends_with("-unlabelled") {
                json!({})
            } else {
                json!({"pullkey.dev/inject": "enabled"})
            };
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
        });
        // Applied, because a controller may be faster with the account.
        let accounts = names.iter().map(|name| {
            let metadata = json!({"name": "default", "namespace": name});
            json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
        });
        let items: Vec<Value> = namespaces.chain(accounts).collect();
        let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
        self.cluster.kubectl.run_with_input(&["apply", "--server-side", "-f", "-"], &list.to_string());
    }

    /// Creates everything, and looks at it until each case is as it shall be or the time is up.
    pub(crate) fn judge(&self) {
        let tell: &Step = &|world| {
            let mut told = String::new();
            demo::tell(world, |line| told.extend([line, "\n"]));
            *world.told.lock().unwrap_or_else(PoisonError::into_inner) = told;
        };
        let first = scenarios::FIRST.iter().map(|step| step as &Step);
        self.do_at_once(first.chain([tell]));
        self.progress("the first Pods are created");
        self.look_until_all_are_right(When::First);
        self.do_at_once(scenarios::THEN.iter().map(|step| step as &Step));
        self.progress("the rest has been done");
        self.look_until_all_are_right(When::AtTheEnd);
        self.progress("everything was seen");
    }

    /// One that fails has said why, and does not keep the others from being judged.
    fn do_at_once<'step>(&self, steps: impl Iterator<Item = &'step Step>) {
        thread::scope(|scope| {
            let running: Vec<_> = steps.map(|step| scope.spawn(move || step(self))).collect();
            let failed = running.into_iter().filter_map(|step| step.join().err()).count();
            self.failed_steps.fetch_add(failed, Ordering::Relaxed);
        });
    }

    pub(crate) fn no_step_failed(&self) -> Result<(), String> {
        match self.failed_steps.load(Ordering::Relaxed) {
            0 => Ok(()),
            failed => Err(format!("{failed} steps failed; their messages stand above")),
        }
    }

    fn look_until_all_are_right(&self, when: When) {
        let start = Instant::now();
        while self.look(when) > 0 && start.elapsed() < LIMIT {
            thread::sleep(Duration::from_millis(300));
        }
    }

    /// Looks once at everything; returns how many cases are not yet as they shall be.
    fn look(&self, when: When) -> usize {
        let (pods, events) = (self.api.get("/api/v1/pods"), self.api.get("/api/v1/events"));
        // A busy API server may let a call wait for too long; the next one will do.
        let (Ok(pods), Ok(events)) = (pods, events) else { return usize::MAX };
        self.messages.lock().unwrap_or_else(PoisonError::into_inner).extend(pods::said(&events));
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut wrong = 0;
        for case in CASES.iter().filter(|case| case.when == when) {
            let now = case.observe.look(&pods, &events);
            wrong += usize::from(now != case.expected);
            seen.insert(case.name, now);
        }
        wrong
    }

    /// Waits until such Pods are in this state.
    pub(crate) fn until_it_is(&self, observe: pods::Observe, expected: &str) {
        until(expected, || {
            let seen = observe.look(&self.api.get("/api/v1/pods")?, &json!({}));
            if seen == expected { Ok(()) } else { Err(seen) }
        });
    }

    pub(crate) fn verdict(&self, case: &Case) -> Result<(), String> {
        let seen = self.seen(case);
        if seen == case.expected { Ok(()) } else { Err(format!("expected {}, seen {seen}", case.expected)) }
    }

    fn seen(&self, case: &Case) -> String {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get(case.name).cloned().unwrap_or_default()
    }

    /// What the kubelet said of the Pods.
    pub(crate) fn messages(&self) -> BTreeSet<String> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn print(&self) {
        let mut table = Table::new("What a real node does", &["case", "expected", "seen"]);
        for case in CASES {
            table.push(&[case.name.to_owned(), case.expected.to_owned(), self.seen(case)]);
        }
        println!("{table}");
    }

    fn progress(&self, what: &str) {
        eprintln!("{:5.1} s  {what}", self.start.elapsed().as_secs_f64());
    }
}
