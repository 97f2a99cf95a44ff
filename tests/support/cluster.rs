//! A cluster without nodes: etcd, an API server and a few controllers, ready in about three seconds.

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};

use rcgen::KeyPair;

use super::kubectl::Kubectl;
use super::process::{Daemon, sealed};
use super::sandbox::{ADDRESS, Inside};
use super::wait::until;

/// The controllers that run.
///
/// Only what makes Pods from Deployments, what fills the status of a `ResourceQuota`, without which the API server
/// refuses the Pods that the quota counts, what gives a new namespace its `ServiceAccount` and the CA of the API
/// server, what empties a namespace that is deleted, and what checks the types in a policy. The `EndpointSlice` controller must not run: there is no node, so no Pod of pullkey is ever ready and it
/// would take our endpoint out.
const CONTROLLERS: &str = "deployment-controller,replicaset-controller,resourcequota-controller,\
                           namespace-controller,serviceaccount-controller,\
                           root-ca-certificate-publisher-controller,\
                           validatingadmissionpolicy-status-controller";

/// A node, where there is one, and the token of its kubelet.
pub(crate) const NODE: &str = "node1";
pub(crate) const NODE_TOKEN: &str = "kubelet";

/// Where the API server listens, also for the processes of Pods.
pub(crate) const HOST: &str = "127.0.0.1";
pub(crate) const PORT: u16 = 6443;

pub(crate) const ADMIN_TOKEN: &str = "administrator";

/// The running programs, and kubectl to speak with them.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) folder: PathBuf,
    pub(crate) kubectl: Kubectl,
    pub(crate) has_controllers: bool,
    /// One JSON document a line for each request that concerns a Pod.
    pub(crate) audit_log: PathBuf,
    #[expect(dead_code, reason = "holding them is what keeps the programs running")]
    daemons: Vec<Daemon>,
}

impl Cluster {
    /// Starts everything and returns when the API server is ready.
    pub(crate) fn start(inside: &Inside) -> Self {
        Self::start_with(inside, CONTROLLERS)
    }

    /// The same with these controllers.
    pub(crate) fn start_with(inside: &Inside, controllers: &str) -> Self {
        let folder = inside.folder.clone();
        let files = Files::write(&folder);
        let programs = &inside.programs;

        let mut etcd = sealed(&programs.path("etcd"), &folder);
        etcd.arg("--data-dir").arg(folder.join("etcd"));
        // The data need not survive the machine.
        etcd.arg("--unsafe-no-fsync");
        let mut daemons = vec![Daemon::start("etcd", &folder, &mut etcd)];

        // The API server needs etcd only when it answers, but one that starts first logs a page of warnings.
        until("etcd listens", || {
            daemons[0].assert_running();
            TcpStream::connect("127.0.0.1:2379").map_err(|error| error.to_string())
        });

        let mut api_server = sealed(&programs.path("kube-apiserver"), &folder);
        files.configure_api_server(&mut api_server);
        daemons.push(Daemon::start("kube-apiserver", &folder, &mut api_server));

        let kubectl = Kubectl::new(programs, folder.clone(), files.kubeconfig.clone());
        until("the API server is ready", || {
            daemons[1].assert_running();
            TcpStream::connect("127.0.0.1:6443").map_err(|error| error.to_string())?;
            kubectl.attempt(&["get", "--raw=/readyz"], "")
        });

        let manager = programs.optional("kube-controller-manager");
        if let Some(manager) = &manager {
            let mut manager = sealed(manager, &folder);
            manager.arg("--kubeconfig").arg(&files.kubeconfig);
            manager.arg(format!("--controllers={controllers}"));
            manager.args(["--bind-address=127.0.0.1", "--leader-elect=false"]);
            manager.arg("--root-ca-file").arg(files.api_server_ca());
            // Its default is a folder of the machine.
            manager.arg("--flex-volume-plugin-dir").arg(folder.join("volume-plugins"));
            daemons.push(Daemon::start("kube-controller-manager", &folder, &mut manager));
        }
        Self { has_controllers: manager.is_some(), kubectl, audit_log: files.audit_log, folder, daemons }
    }
}

/// The files that the programs read.
struct Files {
    certificates: PathBuf,
    tokens: PathBuf,
    account_key: PathBuf,
    account_public_key: PathBuf,
    audit_policy: PathBuf,
    audit_log: PathBuf,
    kubeconfig: PathBuf,
}

impl Files {
    fn write(folder: &Path) -> Self {
        let files = Self {
            certificates: folder.join("api-server"),
            tokens: folder.join("tokens.csv"),
            account_key: folder.join("service-accounts.key"),
            account_public_key: folder.join("service-accounts.pub"),
            audit_policy: folder.join("audit-policy.yaml"),
            audit_log: folder.join("audit.log"),
            kubeconfig: folder.join("kubeconfig"),
        };
        let key = KeyPair::generate().expect("a key can be made");
        write(&files.account_key, &key.serialize_pem());
        write(&files.account_public_key, &key.public_key_pem());
        write(
            &files.tokens,
            &format!(
                "{ADMIN_TOKEN},administrator,administrator,system:masters\n\
                 {NODE_TOKEN},system:node:{NODE},{NODE},system:nodes\n"
            ),
        );
        write(
            &files.audit_policy,
            "apiVersion: audit.k8s.io/v1\n\
             kind: Policy\n\
             omitStages: [RequestReceived, ResponseStarted]\n\
             rules:\n\
             - {level: Metadata, verbs: [create, update, patch], resources: [{group: '', resources: [pods, pods/*]}]}\n\
             - {level: None}\n",
        );
        write(
            &files.kubeconfig,
            &format!(
                "apiVersion: v1\n\
                 kind: Config\n\
                 current-context: test\n\
                 contexts: [{{name: test, context: {{cluster: test, user: administrator}}}}]\n\
                 users: [{{name: administrator, user: {{token: {ADMIN_TOKEN}}}}}]\n\
                 clusters: [{{name: test, cluster: {{server: 'https://127.0.0.1:6443', \
                 certificate-authority: '{}'}}}}]\n",
                files.api_server_ca().display(),
            ),
        );
        files
    }

    /// The API server signs a certificate for itself and puts the CA behind it in the same file.
    fn api_server_ca(&self) -> PathBuf {
        self.certificates.join("apiserver.crt")
    }

    fn configure_api_server(&self, command: &mut std::process::Command) {
        command.args([
            "--etcd-servers=http://127.0.0.1:2379",
            "--bind-address=127.0.0.1",
            "--secure-port=6443",
        ]);
        command.arg(format!("--advertise-address={ADDRESS}"));
        command.args(["--service-cluster-ip-range=10.96.0.0/16", "--authorization-mode=Node,RBAC"]);
        // No kube-proxy makes cluster addresses work here; with this the API server looks up the endpoints of the
        // webhook's Service itself, so the registration needs no change.
        command.arg("--enable-aggregator-routing=true");
        command.arg("--service-account-issuer=https://kubernetes.default.svc");
        for (flag, path) in [
            ("--cert-dir", &self.certificates),
            ("--token-auth-file", &self.tokens),
            ("--service-account-signing-key-file", &self.account_key),
            ("--service-account-key-file", &self.account_public_key),
            ("--audit-policy-file", &self.audit_policy),
            ("--audit-log-path", &self.audit_log),
        ] {
            command.arg(flag).arg(path);
        }
    }
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
