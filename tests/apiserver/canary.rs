//! Pods that are created all the time while something else goes on, and what the next one could meet.

use std::io;
use std::net::TcpStream;
use std::sync::mpsc::{Sender, TryRecvError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConnection, RootCertStore};
use serde_json::Value;

use crate::pods::{pod, pull_secrets};
use crate::support::installation::NAMESPACE;
use crate::support::kubectl::Kubectl;
use crate::support::wait::until;
use crate::trusting::trusting;
use crate::world::World;

/// What pullkey adds to the Pod below, with every configuration that these trials use.
const SECRET: &str = "registrysecret";

/// The pull secrets that a Pod got, or why it was refused.
type Outcome = Result<Vec<String>, String>;

/// The Pods of a namespace that opted in, one after another, until it is dropped. None is stored.
#[derive(Debug)]
pub(crate) struct Canary {
    outcomes: Arc<Mutex<Vec<Outcome>>>,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Canary {
    /// Waits until a Pod gets its secret, and goes on from there.
    pub(crate) fn start(world: &World) -> Self {
        let kubectl = world.cluster.kubectl.clone();
        until("a Pod gets its secret", || match create(&kubectl) {
            Ok(names) if names == [SECRET] => Ok(()),
            other => Err(format!("{other:?}")),
        });
        let (stop, stopped) = channel();
        let outcomes = Arc::<Mutex<Vec<Outcome>>>::default();
        let thread = thread::spawn({
            let outcomes = Arc::clone(&outcomes);
            move || {
                while stopped.try_recv() == Err(TryRecvError::Empty) {
                    let outcome = all_replicas_are_trusted(&kubectl).and_then(|()| create(&kubectl));
                    outcomes.lock().unwrap_or_else(PoisonError::into_inner).push(outcome);
                }
            }
        });
        Self { outcomes, stop: Some(stop), thread: Some(thread) }
    }

    /// Returns when one more Pod, sent after this call, has been created; the former ones, too, must have been.
    #[track_caller]
    pub(crate) fn assert_none_was_refused(&self) {
        self.assert_all("was refused", |_| true);
    }

    /// The same, and each Pod must have got its secret.
    #[track_caller]
    pub(crate) fn assert_none_lacked_its_secret(&self) {
        self.assert_all("was refused, or lacks its secret", |names| names == [SECRET]);
    }

    #[track_caller]
    fn assert_all(&self, otherwise: &str, holds: impl Fn(&[String]) -> bool) {
        let count = || self.outcomes.lock().unwrap_or_else(PoisonError::into_inner).len();
        // The next one may be on its way already.
        let enough = count() + 2;
        until("more Pods are created", || if count() < enough { Err(count().to_string()) } else { Ok(()) });
        for outcome in self.outcomes.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            assert!(outcome.as_ref().is_ok_and(|names| holds(names)), "a Pod {otherwise}: {outcome:?}");
        }
    }
}

impl Drop for Canary {
    fn drop(&mut self) {
        drop(self.stop.take());
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn create(kubectl: &Kubectl) -> Outcome {
    let pod = pod("canary", &["registry.example.com/canary"]).to_string();
    let arguments = ["create", "-n", "canary", "--dry-run=server", "-o", "json", "-f", "-"];
    let stored = kubectl.attempt(&arguments, &pod)?;
    let stored: Value = serde_json::from_str(&stored).map_err(|error| error.to_string())?;
    Ok(pull_secrets(&stored).into_iter().map(str::to_owned).collect())
}

/// Asks every replica that the API server may be led to for its certificate.
///
/// The Pods alone would not tell: the API server keeps the connection that it has, as long as its replica runs.
fn all_replicas_are_trusted(kubectl: &Kubectl) -> Result<(), String> {
    let slices = ["get", "endpointslices", "-n", NAMESPACE, "-o"];
    let path = "jsonpath={range .items[*]}{.endpoints[0].addresses[0]}:{.ports[0].port}{\"\\n\"}{end}";
    let before = bundle(kubectl)?;
    let addresses = kubectl.attempt(&[&slices[..], &[path]].concat(), "")?;
    let refusals: Vec<String> =
        addresses.lines().filter_map(|address| refusal(address, &before).err()).collect();
    // What was trusted while the replicas were looked up is known only when nothing has changed; and one that lets
    // nobody in any more is no replica that the API server meets.
    if refusals.is_empty() || before.is_empty() || bundle(kubectl)? != before {
        return Ok(());
    }
    Err(format!("a replica is not trusted: {}", refusals.join(", ")))
}

/// The certificates that the API server trusts; nothing when there is no registration.
fn bundle(kubectl: &Kubectl) -> Result<Vec<u8>, String> {
    let path = "jsonpath={.webhooks[0].clientConfig.caBundle}";
    let arguments = ["get", "mutatingwebhookconfiguration", "pullkey", "--ignore-not-found", "-o", path];
    STANDARD.decode(kubectl.attempt(&arguments, "")?).map_err(|error| error.to_string())
}

/// Why a client that trusts this bundle does not accept the certificate at this address.
fn refusal(address: &str, bundle: &[u8]) -> Result<(), String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(CertificateDer::pem_slice_iter(bundle).filter_map(Result::ok));
    let config = trusting(roots);
    let name = ServerName::try_from(format!("pullkey.{NAMESPACE}.svc")).map_err(|error| error.to_string())?;
    let mut tls = ClientConnection::new(Arc::new(config), name).map_err(|error| error.to_string())?;
    let Ok(mut tcp) = TcpStream::connect(address) else { return Ok(()) };
    match tls.complete_io(&mut tcp) {
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(format!("{address}: {error}")),
        _ => Ok(()),
    }
}
