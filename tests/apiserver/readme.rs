//! What README.md and the pages of deploy/, certs/ and docs/ tell an operator to type, as it stands there.
//!
//! While the commands run, a stand-in for the kubelet runs a process of pullkey for each Pod of its Deployment, so
//! that what serves is what the commands installed; and where the text says that no Pod is refused, Pods are created
//! all the time.

use std::fs;

use serde_json::Value;

use crate::canary::Canary;
use crate::manifests::install_cert_manager_kinds;
use crate::operator::{Operator, instead_of_the_shared_installation};
use crate::pods::{pod, pull_secrets};
use crate::support::installation::NAMESPACE;
use crate::support::markdown::{Commands, Kind, commands, read};
use crate::support::wait::until;
use crate::workloads::pods_of_deployment;
use crate::world::{World, repository};

/// The heading above the commands that tests/start types, which install pullkey in another way.
const STARTED: &str = "With four commands";

pub(crate) fn the_commands_of_the_readme_install_and_remove_pullkey(world: &World) {
    instead_of_the_shared_installation(world, |operator| {
        // What the commands for Docker do, which nobody runs here.
        operator.load_the_image();
        for block in cluster_blocks("README.md", |section| section != STARTED) {
            let printed = operator.run(&block).stdout;
            // Where the page shows something, it is what the last command of the block prints.
            if let Some(expected) = &block.expected {
                let shown = printed.trim_end().rsplit('\n').next();
                assert_eq!(shown, Some(expected.trim_end()), "{}", block.place);
            }
        }
        // "Then a namespace opts in, and a Pod there gets what it needs": also those of the workload.
        let deployment = world.get("team-a", "deployment", "backend");
        for pod in pods_of_deployment(world, "team-a", &deployment) {
            assert_eq!(pull_secrets(&pod), ["registrysecret"]);
        }
        assert_a_bad_configuration_stalls_the_rollout(world, operator);
        assert_what_is_published_can_be_looked_at(operator);
        assert_the_commands_of_the_runbooks_work(operator);
        assert_the_ways_out_of_an_emergency_work(world, operator);

        let [removal] = &cluster_blocks("deploy/README.md", |section| section == "Order")[..] else {
            panic!("not one block")
        };
        let readme = read("README.md");
        for command in removal.text.lines() {
            assert!(readme.contains(&format!("`{command}`")), "README.md does not say `{command}`");
        }
        let pods = Canary::start(world);
        operator.run(removal);
        // "delete the registration first, so that no Pod waits for a webhook that is gone"
        pods.assert_none_was_refused();
        let left = [
            "mutatingwebhookconfigurations",
            "validatingadmissionpolicies",
            "validatingadmissionpolicybindings",
            "clusterroles",
            "clusterrolebindings",
            "namespaces",
        ];
        let left = world.cluster.kubectl.run(&["get", &left.join(","), "-o", "name"]);
        // Those of other trials have other names.
        let ours =
            left.lines().filter(|line| line.ends_with("/pullkey") || line.ends_with("/pullkey-system"));
        assert_eq!(ours.collect::<Vec<_>>(), [""; 0]);
    });
}

/// The commands of docs/certificates.md.
#[track_caller]
fn assert_what_is_published_can_be_looked_at(operator: &Operator) {
    let blocks = cluster_blocks("docs/certificates.md", |_| true);
    let [bundle, settled, writers, rights] = &blocks[..] else { panic!("{} blocks", blocks.len()) };
    let bundle = operator.run(bundle).stdout;
    // "The common name begins with the name of the Pod."
    for pod in operator.pods() {
        let name = pod.trim_start_matches("pod/");
        assert!(bundle.contains(name), "{name} has published nothing: {bundle}");
    }
    assert!(bundle.contains("Not After"), "{bundle}");
    assert_ne!(operator.run(settled).stdout.trim(), "");
    let writers = operator.run(writers).stdout;
    assert!(writers.contains(" pullkey Update"), "{writers}");
    let rights = operator.run(rights).stdout;
    assert!(rights.contains("mutatingwebhookconfigurations.admissionregistration.k8s.io"), "{rights}");
}

