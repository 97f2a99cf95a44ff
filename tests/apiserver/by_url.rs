//! The registration of a pullkey that runs outside the cluster.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::pods::{pod, pull_secrets};
use crate::support::installation::readiness;
use crate::support::process::{Daemon, sealed};
use crate::support::program;
use crate::support::wait::until;
use crate::world::{World, repository};

const NAME: &str = "by-url";
const ADMIN_ADDRESS: &str = "127.0.0.1:9080";

/// By a URL on localhost, the one case in which the API server offers HTTP/2.
pub(crate) fn a_registration_with_a_url_works(world: &World) {
    let folder = world.cluster.folder.join(NAME);
    fs::create_dir_all(&folder).expect("a folder can be made");
    let trusted = folder.join("ca.pem");
    let mut command = sealed(&program::under_test(), &folder);
    command.arg("serve").arg("--config").arg(repository("tests/apiserver/config.yaml"));
    command.args(["--listen=127.0.0.1:9443", "--dns-name=localhost"]).arg("--ca-out").arg(&trusted);
    command.arg(format!("--admin-listen={ADMIN_ADDRESS}"));
    let mut daemon = Daemon::start("pullkey", &folder, &mut command);
    until("pullkey is ready", || {
        daemon.assert_running();
        readiness(ADMIN_ADDRESS)
    });

    let printed = sealed(&program::under_test(), &folder)
        .args(["registration", "-o", "json", "--name", NAME, "--url", "https://localhost:9443"])
        .output()
        .expect("pullkey starts");
    let mut registration: Value = serde_json::from_slice(&printed.stdout).expect("it prints JSON");
    let webhook = &mut registration["webhooks"][0];
    // Beside the installation that the other trials share, only a namespace of its own opts in to it.
    webhook["namespaceSelector"]["matchExpressions"][0]["values"] = json!([NAME]);
    webhook["clientConfig"]["caBundle"] = STANDARD.encode(fs::read(&trusted).expect("it is there")).into();
    let kubectl = &world.cluster.kubectl;
    kubectl.run_with_input(&["create", "-f", "-"], &registration.to_string());
    world.make_namespaces(&[(NAME, json!({"pullkey.dev/inject": NAME}))]);

    let create = ["create", "-n", NAME, "--dry-run=server", "-o", "json", "-f", "-"];
    let manifest = pod("app", &["registry.example.com/app"]).to_string();
    until("the API server calls the URL", || {
        let stored: Value = serde_json::from_str(&kubectl.attempt(&create, &manifest)?).expect("it is JSON");
        if pull_secrets(&stored) == ["registrysecret"] {
            Ok(())
        } else {
            Err("no secret was added".to_owned())
        }
    });
    kubectl.run(&["delete", "mutatingwebhookconfiguration", NAME]);
}
