//! Pods created by a real API server while everything that is planned happens to pullkey.

use std::thread;
use std::time::Duration;

use super::site::{PAUSE, Row, SECRETS, table};
use super::support::wait::until;
use super::world::{World, verdict};

/// The trial.
pub(crate) fn pods_are_created_whatever_is_rolled_out(world: &World) -> Result<(), String> {
    let (form, site) = (world.form, world.site());
    let mut fleet = site.fleet(site.with_files("former.yaml"), Vec::new());
    let mut rows = Vec::new();

    for &delay in form.pod_delays {
        fleet.balancer.set_delay(Duration::from_secs(delay));
        let what = format!("{} rolling restarts, endpoints lag {delay} s", form.pod_rolls);
        rows.push(site.pods_while(&what, &SECRETS[..1], || {
            for _ in 0..form.pod_rolls {
                fleet.roll();
            }
            if form.is_patient {
                fleet.drained();
            }
        }));
    }
    fleet.balancer.set_delay(PAUSE);
    let what = format!("{} renewals of the files, new connections after each", form.renewals);
    rows.push(site.pods_while(&what, &SECRETS[..1], || {
        for renewal in 0..form.renewals {
            site.renew(renewal);
        }
    }));
    rows.push(site.pods_while("another configuration is rolled out", &SECRETS, || {
        fleet.arguments = site.with_files("new.yaml");
        fleet.roll();
        if form.is_patient {
            fleet.drained();
        }
    }));
    rows.push(site.pods_while("a wrong configuration stalls its rollout", &SECRETS, || {
        fleet.arguments = site.with_files("wrong.yaml");
        // As often as a kubelet would have tried within the first seconds.
        for _ in 0..3 {
            let mut stalled = fleet.launch();
            let status = until("the replica refuses the configuration", || {
                stalled.ended().ok_or_else(|| stalled.last_lines())
            });
            assert!(!status.success(), "it ended with {status}");
            assert!(!fleet.balancer.leads_to(stalled.tls), "it was never ready");
        }
        fleet.drained();
    }));
    // Now nobody is left who knows the former configuration.
    rows.push(site.pods_while("afterwards", &SECRETS[1..], || thread::sleep(PAUSE)));

    world.show(table("Pods created through kube-apiserver, certificates in files", &rows));
    verdict(rows.iter().map(Row::all_right))
}
