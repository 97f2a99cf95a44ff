//! Pods created by a real API server while the replicas renew certificates of a few seconds' life by themselves.
//!
//! Each renewal changes `caBundle`, after which the API server leaves its connections and makes new ones.

use std::thread;
use std::time::Duration;

use super::site::{Row, SECRETS, table};
use super::world::{World, verdict};

/// Renewed at two thirds of it.
const LIFE: Duration = Duration::from_secs(30);

/// The trial.
pub(crate) fn certificates_renew_themselves_without_a_lost_pod(world: &World) -> Result<(), String> {
    let (form, site) = (world.form, world.site());
    let (arguments, environment) = site.with_registration("former.yaml", LIFE);
    let mut fleet = site.fleet(arguments, environment);
    let mut rows = Vec::new();

    let what = format!("renewals for {} s", form.steady.as_secs());
    rows.push(site.pods_while(&what, &SECRETS[..1], || thread::sleep(form.steady)));
    for &delay in form.pod_delays {
        fleet.balancer.set_delay(Duration::from_secs(delay));
        let what = format!("renewals and {} rolling restarts, endpoints lag {delay} s", form.pod_rolls);
        rows.push(site.pods_while(&what, &SECRETS[..1], || {
            for _ in 0..form.pod_rolls {
                fleet.roll();
            }
            fleet.drained();
        }));
    }

    let title =
        format!("Pods created through kube-apiserver, self-issued certificates of {} s", LIFE.as_secs());
    world.show(table(&title, &rows));
    verdict(rows.iter().map(Row::all_right))
}