/// Each finds what it looks for in a cluster that is well, or says that there is nothing.
#[track_caller]
fn assert_the_commands_of_the_runbooks_work(operator: &Operator) {
    let entries = fs::read_dir(repository("docs/runbooks")).expect("there are runbooks");
    let names = entries.map(|entry| entry.expect("a folder can be read").file_name());
    let mut pages: Vec<String> =
        names.map(|name| format!("docs/runbooks/{}", name.to_string_lossy())).collect();
    pages.sort();
    let blocks: Vec<Commands> = pages.iter().flat_map(|page| cluster_blocks(page, |_| true)).collect();
    assert!(blocks.len() > pages.len(), "{} blocks in {} pages", blocks.len(), pages.len());
    for block in blocks {
        operator.run(&block);
    }
}

/// The commands of docs/operations.md, from the smallest step to the largest, and the way back.
#[track_caller]
fn assert_the_ways_out_of_an_emergency_work(world: &World, operator: &Operator) {
    let blocks = cluster_blocks("docs/operations.md", |section| section == "Emergency");
    let [namespace, fail_open, registration, back] = &blocks[..] else { panic!("{} blocks", blocks.len()) };
    let in_the_namespace = || {
        let pod = pod("emergency", &["registry.example.com/app"]).to_string();
        let arguments = ["create", "-n", "team-a", "--dry-run=server", "-o", "json", "-f", "-"];
        let stored = world.cluster.kubectl.attempt(&arguments, &pod)?;
        let stored: Value = serde_json::from_str(&stored).map_err(|error| error.to_string())?;
        Ok::<_, String>(pull_secrets(&stored).len())
    };
    let until_it_gets = |count: usize| {
        until("the API server has heard of it", || match in_the_namespace() {
            Ok(found) if found == count => Ok(()),
            other => Err(format!("{other:?}")),
        });
    };
    until_it_gets(1);
    operator.run(namespace);
    until_it_gets(0);
    operator.run(fail_open);
    drop(Canary::start(world));
    let pods = Canary::start(world);
    operator.run(registration);
    // "Nobody asks pullkey any more", and nobody is refused.
    pods.assert_none_was_refused();
    operator.run(back);
    // "The replicas put their certificates into the new registration by themselves"
    until_it_gets(1);
}

/// "a bad one stalls the rollout while the old Pods serve"
#[track_caller]
fn assert_a_bad_configuration_stalls_the_rollout(world: &World, operator: &Operator) {
    let (old, pods) = (operator.pods(), Canary::start(world));
    operator.replace("my-cluster/config.yaml", "matchImages", "matchImage");
    operator.run_text("kubectl apply -k my-cluster", "a bad configuration");
    until("a new Pod refuses the configuration", || {
        let new = operator.pods();
        let new = new.difference(&old).next().ok_or("there is no new Pod")?;
        let log = operator.log(new)?;
        if log.contains("matchImage") { Ok(()) } else { Err(log) }
    });
    pods.assert_none_lacked_its_secret();
    assert!(operator.pods().is_superset(&old), "an old Pod is gone");
    operator.replace("my-cluster/config.yaml", "matchImage", "matchImages");
    operator.run_text("kubectl apply -k my-cluster", "the good configuration");
    operator.wait_for_the_rollout();
    pods.assert_none_lacked_its_secret();
}

