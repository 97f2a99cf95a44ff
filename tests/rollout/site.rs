//! A real API server that asks the replicas about each Pod, and the client that creates them.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use serde_json::json;

use super::cases;
use super::certificates::{Certificates, HOST, write};
use super::client::{Client, Totals};
use super::fleet::Fleet;
use super::support::cluster::{ADMIN_TOKEN, Cluster};
use super::support::installation::{Installation, for_an_operator};
use super::support::sandbox::{ADDRESS, Inside};
use super::support::wait::until;
use super::table::{Table, count, milliseconds};

/// Pods per second.
const RATE: u64 = 50;
/// Where they are created.
const NAMESPACE: &str = "rollout";
/// The pull secrets that the former configuration names, and the new one.
pub(crate) const SECRETS: [&str; 2] = ["registrysecret", "another"];
/// How long a change of readiness takes to reach the Service, unless it is said otherwise, and a change of a file
/// the replicas.
pub(crate) const PAUSE: Duration = Duration::from_secs(1);

/// A cluster with pullkey's registration, and the files that replicas need.
#[derive(Debug)]
pub(crate) struct Site {
    cluster: Cluster,
    installation: Installation,
    folder: PathBuf,
}

/// What became of the Pods while something went on.
#[derive(Debug)]
pub(crate) struct Row {
    meanwhile: String,
    totals: Totals,
}

impl Site {
    /// Starts the cluster and installs pullkey, with the files in this folder.
    pub(crate) fn install(inside: &Inside, folder: PathBuf) -> Self {
        let cluster = Cluster::start(inside);
        let installation = Installation::apply(&cluster);
        let labels = json!({"pullkey.dev/inject": "enabled"});
        let namespace = json!({
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": NAMESPACE, "labels": labels},
        });
        let account = json!({
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": "default", "namespace": NAMESPACE},
        });
        let list = json!({"apiVersion": "v1", "kind": "List", "items": [namespace, account]});
        // Applied, because a controller may be faster with the account.
        cluster.kubectl.run_with_input(&["apply", "--server-side", "-f", "-"], &list.to_string());
        for (name, secret) in ["former.yaml", "new.yaml"].into_iter().zip(SECRETS) {
            write(&folder.join(name), &cases::configuration_with(secret));
        }
        write(&folder.join("wrong.yaml"), &cases::configuration_with("Not a name"));
        // An authority that is trusted beside the real one every other time, so that the bundle changes.
        Certificates::make(&folder);
        Self { cluster, installation, folder }
    }

    /// Two replicas where the registration leads.
    pub(crate) fn fleet(&self, arguments: Vec<String>, environment: Vec<(String, String)>) -> Fleet {
        let listen = format!("{ADDRESS}:8443").parse().expect("it is an address");
        let fleet = Fleet::start(&self.folder, listen, PAUSE, arguments, environment);
        // The API server may not have seen the registration or the endpoint yet.
        until("a Pod passes through pullkey", || {
            let arguments = ["run", "first", "-n", NAMESPACE, "--image=registry.example.com/first"];
            let printed = [&arguments[..], &["--dry-run=server", "-o", "json"]].concat();
            let pod = self.cluster.kubectl.attempt(&printed, "")?;
            if pod.contains(SECRETS[0]) { Ok(()) } else { Err(pod) }
        });
        fleet
    }

    /// The arguments of a replica with this configuration and the installation's certificate files.
    pub(crate) fn with_files(&self, configuration: &str) -> Vec<String> {
        let certificates = self.installation.manifests("overlays/files");
        vec![
            format!("--config={}", self.folder.join(configuration).display()),
            format!("--tls-cert={certificates}/tls.crt"),
            format!("--tls-key={certificates}/tls.key"),
            "--poll-interval=200ms".to_owned(),
        ]
    }

    /// What a replica is started with that issues certificates of this life and publishes them.
    pub(crate) fn with_registration(
        &self,
        configuration: &str,
        life: Duration,
    ) -> (Vec<String>, Vec<(String, String)>) {
        let arguments = vec![
            format!("--config={}", self.folder.join(configuration).display()),
            "--registration=pullkey".to_owned(),
            format!("--dns-name={HOST}"),
            format!("--certificate-life={}s", life.as_secs()),
        ];
        let kubeconfig = self.cluster.kubectl.kubeconfig.display().to_string();
        (arguments, vec![("KUBECONFIG".to_owned(), kubeconfig)])
    }

    /// Signs a new certificate, and has the API server make new connections once it is served.
    pub(crate) fn renew(&self, renewal: u32) {
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

    /// Creates Pods from before something begins until it has ended; each must get one of these pull secrets.
    pub(crate) fn pods_while(&self, meanwhile: &str, secrets: &[&str], act: impl FnOnce()) -> Row {
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
        let totals = client.finish();
        eprintln!(
            "\n{meanwhile}: {} Pods, failed {}, unpatched {}",
            totals.sent,
            totals.kinds(),
            totals.wrong
        );
        Row { meanwhile: meanwhile.to_owned(), totals }
    }
}

impl Row {
    /// Fails unless each Pod was created with the pull secret.
    pub(crate) fn all_right(&self) -> Result<(), String> {
        self.totals.all_right(&self.meanwhile)
    }
}

/// All rows as a table.
pub(crate) fn table(title: &str, rows: &[Row]) -> Table {
    let title = format!("{title}, {RATE} per second");
    let mut table =
        Table::new(&title, &["meanwhile", "Pods", "rate", "failed", "unpatched", "p50", "p99", "max"]);
    for Row { meanwhile, totals } in rows {
        table.push(&[
            meanwhile.clone(),
            count(totals.sent),
            totals.rate(),
            totals.kinds(),
            count(totals.wrong),
            milliseconds(totals.p50_ms),
            milliseconds(totals.p99_ms),
            milliseconds(totals.max_ms),
        ]);
    }
    table
}
