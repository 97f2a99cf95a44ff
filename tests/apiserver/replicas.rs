//! Replicas that renew their certificates all the time, and many that start at once.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use crate::beside::say;
use crate::elsewhere::Elsewhere;
use crate::steady::Steady;
use crate::support::process::{Daemon, sealed};
use crate::support::wait::until;
use crate::world::World;

/// Each replica serves at least so many certificates while Pods are created.
const CERTIFICATES: usize = 3;

pub(crate) fn renewals_keep_no_pod_out(world: &'static World) {
    // Renewed every ten seconds.
    let pullkey = Elsewhere::install(world, "renewing", 2, &["--certificate-life=15s"]);
    pullkey.wait(2);
    let (pods, from) = (Steady::start(&pullkey), Instant::now());
    let mut seen = BTreeSet::new();
    until("each replica has served some certificates", || {
        seen.extend(pullkey.bundle()?);
        let logs = pullkey.logs();
        let served = logs.matches("serving the certificate").count();
        if served >= 2 * CERTIFICATES { Ok(()) } else { Err(format!("{served}\n{logs}")) }
    });
    pods.until_all_is_well();
    let tally = pods.since(from);
    say(format!("{} certificates, {} Pods, {} failed", seen.len(), tally.sent, tally.failed));
    assert_eq!(tally.failed, 0, "{tally:?}");
    assert!(seen.len() >= 2 * CERTIFICATES, "{}", seen.len());
    // One that ended is taken out a day later, but one's own former ones at the next write.
    let bundle = pullkey.bundle().expect("a bundle");
    assert!(bundle.len() <= 6, "{} certificates", bundle.len());
    pullkey.remove();
}

pub(crate) fn twenty_replicas_at_one_instant_converge(world: &'static World) {
    let pullkey = Elsewhere::install(world, "twenty", 20, &[]);
    let mut watch = sealed(&world.cluster.kubectl.program, &world.cluster.folder);
    watch.arg("--kubeconfig").arg(&world.cluster.kubectl.kubeconfig);
    watch.args(["get", "mutatingwebhookconfigurations", "--watch", "-o"]);
    watch.arg("jsonpath={.metadata.name} {.metadata.resourceVersion}{\"\\n\"}");
    let watch = Daemon::start("watch-twenty", &world.cluster.folder, &mut watch);
    until("all run", || {
        let count = pullkey.kubelet.processes().len();
        if count == 20 { Ok(()) } else { Err(format!("{count}: {}", pullkey.kubelet.trouble())) }
    });
    let from = Instant::now();
    until("all are in the bundle", || {
        let count = pullkey.bundle()?.len();
        if count == 20 { Ok(()) } else { Err(count.to_string()) }
    });
    let all_trusted = from.elapsed();
    pullkey.wait(20);
    let all_ready = from.elapsed();
    let versions = || {
        let text = watch.written();
        let name = pullkey.registration();
        text.lines().filter(|line| line.starts_with(&name)).collect::<BTreeSet<_>>().len()
    };
    let writes = versions();
    say(format!(
        "20 replicas: all in the bundle {} ms after the last was started, all ready and the endpoints there after {} ms; {writes} states of the object",
        all_trusted.as_millis(),
        all_ready.as_millis()
    ));
    assert_eq!(pullkey.bundle().expect("a bundle").len(), 20);
    // Each adds itself once, and some may touch it.
    assert!(writes <= 80, "{writes}");
    // Then there is nothing to write any more.
    thread::sleep(Duration::from_secs(3));
    assert_eq!(versions(), writes, "somebody goes on writing");
    Steady::start(&pullkey).until_all_is_well();
    pullkey.remove();
}
