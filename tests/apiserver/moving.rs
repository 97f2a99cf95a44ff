//! What certs/README.md tells an operator to type to go from one way to a certificate to another, while Pods are
//! created all the time.

use std::fs;

use crate::canary::Canary;
use crate::injector::{self, Injector};
use crate::manifests::install_cert_manager_kinds;
use crate::operator::{Operator, instead_of_the_shared_installation};
use crate::readme::{cluster_blocks, write_my_cluster};
use crate::support::farewell::have_ended;
use crate::support::wait::until;
use crate::world::World;

const DEFAULT: &str = "- ../deploy\n";
const FILES: &str = "- ../deploy/overlays/files\n";
const CERT_MANAGER: &str = "- ../deploy/overlays/cert-manager\n";

pub(crate) fn from_the_default_to_own_files_and_back_no_pod_is_kept_out(world: &World) {
    from_the_default(world, |operator| {
        move_to(operator, DEFAULT, FILES, "From the default to own files");
        assert_eq!(operator.bundle(), ca(operator, "certs/ca.crt"));
        move_to(operator, FILES, DEFAULT, "From own files to the default");
        assert_the_replicas_trust_themselves_only(operator, &ca(operator, "certs/ca.crt"));
    });
}

pub(crate) fn from_the_default_to_cert_manager_and_back_no_pod_is_kept_out(world: &World) {
    install_cert_manager_kinds(world);
    from_the_default(world, |operator| {
        let issuing =
            cluster_blocks("certs/README.md", |section| section == "From the default to cert-manager");
        operator.run(issuing.first().expect("it begins with issuing"));
        injector::issue(operator);
        let injector = Injector::start(world, operator);
        let issued = ca(operator, "issued/ca.crt");
        move_to(operator, DEFAULT, CERT_MANAGER, "From the default to cert-manager");
        until("cert-manager has taken the bundle over", || match operator.bundle() {
            bundle if bundle == issued => Ok(()),
            other => Err(other),
        });
        move_to(operator, CERT_MANAGER, DEFAULT, "From cert-manager to the default");
        assert_the_replicas_trust_themselves_only(operator, &issued);
        drop(injector);
    });
}

/// Begins with the default installed, and ends with no Pod refused.
fn from_the_default(world: &World, moves: impl FnOnce(&Operator)) {
    instead_of_the_shared_installation(world, |operator| {
        operator.load_the_image();
        write_my_cluster(operator);
        operator.run_text("kubectl apply -k my-cluster", "the default");
        operator.wait_for_the_rollout();
        let pods = Canary::start(world);
        moves(operator);
        pods.assert_none_lacked_its_secret();
    });
}

/// Types the commands of a section, the last block of them when the old Pods have ended.
#[track_caller]
fn move_to(operator: &Operator, from: &str, to: &str, section: &str) {
    operator.replace("my-cluster/kustomization.yaml", from, to);
    let blocks = cluster_blocks("certs/README.md", |found| found == section);
    let [rollout, last] = &blocks[blocks.len().saturating_sub(2)..] else { panic!("{section}: {blocks:?}") };
    let old = operator.processes();
    operator.run(rollout);
    // Of a Pod that no kubelet holds back nothing is left to be seen, while its process drains.
    let numbers: Vec<u32> = old.values().copied().collect();
    until("the old ones have ended", || {
        let running = operator.processes();
        let is_over = old.keys().all(|pod| !running.contains_key(pod)) && have_ended(&numbers);
        if is_over { Ok(()) } else { Err(format!("{old:?} {running:?}")) }
    });
    operator.run(last);
}

/// Two certificates, and no CA.
#[track_caller]
fn assert_the_replicas_trust_themselves_only(operator: &Operator, ca: &str) {
    let bundle = operator.bundle();
    assert!(!bundle.contains(ca), "{bundle}");
    assert!(bundle.matches("BEGIN CERTIFICATE").count() >= 2, "{bundle}");
}

fn ca(operator: &Operator, file: &str) -> String {
    fs::read_to_string(operator.path(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}
