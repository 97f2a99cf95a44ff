//! Certificates that look after themselves: what the default keeps up against everything around it.
//!
//! These trials share one installation beside that of the others, and each leaves it as it found it.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::beside::say;
use crate::elsewhere::Elsewhere;
use crate::steady::Steady;
use crate::support::signal::signal;
use crate::support::wait::until;
use crate::world::World;

const BUNDLE: &str = "/webhooks/0/clientConfig/caBundle";

pub(crate) fn a_changed_bundle_is_put_right(world: &'static World) {
    let pullkey = world.self_issued();
    let pods = Steady::start(pullkey);
    let other =
        rcgen::generate_simple_self_signed(["other.example.com".to_owned()]).expect("a certificate").cert;
    let ours = pullkey.bundle().expect("the bundle can be read");
    let first = ours.first().cloned().expect("it has certificates");
    let add = |text: &str| json!([{"op": "add", "path": BUNDLE, "value": STANDARD.encode(text)}]);
    say(format!(
        "{:<32} {:>12} {:>8} {:>8} {:>12}",
        "caBundle", "repaired ms", "Pods", "failed", "during ms"
    ));
    for (what, change) in [
        ("removed", json!([{"op": "remove", "path": BUNDLE}])),
        ("empty", add("")),
        ("text that is no certificate", add("rubbish")),
        ("another certificate", add(&other.pem())),
        (
            "rubbish behind the certificates",
            add(&format!("{}rubbish", ours.iter().cloned().collect::<String>())),
        ),
        ("one replica's only", add(&first)),
    ] {
        pullkey.wait(2);
        let from = Instant::now();
        pullkey.api.patch(&pullkey.path(), &change).expect("an administrator may");
        let repaired = until_trusted_again(pullkey, &ours.iter().cloned().collect::<Vec<_>>());
        pods.until_all_is_well();
        let tally = pods.since(from);
        let (cause, during) = (tally.cause(), tally.during.as_millis());
        say(format!(
            "{what:<32} {:>12} {:>8} {:>8} {during:>12}  {cause}",
            repaired.as_millis(),
            tally.sent,
            tally.failed,
        ));
        assert!(tally.during < Duration::from_secs(10), "{what}: {tally:?}");
    }
    // The certificate of somebody else is not ours to remove.
    let kept = pullkey.bundle().expect("the bundle can be read");
    assert!(kept.contains(&other.pem().replace("\r\n", "\n")) || kept.len() == 2, "{kept:?}");
    pullkey.wait(2);
    let from = Instant::now();
    pods.until_all_is_well();
    assert_eq!(pods.since(from).failed, 0);
}

/// How long it takes until these certificates stand in the bundle, and nothing that is none.
#[track_caller]
fn until_trusted_again(pullkey: &Elsewhere, certificates: &[String]) -> Duration {
    let from = Instant::now();
    until("the bundle is put right", || {
        let bundle = pullkey.bundle()?;
        let whole = |block: &String| block.starts_with("-----BEGIN CERTIFICATE-----");
        let right = certificates.iter().all(|block| bundle.contains(block)) && bundle.iter().all(whole);
        if right { Ok(()) } else { Err(format!("{bundle:?}")) }
    });
    from.elapsed()
}

pub(crate) fn applying_again_keeps_the_bundle(world: &'static World) {
    let pullkey = world.self_issued();
    pullkey.wait(2);
    let (bundle, settled) = (pullkey.bundle(), pullkey.settled());
    let (pods, from) = (Steady::start(pullkey), Instant::now());
    pullkey.apply();
    pods.until_all_is_well();
    let tally = pods.since(from);
    assert_eq!(tally.failed, 0, "{tally:?}");
    assert_eq!((pullkey.bundle(), pullkey.settled()), (bundle, settled));
}

pub(crate) fn a_killed_container_comes_back_with_its_certificate(world: &'static World) {
    let pullkey = world.self_issued();
    pullkey.wait(2);
    let bundle = pullkey.bundle();
    let killed = pullkey.kubelet.processes();
    assert_eq!(killed.len(), 2);
    for process in killed.values() {
        signal("KILL", *process);
    }
    until("both run again", || {
        let running = pullkey.kubelet.processes();
        let all_new = running.iter().all(|(pod, process)| killed.get(pod) != Some(process));
        if all_new { Ok(()) } else { Err(format!("{killed:?} {running:?}")) }
    });
    pullkey.wait(2);
    assert_eq!(pullkey.kubelet.processes().keys().collect::<Vec<_>>(), killed.keys().collect::<Vec<_>>());
    assert_eq!(pullkey.bundle(), bundle, "no other certificate was published");
    Steady::start(pullkey).until_all_is_well();
}

pub(crate) fn a_registration_that_goes_away_and_comes_back_is_published_to(world: &'static World) {
    let pullkey = world.self_issued();
    pullkey.wait(2);
    let (ours, replicas) = (pullkey.bundle().expect("a bundle"), pullkey.kubelet.processes());
    pullkey.kubectl(&["delete", "mutatingwebhookconfiguration", &pullkey.registration()]);
    until("they say so", || {
        let logs = pullkey.logs();
        let says = "there is no MutatingWebhookConfiguration of this name";
        if logs.matches(says).count() >= 2 { Ok(()) } else { Err(logs) }
    });
    let from = Instant::now();
    pullkey.apply();
    let published = until_trusted_again(pullkey, &ours.iter().cloned().collect::<Vec<_>>());
    drop(Steady::start(pullkey));
    say(format!(
        "made again: the certificates are there {} ms after kubectl has ended, the first Pod after {} ms",
        published.as_millis(),
        from.elapsed().as_millis()
    ));
    assert_eq!(pullkey.kubelet.processes(), replicas, "none was started again");

    let rename = |name: &str| json!([{"op": "replace", "path": "/webhooks/0/name", "value": name}]);
    pullkey.wait(2);
    pullkey.api.patch(&pullkey.path(), &rename("other.pullkey.dev")).expect("an administrator may");
    until("they say what is wrong with it", || {
        let logs = pullkey.logs();
        let says = "the registration has no webhook of the name inject.pullkey.dev";
        if logs.contains(says) { Ok(()) } else { Err(logs) }
    });
    pullkey.api.patch(&pullkey.path(), &rename("inject.pullkey.dev")).expect("an administrator may");
    pullkey.wait(2);
    Steady::start(pullkey).until_all_is_well();
}

pub(crate) fn a_missing_right_is_named(world: &'static World) {
    let pullkey = world.self_issued();
    pullkey.wait(2);
    let old = pullkey.pods().expect("the Pods can be listed");
    pullkey.kubectl(&["delete", "clusterrolebinding", &pullkey.registration()]);
    let first = old.first().expect("there are two");
    pullkey.kubectl(&["delete", "pod", first, "-n", &pullkey.name]);
    let new = until("a new Pod says which right is missing", || {
        let pods = pullkey.pods()?;
        let new = pods.difference(&old).next().ok_or("there is no new Pod")?;
        let log = pullkey.log(new)?;
        let says = "a right is missing: this account must be allowed to get \
                    mutatingwebhookconfigurations.admissionregistration.k8s.io";
        if log.contains(says) { Ok(new.clone()) } else { Err(log) }
    });
    assert!(!pullkey.kubelet.is_ready(&new), "it serves a certificate that nobody trusts");
    // The other one serves on.
    let pods = Steady::start(pullkey);
    pullkey.apply();
    pullkey.wait(2);
    pods.until_all_is_well();
}