pub(crate) fn the_commands_for_own_certificate_files_never_keep_a_pod_out(world: &World) {
    instead_of_the_shared_installation(world, |operator| {
        write_my_cluster(operator);
        operator.replace("my-cluster/kustomization.yaml", "../deploy", "../deploy/overlays/files");
        let blocks = cluster_blocks("certs/README.md", |section| section == "Own files");
        let [install, by_hand] = &blocks[..] else { panic!("{} blocks in \"Own files\"", blocks.len()) };
        operator.run(install);
        operator.wait_for_the_rollout();
        drop(Canary::start(world));
        operator.assert_healthy();

        let bundle = operator.bundle();
        let remove = r#"[{"op": "remove", "path": "/webhooks/0/clientConfig/caBundle"}]"#;
        let arguments = ["patch", "mutatingwebhookconfiguration", "pullkey", "--type=json", "-p", remove];
        world.cluster.kubectl.run(&arguments);
        operator.run(by_hand);
        assert_eq!(operator.bundle(), bundle, "what the script sets, and what the command sets");

        let pods = Canary::start(world);
        let renewals = cluster_blocks("certs/README.md", |section| section == "Renewal");
        let [same_ca, new_ca, new_ca_only] = &renewals[..] else {
            panic!("{} blocks in \"Renewal\"", renewals.len())
        };
        let first = operator.certificate_after("");
        operator.run(same_ca);
        operator.wait_for_the_rollout();
        let second = operator.certificate_after(&first);
        // "With the same CA the registration stays as it is"
        assert_eq!(operator.bundle(), bundle);

        operator.run(new_ca);
        // "That does not wait for the old replicas to end": without this wait, one of them could still be met.
        operator.certificate_after(&second);
        operator.run(new_ca_only);
        let new = fs::read_to_string(operator.path("certs/ca.crt")).expect("the new CA can be read");
        assert_eq!(operator.bundle(), new, "what is trusted in the end");
        assert_ne!(new, bundle);
        pods.assert_none_lacked_its_secret();
    });
}

pub(crate) fn the_commands_for_cert_manager_work_and_its_renewal_is_no_rollout(world: &World) {
    install_cert_manager_kinds(world);
    instead_of_the_shared_installation(world, |operator| {
        write_my_cluster(operator);
        operator.replace("my-cluster/kustomization.yaml", "../deploy", "../deploy/overlays/cert-manager");
        for block in cluster_blocks("certs/README.md", |section| section == "cert-manager") {
            operator.run(&block);
        }
        // What cert-manager does then: the Secret that the Certificate names, and the bundle of the registration.
        let certificate = world.get(NAMESPACE, "certificates.cert-manager.io", "pullkey");
        let secret = certificate["spec"]["secretName"].as_str().expect("the Certificate names a Secret");
        let store = format!(
            "kubectl -n {NAMESPACE} create secret tls {secret} --cert=issued/tls.crt --key=issued/tls.key \
             --dry-run=client -o yaml | kubectl apply --server-side -f -"
        );
        let issue = "certs/make-certs --out issued --ca-out issued";
        operator.run_text(&format!("{issue}\n{store}\ncerts/set-ca issued/ca.crt"), "the first certificate");
        operator.wait_for_the_rollout();
        let pods = Canary::start(world);
        operator.assert_healthy();

        // "the kubelet swaps the mounted files and pullkey reads them; no Pod restarts"
        let (old, served) = (operator.pods(), operator.certificate_after(""));
        operator.run_text(&format!("{issue} --renew\n{store}"), "the renewal");
        operator.certificate_after(&served);
        assert_eq!(operator.pods(), old);
        assert_eq!(operator.names(&["replicasets"]).len(), 1, "a renewal is no rollout");
        pods.assert_none_lacked_its_secret();
    });
}

/// Writes the overlay of README.md, which deploy/README.md and certs/README.md call by its name.
#[track_caller]
pub(crate) fn write_my_cluster(operator: &Operator) {
    let blocks = cluster_blocks("README.md", |_| true);
    let overlay = blocks.iter().find(|block| block.text.contains("my-cluster/kustomization.yaml"));
    operator.run(overlay.expect("README.md has an overlay"));
}

/// The blocks of commands for a cluster below the headings that `in_section` chooses.
#[track_caller]
pub(crate) fn cluster_blocks(path: &str, in_section: impl Fn(&str) -> bool) -> Vec<Commands> {
    let blocks = commands(path, &read(path)).unwrap_or_else(|reason| panic!("{reason}"));
    let wanted = |block: &Commands| block.kind == Kind::Cluster && in_section(&block.section);
    blocks.into_iter().filter(wanted).collect()
}
