//! Pods created by a real API server while everything that is planned happens to pullkey.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use serde_json::json;

use super::cases;
use super::certificates::{Certificates, write};
use super::client::{Client, Totals};
use super::fleet::Fleet;
use super::support::cluster::{ADMIN_TOKEN, Cluster};
use super::support::installation::{Installation, for_an_operator};
use super::support::sandbox::ADDRESS;
use super::support::wait::until;
use super::table::{Table, count, milliseconds};
use super::world::{World, verdict};

/// Pods per second.
const RATE: u64 = 50;
/// Where they are created.
const NAMESPACE: &str = "rollout";
/// The pull secrets that the former configuration names, and the new one.
const SECRETS: [&str; 2] = ["registrysecret", "another"];
/// How long a change has to reach everybody before the next one.
const PAUSE: Duration = Duration::from_secs(1);

/// The trial.
pub(crate) fn pods_are_created_whatever_is_rolled_out(world: &World) -> Result<(), String> {
    let site = Site::install(world);
    let mut fleet = site.fleet();
    let form = world.form;
    let mut rows = Vec::new();

    for &delay in form.pod_delays {
        fleet.balancer.set_delay(Duration::from_secs(delay));
        rows.push(site.pods_while(
            &format!("{} rolling restarts, endpoints lag {delay} s", form.pod_rolls),
            &SECRETS[..1],
            || {
                for _ in 0..form.pod_rolls {
                    fleet.roll();
                }
                site.settle(&mut fleet);
            },
        ));
    }
    fleet.balancer.set_delay(PAUSE);
    rows.push(site.pods_while(
        &format!("{} renewals, new connections after each", form.renewals),
        &SECRETS[..1],
        || {
            for renewal in 0..form.renewals {
                site.renew(renewal);
            }
        },
    ));
    rows.push(site.pods_while("another configuration is rolled out", &SECRETS, || {
        fleet.arguments = site.arguments("new.yaml");
        fleet.roll();
        site.settle(&mut fleet);
    }));
    rows.push(site.pods_while("a wrong configuration stalls", &SECRETS, || {
        fleet.arguments = site.arguments("wrong.yaml");
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
    rows.push(site.pods_while("afterwards", &SECRETS[1..], || thread::sleep(PAUSE)));

    let mut table = Table::new(
        &format!("Pods created through kube-apiserver, {RATE} per second"),
        &["meanwhile", "Pods", "failed", "unpatched", "p50", "p99", "max"],
    );
    for (what, totals) in &rows {
        table.push([
            what.clone(),
            count(totals.sent),
            totals.kinds(),
            count(totals.wrong),
            milliseconds(totals.p50_ms),
            milliseconds(totals.p99_ms),
            milliseconds(totals.max_ms),
        ]);
    }
    world.show(table);
    verdict(rows.iter().map(|(what, totals)| totals.all_right(what)))
}

/// A cluster with pullkey's registration, and the files that replicas need.
struct Site {
    cluster: Cluster,
    installation: Installation,
    folder: PathBuf,
    /// Whether each change is waited for before the next.
    is_patient: bool,
}

impl Site {
    fn install(world: &World) -> Self {
        let cluster = Cluster::start(&world.inside);
        let installation = Installation::apply(&cluster);
        let folder = world.folder("pods");
        let labels = json!({"pullkey.dev/inject": "enabled"});
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}});
        let account = json!({
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": "default", "namespace": NAMESPACE},
        });
        let list = json!({"apiVersion": "v1", "kind": "List", "items": [namespace, account]});
        cluster.kubectl.run_with_input(&["apply", "--server-side", "-f", "-"], &list.to_string());
        for (name, secret) in ["former.yaml", "new.yaml"].into_iter().zip(SECRETS) {
            write(&folder.join(name), &cases::configuration_with(secret));
        }
        write(&folder.join("wrong.yaml"), &cases::configuration_with("Not a name"));
        // Trusted beside the real one every other time, so that the bundle is another.
        Certificates::make(&folder);
        Self { cluster, installation, folder, is_patient: world.form.pod_delays.len() > 1 }
    }

    /// Two replicas where the registration leads.
    fn fleet(&self) -> Fleet {
        let listen = format!("{ADDRESS}:8443").parse().expect("it is an address");
        let fleet = Fleet::start(&self.folder, listen, PAUSE, self.arguments("former.yaml"), Vec::new());
        // The API server may not have seen the registration or the endpoint yet.
        until("a Pod passes through pullkey", || {
            let arguments = ["run", "first", "-n", NAMESPACE, "--image=registry.example.com/first"];
            let printed = [&arguments[..], &["--dry-run=server", "-o", "json"]].concat();
            let pod = self.cluster.kubectl.attempt(&printed, "")?;
            if pod.contains(SECRETS[0]) { Ok(()) } else { Err(pod) }
        });
        fleet
    }

    /// The arguments of a replica with this configuration.
    fn arguments(&self, configuration: &str) -> Vec<String> {
        let certificates = self.installation.manifests("overlays/files");
        vec![
            format!("--config={}", self.folder.join(configuration).display()),
            format!("--tls-cert={certificates}/tls.crt"),
            format!("--tls-key={certificates}/tls.key"),
            "--poll-interval=200ms".to_owned(),
        ]
    }

    /// Signs a new certificate, and has the API server make new connections once it is served.
    fn renew(&self, renewal: u32) {
        self.script("make-certs", &["--renew"]);
        thread::sleep(PAUSE);
        let own = self.installation.manifests("../certs/ca.crt");
        let other = self.folder.join("ca.crt").display().to_string();
        let trusted: &[&str] = if renewal.is_multiple_of(2) { &[&own, &other] } else { &[&own] };
        self.script("set-ca", trusted);
        thread::sleep(PAUSE);
    }

    fn script(&self, name: &str, arguments: &[&str]) {
        let path = self.installation.manifests(&format!("../certs/{name}"));
        let output = for_an_operator(Path::new(&path), &self.cluster).args(arguments).output();
        let output = output.unwrap_or_else(|error| panic!("{path}: {error}"));
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// In the long form, waits until nothing is left of what was before.
    fn settle(&self, fleet: &mut Fleet) {
        if self.is_patient {
            fleet.drained();
        }
    }

    /// Creates Pods from before something begins until it has ended; each must get one of these pull secrets.
    fn pods_while(&self, what: &str, secrets: &[&str], act: impl FnOnce()) -> (String, Totals) {
        let cases = self.folder.join("pods.json");
        write(&cases, &cases::pods(secrets).to_string());
        let client = Client::start(&[
            "pods".to_owned(),
            "--address=127.0.0.1:6443".to_owned(),
            format!("--ca={}", self.cluster.folder.join("api-server/apiserver.crt").display()),
            format!("--cases={}", cases.display()),
            format!("--token={ADMIN_TOKEN}"),
            format!("--namespace={NAMESPACE}"),
            format!("--rate={RATE}"),
        ]);
        act();
        (what.to_owned(), client.finish())
    }
}
