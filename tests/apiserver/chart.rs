//! The Helm chart, installed, upgraded, rolled back and removed by both versions of Helm, while Pods are created.

use std::fs;
use std::time::Instant;

use serde_json::Value;

use crate::operator::{Operator, instead_of_the_shared_installation};
use crate::steady::Steady;
use crate::support::api::Api;
use crate::support::helm::Helm;
use crate::support::installation::NAMESPACE;
use crate::support::wait::until;
use crate::world::{World, repository};

const PODS: &str = "/api/v1/namespaces/canary/pods?dryRun=All";
const CONFIGURATION: &str = "tests/apiserver/config.yaml";

pub(crate) fn helm_installs_upgrades_rolls_back_and_removes_without_a_refused_pod(world: &World) {
    let Some([four, three]) = Helm::both_or_skip("the chart", &world.cluster.folder) else { return };
    // Each release is installed and removed by one version, and upgraded by the other.
    for (first, second) in [(&four, &three), (&three, &four)] {
        instead_of_the_shared_installation(world, |operator| {
            operator.load_the_image();
            Release { world, operator, api: Api::new(&world.cluster.kubectl.kubeconfig) }.live(first, second);
        });
    }
}

/// The release `pullkey`.
struct Release<'world> {
    world: &'world World,
    operator: &'world Operator<'world>,
    api: Api,
}

impl Release<'_> {
    fn live(&self, first: &Helm, second: &Helm) {
        self.apply(first, "install", &["--create-namespace", "--wait"]);
        let pods = Steady::start_at(self.api.clone(), PODS.to_owned());
        let (from, certificates) = (Instant::now(), self.operator.bundle());

        self.a_bad_configuration_stalls(first);
        self.run(first, &["rollback", "pullkey", "1", "--wait"]);
        self.assert_kept(&certificates);
        self.operator.wait_for_the_rollout();
        self.apply(second, "upgrade", &["--wait", "--set", "podAnnotations.by=another"]);
        self.assert_kept(&certificates);
        pods.until_all_is_well();
        let tally = pods.since(from);
        println!("{tally:?}");
        assert_eq!(tally.failed, 0, "{tally:?}");

        let from = Instant::now();
        self.run(first, &["uninstall", "pullkey"]);
        until("Pods are created without pullkey", || {
            let tally = pods.since(from);
            if tally.failed > 20 { Ok(()) } else { Err(format!("{tally:?}")) }
        });
        let tally = pods.since(from);
        println!("{tally:?}");
        assert_eq!(tally.refused, 0, "{tally:?}");
        self.assert_nothing_is_left();
    }

    #[track_caller]
    fn apply(&self, helm: &Helm, verb: &str, flags: &[&str]) {
        let file = format!("config={}", repository(CONFIGURATION).display());
        let chart = repository("deploy/chart").display().to_string();
        self.run(helm, &[&[verb, "pullkey", &chart, "--set-file", &file], flags].concat());
    }

    #[track_caller]
    fn run(&self, helm: &Helm, arguments: &[&str]) {
        let kubeconfig = self.world.cluster.kubectl.kubeconfig.display().to_string();
        let place = ["--kubeconfig", &kubeconfig, "--namespace", NAMESPACE, "--timeout", "60s"];
        let ended = helm.attempt(&[arguments, &place].concat());
        ended.unwrap_or_else(|message| {
            panic!("{}: {message}\n{}", arguments.join(" "), self.operator.trouble())
        });
    }

    /// What the API server trusted, it still trusts.
    #[track_caller]
    fn assert_kept(&self, certificates: &str) {
        let bundle = self.operator.bundle();
        assert!(bundle.starts_with(certificates), "{certificates}\nbecame\n{bundle}");
    }

    /// New Pods refuse it, the old ones serve, and one of them that is lost comes back.
    #[track_caller]
    fn a_bad_configuration_stalls(&self, helm: &Helm) {
        let old = self.operator.pods();
        let text = fs::read_to_string(repository(CONFIGURATION)).expect("the configuration can be read");
        let bad = self.operator.path("bad.yaml");
        fs::write(&bad, text.replace("registry.example.com", "registry")).expect("a file can be written");
        self.apply(helm, "upgrade", &["--set-file", &format!("config={}", bad.display())]);
        until("a new Pod refuses the configuration", || {
            let new = self.operator.pods();
            let new = new.difference(&old).next().ok_or("there is no new Pod")?;
            let log = self.operator.log(new)?;
            if log.contains("registry") { Ok(()) } else { Err(log) }
        });
        let lost = old.first().expect("there are two");
        self.world.cluster.kubectl.run(&["delete", lost, "-n", NAMESPACE, "--wait=false"]);
        until("a Pod with the old configuration takes its place", || {
            let deployment = format!("/apis/apps/v1/namespaces/{NAMESPACE}/deployments/pullkey");
            let status = self.api.get(&deployment)?["status"].take();
            let is_back = !self.operator.pods().contains(lost) && status["readyReplicas"] == 2;
            if is_back { Ok(()) } else { Err(format!("{status} {}", self.operator.trouble())) }
        });
    }

    #[track_caller]
    fn assert_nothing_is_left(&self) {
        let kinds = "mutatingwebhookconfigurations,validatingadmissionpolicies,validatingadmissionpolicybindings,\
                     clusterroles,clusterrolebindings";
        let left = self.world.cluster.kubectl.run(&["get", kinds, "-o", "name"]);
        assert_eq!(left.lines().filter(|line| line.ends_with("/pullkey")).collect::<Vec<_>>(), [""; 0]);
        let namespaced = "deployments,services,configmaps,secrets,networkpolicies,poddisruptionbudgets,\
                          resourcequotas,serviceaccounts";
        let list = self.world.cluster.kubectl.json(&["get", namespaced, "-n", NAMESPACE, "-o", "json"], "");
        let items = list["items"].as_array().expect("a list");
        let names = items.iter().filter_map(|item: &Value| item["metadata"]["name"].as_str());
        let ours: Vec<_> = names.filter(|name| name.contains("pullkey")).collect();
        assert_eq!(ours, [""; 0]);
    }
}
