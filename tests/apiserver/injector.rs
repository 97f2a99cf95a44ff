//! What stands in for cert-manager, which is not there: it issues, and its CA injector writes the bundle.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::elsewhere::REGISTRATIONS;
use crate::operator::Operator;
use crate::support::api::Api;
use crate::support::installation::NAMESPACE;
use crate::world::World;

const ANNOTATION: &str = "cert-manager.io/inject-ca-from";

/// Writes the CA into the registration whenever the annotation asks for it, until it is dropped.
#[derive(Debug)]
pub(crate) struct Injector {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Stores a pair in the Secret that the Certificate names, with the CA that signed it.
#[track_caller]
pub(crate) fn issue(operator: &Operator) {
    operator.run_text(
        &format!(
            "certs/make-certs --out issued --ca-out issued\n\
             kubectl -n {NAMESPACE} create secret generic pullkey-tls --type=kubernetes.io/tls \
             --from-file=issued/tls.crt --from-file=issued/tls.key --from-file=issued/ca.crt"
        ),
        "the first certificate",
    );
}

impl Injector {
    /// Begins with the CA that was issued.
    pub(crate) fn start(world: &World, operator: &Operator) -> Self {
        let api = Api::new(&world.cluster.kubectl.kubeconfig);
        let ca = fs::read(operator.path("issued/ca.crt")).expect("the CA can be read");
        let ca = STANDARD.encode(ca);
        let path = format!("{REGISTRATIONS}/pullkey");
        let inject = move || {
            let registration = api.get(&path)?;
            let is_asked = registration["metadata"]["annotations"].get(ANNOTATION).is_some();
            if is_asked && registration["webhooks"][0]["clientConfig"]["caBundle"] != ca {
                let bundle = json!([{"op": "add", "path": "/webhooks/0/clientConfig/caBundle", "value": ca}]);
                api.patch(&path, &bundle)?;
            }
            Ok::<_, String>(())
        };
        let stop = Arc::<AtomicBool>::default();
        let thread = thread::spawn({
            let stop = Arc::clone(&stop);
            move || {
                while !stop.load(Ordering::Relaxed) {
                    // Where the registration is not there, it is tried again.
                    let _ = inject();
                    thread::sleep(Duration::from_millis(100));
                }
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Injector {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
