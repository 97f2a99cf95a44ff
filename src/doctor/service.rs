//! The Service behind the registration, and where it leads.

use serde_json::{Value, json};

use super::finding::{Check, Finding};
use super::home::{APPLY, Home, is_alive, is_ready};
use super::installation::Installation;
use super::program::{self, Program};
use super::seen::Seen;
use super::selector::selects;

/// The port of a registration that names none.
const PORT: u64 = 443;
/// How many Pods of others are named.
const NAMED_MAX: usize = 5;

pub(super) fn examine(installation: &Installation, home: &Home) -> Vec<Finding> {
    let object = home.service_object();
    match &home.service {
        Seen::Missing => {
            let problem = format!("there is none, so that the API server finds no replica: {}", home.lost());
            vec![Finding::problem(Check::Service, &object, problem, APPLY)]
        }
        Seen::Unseen(reason) => {
            let fix = format!("let somebody run this who may get services in {}", home.namespace);
            vec![Finding::unseen(Check::Service, &object, reason, fix)]
        }
        Seen::Found(service) => {
            let port = port(installation, home, service);
            if port.is_empty() { endpoints(home, &object) } else { port }
        }
    }
}

/// The port of the registration must be one of the Service, and lead to that of the webhook.
fn port(installation: &Installation, home: &Home, service: &Value) -> Vec<Finding> {
    let webhook = installation.webhook().map(|webhook| &webhook["clientConfig"]["service"]["port"]);
    let wanted = webhook.and_then(Value::as_u64).unwrap_or(PORT);
    let program = home.program();
    let listens = program.as_ref().and_then(Program::webhook_port).map(u64::from);
    let ports: Vec<&Value> = service["spec"]["ports"].as_array().into_iter().flatten().collect();
    // Applying again would mend neither: `kubectl apply` tells ports apart by their numbers.
    let found = |problem: String, path: &str, value: Value| {
        let patch = json!([{"op": "add", "path": format!("/spec/ports{path}"), "value": value}]);
        let fix = home.patch("service", &home.service_name, &patch);
        vec![Finding::problem(Check::ServicePort, &home.service_object(), problem, fix)]
    };
    let Some(place) = ports.iter().position(|port| port["port"] == wanted) else {
        let problem = format!("it has no port {wanted}, which the registration names: {}", home.lost());
        if ports.len() == 1 {
            return found(problem, "/0/port", json!(wanted));
        }
        let target = listens.unwrap_or(wanted);
        return found(problem, "/-", json!({"name": "webhook", "port": wanted, "targetPort": target}));
    };
    let Some(program) = program else { return Vec::new() };
    let path = format!("/{place}/targetPort");
    let target = match &ports[place]["targetPort"] {
        Value::String(name) => {
            let Some(number) = program.port_named(name) else {
                let problem = format!(
                    "its port {wanted} leads to a port called {name:?}, which no container of the Pods has: {}",
                    home.lost()
                );
                return found(problem, &path, json!(listens.unwrap_or(wanted)));
            };
            number
        }
        target => target.as_u64().unwrap_or(wanted),
    };
    match listens {
        Some(listens) if listens != target => {
            let problem = format!(
                "its port {wanted} leads to port {target} of the Pods, and pullkey listens on {listens}: {}",
                home.lost()
            );
            found(problem, &path, json!(listens))
        }
        _ => Vec::new(),
    }
}

/// A command that makes the Service select what the Deployment makes, and nobody else of these.
fn selector(home: &Home, strangers: &[&Value]) -> Option<String> {
    let labels = &home.deployment()?["spec"]["selector"]["matchLabels"];
    let is_narrow =
        !strangers.iter().any(|pod| selects(&json!({"matchLabels": labels}), &pod["metadata"]["labels"]));
    let is_set = labels.as_object().is_some_and(|labels| !labels.is_empty());
    let patch = json!([{"op": "add", "path": "/spec/selector", "value": labels}]);
    (is_set && is_narrow).then(|| home.patch("service", &home.service_name, &patch))
}

/// What the Service selects by, as kubectl writes it.
fn service_labels(home: &Home) -> String {
    let selector = home.service.found().and_then(|service| service["spec"]["selector"].as_object());
    let labels = selector.into_iter().flatten();
    let labels = labels.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()));
    labels.collect::<Vec<_>>().join(",")
}

/// The API server must be led to pullkey and to nobody else.
fn endpoints(home: &Home, object: &str) -> Vec<Finding> {
    let Some(pods) = home.pods.found() else { return Vec::new() };
    let selected: Vec<&Value> =
        pods.iter().filter(|pod| home.selects(&pod["metadata"]["labels"]) && is_alive(pod)).collect();
    let strangers: Vec<&Value> =
        selected.iter().copied().filter(|pod| !program::runs_pullkey(&pod["spec"])).collect();
    let names: Vec<&str> =
        strangers.iter().filter_map(|pod| pod["metadata"]["name"].as_str()).take(NAMED_MAX).collect();
    if !names.is_empty() {
        let problem = format!(
            "it also selects Pods that are not pullkey ({}): calls that the API server sends there fail",
            names.join(", ")
        );
        let fix = selector(home, &strangers)
            .unwrap_or_else(|| format!("give those Pods other labels than {}", service_labels(home)));
        return vec![Finding::problem(Check::ServiceSelector, object, problem, fix)];
    }
    let mut own = home.own_pods().peekable();
    if own.peek().is_some() && selected.is_empty() {
        let problem = format!(
            "it selects none of pullkey's Pods, so that the API server finds no replica: {}",
            home.lost()
        );
        let fix = selector(home, &[]).unwrap_or_else(|| APPLY.to_owned());
        return vec![Finding::problem(Check::ServiceSelector, object, problem, fix)];
    }
    // A replica that is not ready is named itself.
    if !own.any(is_ready) {
        return Vec::new();
    }
    let Some(slices) = home.slices.found() else { return Vec::new() };
    let endpoints = slices.iter().flat_map(|slice| slice["endpoints"].as_array().into_iter().flatten());
    let is_ready = |endpoint: &Value| {
        let has_address = endpoint["addresses"].as_array().is_some_and(|addresses| !addresses.is_empty());
        has_address && endpoint["conditions"]["ready"] != false
    };
    if endpoints.into_iter().any(is_ready) {
        return Vec::new();
    }
    let problem = format!(
        "it has no endpoint although a replica is ready, and the API server finds none: {}",
        home.lost()
    );
    let fix = format!(
        "look what writes its EndpointSlices: kubectl -n {} get endpointslices -l kubernetes.io/service-name={}",
        home.namespace, home.service_name
    );
    vec![Finding::problem(Check::Endpoints, object, problem, fix)]
}
