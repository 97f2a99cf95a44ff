//! What the API server notes about a call.

use std::fs;

use serde_json::Value;

use crate::pods::pod;
use crate::support::wait::until;
use crate::world::World;

pub(crate) fn the_audit_log_names_what_was_injected(world: &World) {
    world.serve();
    let pair = world.namespaces("audit");
    world.create(&pair.opted_in, &pod("injected", &["two.example.com/app", "registry.example.com/app"]));
    world.create(&pair.opted_in, &pod("unchanged", &["nginx"]));
    let injected = annotations(world, &pair.opted_in, "injected");
    assert_eq!(injected["inject.pullkey.dev/injected"], "registrysecret,first,second");
    let unchanged = annotations(world, &pair.opted_in, "unchanged");
    assert_eq!(unchanged.get("inject.pullkey.dev/injected"), None);
    // Its index counts the webhooks of all registrations, and trials that run beside this one make some.
    let notes = unchanged.as_object().into_iter().flatten();
    let mut calls =
        notes.filter(|(key, _)| key.starts_with("mutation.webhook.admission.k8s.io/round_0_index_"));
    let is_ours = |call: &str| call.contains("\"webhook\":\"inject.pullkey.dev\",\"mutated\":false");
    assert!(calls.any(|(_, call)| call.as_str().is_some_and(is_ours)), "{unchanged}");
}

/// The annotations of the request that created this Pod.
pub(crate) fn annotations(world: &World, namespace: &str, name: &str) -> Value {
    // The API server writes the line when it has answered.
    until("the audit log has the request", || {
        let log = fs::read_to_string(&world.cluster.audit_log).map_err(|error| error.to_string())?;
        let mut events = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let event = events.find(|event| {
            let object = &event["objectRef"];
            event["verb"] == "create" && object["namespace"] == namespace && object["name"] == name
        });
        event.map(|event| event["annotations"].clone()).ok_or_else(|| format!("not yet: {namespace}/{name}"))
    })
}
