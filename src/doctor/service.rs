//! The Service behind the registration, and where it leads.

use serde_json::Value;

use super::finding::{Check, Finding};
use super::home::{Home, is_alive, is_ready};
use super::installation::Installation;
use super::program;
use super::seen::Seen;

/// The port of a registration that names none.
const PORT: u64 = 443;
const APPLY: &str = "apply your overlay again, or `helm upgrade`";

pub(super) fn examine(installation: &Installation, home: &Home) -> Vec<Finding> {
    let object = home.service_object();
    match &home.service {
        Seen::Missing => {
            let problem =
                "there is none, so that the API server finds no replica and refuses every Pod that is sent";
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
    let object = home.service_object();
    let webhook = installation.webhook().map(|webhook| &webhook["clientConfig"]["service"]["port"]);
    let wanted = webhook.and_then(Value::as_u64).unwrap_or(PORT);
    let mut ports = service["spec"]["ports"].as_array().into_iter().flatten();
    let Some(port) = ports.find(|port| port["port"] == wanted) else {
        let problem = format!(
            "it has no port {wanted}, which the registration names: every Pod that is sent is refused"
        );
        return vec![Finding::problem(Check::ServicePort, &object, problem, APPLY)];
    };
    let Some(program) = home.program() else { return Vec::new() };
    let target = match &port["targetPort"] {
        Value::String(name) => {
            let Some(number) = program.port_named(name) else {
                let problem = format!(
                    "its port {wanted} leads to a port called {name:?}, which no container of the Pods has"
                );
                return vec![Finding::problem(Check::ServicePort, &object, problem, APPLY)];
            };
            number
        }
        target => target.as_u64().unwrap_or(wanted),
    };
    match program.webhook_port() {
        Some(listens) if u64::from(listens) != target => {
            let problem = format!(
                "its port {wanted} leads to port {target} of the Pods, and pullkey listens on {listens}"
            );
            vec![Finding::problem(Check::ServicePort, &object, problem, APPLY)]
        }
        _ => Vec::new(),
    }
}

/// The API server must be led to pullkey and to nobody else.
fn endpoints(home: &Home, object: &str) -> Vec<Finding> {
    let Some(pods) = home.pods.found() else { return Vec::new() };
    let selected: Vec<&Value> =
        pods.iter().filter(|pod| home.selects(&pod["metadata"]["labels"]) && is_alive(pod)).collect();
    let strangers = selected.iter().filter(|pod| !program::runs_pullkey(&pod["spec"]));
    let names: Vec<&str> = strangers.filter_map(|pod| pod["metadata"]["name"].as_str()).collect();
    if !names.is_empty() {
        let problem = format!(
            "it also selects Pods that are not pullkey ({}): calls that the API server sends there fail",
            names.join(", ")
        );
        let fix = "give those Pods other labels, or the Service a narrower selector";
        return vec![Finding::problem(Check::ServiceSelector, object, problem, fix)];
    }
    let mut own = home.own_pods().peekable();
    if own.peek().is_some() && selected.is_empty() {
        let problem = "it selects none of pullkey's Pods, so that the API server finds no replica and refuses every Pod that is sent";
        return vec![Finding::problem(Check::ServiceSelector, object, problem, APPLY)];
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
    let problem = "it has no endpoint although a replica is ready: the API server finds none and refuses every Pod that is sent";
    let fix = format!(
        "look what writes its EndpointSlices: kubectl -n {} get endpointslices -l kubernetes.io/service-name={}",
        home.namespace, home.service_name
    );
    vec![Finding::problem(Check::Endpoints, object, problem, fix)]
}
