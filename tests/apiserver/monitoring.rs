//! What the alerts read of a real API server.

use std::collections::BTreeSet;
use std::fs;

use crate::manifests::overlay_with_component;
use crate::pods::pod;
use crate::support::wait::until;
use crate::world::{World, repository};

/// One of each: an answer, a call that fails, and one that fails and lets the Pod through.
pub(crate) fn the_api_server_counts_what_the_alerts_read(world: &World) {
    let kubectl = &world.cluster.kubectl;
    let pair = world.namespaces("counted");
    let manifest = pod("app", &["registry.example.com/app"]).to_string();
    let create = ["create", "-n", &pair.opted_in, "--dry-run=server", "-f", "-"];
    world.serve();
    kubectl.run_with_input(&create, &manifest);
    world.pullkey.crash();
    kubectl.refused(&create, &manifest);
    kubectl.run(&["apply", "-k", &overlay_with_component(world, "fail-open")]);
    until("the API server lets Pods through", || kubectl.attempt(&create, &manifest));
    kubectl.run(&["apply", "-k", &world.pullkey.manifests("overlays/files")]);
    until("the API server refuses Pods again", || match kubectl.attempt(&create, &manifest) {
        Ok(_) => Err("a Pod was let through".to_owned()),
        Err(message) => Ok(message),
    });

    let counted = kubectl.run(&["get", "--raw", "/metrics"]);
    let ours: Vec<&str> =
        counted.lines().filter(|line| line.contains("name=\"inject.pullkey.dev\"")).collect();
    let rules = fs::read_to_string(repository("deploy/monitoring/alerts.yaml")).expect("there are rules");
    let read: BTreeSet<&str> = rules
        .split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'))
        .filter(|word| {
            word.starts_with("apiserver_") && *word != "apiserver_internal_error" && !word.ends_with('_')
        })
        .collect();
    assert!(read.len() >= 3, "{read:?}");
    for name in read {
        let is_there = ours.iter().any(|line| line.split('{').next() == Some(name));
        assert!(is_there, "{name} is not among\n{}", ours.join("\n"));
    }
    let refusal = |line: &&&str| {
        line.starts_with("apiserver_admission_webhook_rejection_count{")
            && line.contains("error_type=\"calling_webhook_error\"")
            && line.contains("operation=\"CREATE\"")
            && line.contains("rejection_code=\"")
            && line.contains("type=\"admit\"")
    };
    assert!(ours.iter().any(|line| refusal(&line)), "{}", ours.join("\n"));
}
