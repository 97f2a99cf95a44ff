//! The Helm chart, installed, upgraded, rolled back and removed by both versions of Helm, while Pods are created.

use std::time::Instant;

use serde_json::Value;

use crate::operator::{Operator, instead_of_the_shared_installation};
use crate::readme::cluster_blocks;
use crate::steady::Steady;
use crate::support::api::Api;
use crate::support::helm::Helm;
use crate::support::installation::NAMESPACE;
use crate::support::markdown::{Commands, Kind};
use crate::support::wait::until;
use crate::world::World;

const PODS: &str = "/api/v1/namespaces/canary/pods?dryRun=All";
const REGISTRATION: &str = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/pullkey";
const VALUES: &str = "my-cluster/values.yaml";
/// As deploy/README.md has it, but without waiting for what may stall.
const UPGRADE: &str =
    "helm upgrade pullkey deploy/chart --namespace pullkey-system --values my-cluster/values.yaml";

pub(crate) fn helm_installs_upgrades_rolls_back_and_removes_without_a_refused_pod(world: &World) {
    let Some([four, three]) = Helm::both_or_skip("the chart", &world.cluster.folder) else { return };
    // Each release is installed and removed by one version, and upgraded by the other.
    for (first, second) in [(&four, &three), (&three, &four)] {
        instead_of_the_shared_installation(world, |operator| {
            Release { world, operator, api: Api::new(&world.cluster.kubectl.kubeconfig) }.live(first, second);
        });
    }
}

/// Commands in which `helm` is this version.
pub(crate) fn with(helm: &Helm, text: &str) -> String {
    format!("helm() {{ '{}' \"$@\"; }}\n{text}", helm.program.display())
}

/// The release `pullkey`.
struct Release<'world> {
    world: &'world World,
    operator: &'world Operator<'world>,
    api: Api,
}

impl Release<'_> {
    /// Types the commands of deploy/README.md; `second` is used once in between.
    fn live(&self, first: &Helm, second: &Helm) {
        let blocks = cluster_blocks("deploy/README.md", |section| section == "Helm");
        let [install, test, upgrade, rollback, uninstall] = &blocks[..] else {
            panic!("{} blocks", blocks.len())
        };
        self.type_in(first, install);
        self.operator.assert_healthy();
        self.its_test_passes(first, test);
        let pods = Steady::start_at(self.api.clone(), PODS.to_owned());
        let (from, certificates) = (Instant::now(), self.operator.bundle());
        self.a_bad_configuration_stalls(first);
        self.type_in(first, rollback);
        self.operator.wait_for_the_rollout();
        self.assert_kept(&certificates);
        self.a_change_by_hand_is_taken_back(first);
        let former = self.operator.pods();
        self.operator.replace(VALUES, "image:", "podAnnotations: {changed: by another version}\nimage:");
        self.type_in(second, upgrade);
        assert!(self.operator.pods().is_disjoint(&former), "changed values are a rollout");
        self.assert_kept(&certificates);
        pods.until_all_is_well();
        let tally = pods.since(from);
        assert_eq!(tally.failed, 0, "{tally:?}");

        let from = Instant::now();
        self.type_in(first, uninstall);
        until("Pods are created without pullkey", || {
            let tally = pods.since(from);
            if tally.failed > 20 { Ok(()) } else { Err(format!("{tally:?}")) }
        });
        let tally = pods.since(from);
        assert_eq!(tally.refused, 0, "{tally:?}");
        self.assert_nothing_is_left();
    }

    #[track_caller]
    fn type_in(&self, helm: &Helm, block: &Commands) {
        assert_eq!(block.kind, Kind::Cluster, "{}", block.place);
        self.operator.run_text(&with(helm, &block.text), &block.place);
    }

    #[track_caller]
    fn type_text(&self, helm: &Helm, text: &str) {
        self.operator.run_text(&with(helm, text), "the chart");
    }

    /// And what was there for the test only is gone.
    #[track_caller]
    fn its_test_passes(&self, helm: &Helm, block: &Commands) {
        self.type_in(helm, block);
        until("the namespace of the test is gone", || {
            match self.api.get("/api/v1/namespaces/pullkey-helm-test") {
                Ok(namespace) => Err(namespace.to_string()),
                Err(_) => Ok(()),
            }
        });
        self.assert_nothing_is_left_of("/pullkey-helm-test");
    }

    /// "Helm 4 refuses to take back what somebody has changed in the cluster": it applies on the server where it
    /// installed.
    #[track_caller]
    fn a_change_by_hand_is_taken_back(&self, helm: &Helm) {
        let ignore = r#"[{"op": "replace", "path": "/webhooks/0/failurePolicy", "value": "Ignore"}]"#;
        let arguments = ["patch", "mutatingwebhookconfiguration", "pullkey", "--type=json", "-p", ignore];
        self.world.cluster.kubectl.run(&arguments);
        let is_four = helm.program.ends_with("helm4");
        if is_four {
            let refused =
                self.operator.run_text(&with(helm, &format!("! {UPGRADE} 2>&1")), "a conflict").stdout;
            assert!(refused.contains("conflict with \"kubectl-patch\""), "{refused}");
        }
        self.type_text(helm, &format!("{UPGRADE}{}", if is_four { " --force-conflicts" } else { "" }));
        let registration = self.api.get(REGISTRATION).expect("the registration");
        assert_eq!(registration["webhooks"][0]["failurePolicy"], "Fail");
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
        // The engine knows what the schema does not: no image is of the registry "registry".
        self.operator.replace(VALUES, r#"["registry.example.com"]"#, r#"["registry"]"#);
        self.type_text(helm, UPGRADE);
        self.operator.replace(VALUES, r#"["registry"]"#, r#"["registry.example.com"]"#);
        until("a new Pod refuses the configuration", || {
            let new = self.operator.pods();
            let new = new.difference(&old).next().ok_or("there is no new Pod")?;
            let log = self.operator.log(new)?;
            if log.contains("is not a valid configuration") { Ok(()) } else { Err(log) }
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
    fn assert_nothing_is_left_of(&self, name: &str) {
        let kinds = "mutatingwebhookconfigurations,validatingadmissionpolicies,validatingadmissionpolicybindings,\
                     clusterroles,clusterrolebindings";
        let left = self.world.cluster.kubectl.run(&["get", kinds, "-o", "name"]);
        assert_eq!(left.lines().filter(|line| line.ends_with(name)).collect::<Vec<_>>(), [""; 0]);
    }

    #[track_caller]
    fn assert_nothing_is_left(&self) {
        self.assert_nothing_is_left_of("/pullkey");
        let namespaced = "deployments,services,configmaps,secrets,networkpolicies,poddisruptionbudgets,\
                          resourcequotas,serviceaccounts";
        let list = self.world.cluster.kubectl.json(&["get", namespaced, "-n", NAMESPACE, "-o", "json"], "");
        let items = list["items"].as_array().expect("a list");
        let names = items.iter().filter_map(|item: &Value| item["metadata"]["name"].as_str());
        let ours: Vec<_> = names.filter(|name| name.contains("pullkey")).collect();
        assert_eq!(ours, [""; 0]);
    }
}
