//! What else concerns the Pods: budgets, network policies, and the time to drain.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::finding::{Check, Finding};
use super::home::{APPLY, Home};
use super::selector::selects;

/// What `serve` takes without the flag.
const DRAIN: SignedDuration = SignedDuration::from_secs(60);
/// What Kubernetes takes without the member.
const GRACE_SECONDS: i64 = 30;
/// What the shipped manifests give beyond the drain.
const SPARE_SECONDS: i64 = 15;

pub(super) fn examine(home: &Home) -> Vec<Finding> {
    let Some(deployment) = home.deployment() else { return Vec::new() };
    let template = &deployment["spec"]["template"];
    let wanted = deployment["spec"]["replicas"].as_u64().unwrap_or(1);
    let mut findings = Vec::new();
    findings.extend(budget(home, template, wanted));
    findings.extend(network(home, template));
    findings.extend(grace(home, template));
    findings
}

fn budget(home: &Home, template: &Value, wanted: u64) -> Option<Finding> {
    let labels = &template["metadata"]["labels"];
    let mut budgets =
        home.budgets.found()?.iter().filter(|budget| selects(&budget["spec"]["selector"], labels));
    let Some(budget) = budgets.next() else {
        let problem = "no PodDisruptionBudget selects its Pods: a drain of nodes may end all of them at once";
        // One replica has none to keep.
        return (wanted > 1)
            .then(|| Finding::warning(Check::DisruptionBudget, &home.deployment_object(), problem, APPLY));
    };
    let is_none = |value: &Value| *value == 0 || *value == "0" || *value == "0%";
    let is_all = |value: &Value| value.as_u64().is_some_and(|count| count >= wanted) || *value == "100%";
    let spec = &budget["spec"];
    if !is_none(&spec["maxUnavailable"]) && !is_all(&spec["minAvailable"]) {
        return None;
    }
    let name = budget["metadata"]["name"].as_str().unwrap_or_default();
    let object = format!("PodDisruptionBudget {}/{name}", home.namespace);
    let problem = "it lets no Pod of pullkey go: a drain of their nodes never ends";
    let patch = json!({"spec": {"maxUnavailable": 1, "minAvailable": null}});
    let fix = home.patch("poddisruptionbudget", name, &patch);
    Some(Finding::warning(Check::DisruptionBudget, &object, problem, fix))
}

/// Policies add up: one that allows the port is enough, and without any policy everything is allowed.
fn network(home: &Home, template: &Value) -> Option<Finding> {
    let labels = &template["metadata"]["labels"];
    let program = home.program()?;
    // The network of the node knows no NetworkPolicy.
    if template["spec"]["hostNetwork"] == true {
        return None;
    }
    let port = program.webhook_port()?;
    let is_about_ingress = |policy: &&Value| {
        let types = policy["spec"]["policyTypes"].as_array();
        types.is_none_or(|types| types.iter().any(|kind| kind == "Ingress"))
    };
    let policies: Vec<&Value> = home
        .policies
        .found()?
        .iter()
        .filter(|policy| selects(&policy["spec"]["podSelector"], labels))
        .filter(is_about_ingress)
        .collect();
    let is_ours = |allowed: &Value| match &allowed["port"] {
        Value::Null => true,
        Value::String(name) => program.port_named(name) == Some(port.into()),
        number => {
            let first = number.as_u64().unwrap_or_default();
            (first..=allowed["endPort"].as_u64().unwrap_or(first)).contains(&port.into())
        }
    };
    let allows = |policy: &&Value| {
        let mut rules = policy["spec"]["ingress"].as_array().into_iter().flatten();
        rules.any(|rule| match rule["ports"].as_array() {
            Some(ports) if !ports.is_empty() => {
                ports.iter().any(|port| port["protocol"] != "UDP" && is_ours(port))
            }
            _ => true,
        })
    };
    if policies.is_empty() || policies.iter().any(allows) {
        return None;
    }
    let names: Vec<&str> = policies.iter().filter_map(|policy| policy["metadata"]["name"].as_str()).collect();
    let object = format!("NetworkPolicy {}/{}", home.namespace, names.join(", "));
    let problem = format!(
        "nobody may connect to port {port} of pullkey's Pods, not even the API server: {}",
        home.lost()
    );
    let allowed = json!({"ports": [{"port": port, "protocol": "TCP"}]});
    let rules = policies[0]["spec"]["ingress"].as_array().into_iter().flatten().cloned();
    let rules: Vec<Value> = rules.chain([allowed]).collect();
    let fix = home.patch(
        "networkpolicy",
        names.first().copied().unwrap_or_default(),
        &json!({"spec": {"ingress": rules}}),
    );
    Some(Finding::problem(Check::NetworkPolicy, &object, problem, fix))
}

/// A process that is killed while it drains loses requests.
fn grace(home: &Home, template: &Value) -> Option<Finding> {
    let grace = template["spec"]["terminationGracePeriodSeconds"].as_i64().unwrap_or(GRACE_SECONDS);
    let drain = home.program()?.option("--drain-timeout");
    let drain = drain.and_then(|drain| drain.parse::<SignedDuration>().ok()).unwrap_or(DRAIN);
    if SignedDuration::from_secs(grace) > drain {
        return None;
    }
    let problem = format!(
        "its Pods are killed after {grace} s (terminationGracePeriodSeconds), and a drain may take {drain:#} (--drain-timeout): requests are lost when a replica is replaced"
    );
    let enough = drain.as_secs().saturating_add(SPARE_SECONDS);
    let fix = home.patch_template(&json!({"spec": {"terminationGracePeriodSeconds": enough}}));
    Some(Finding::warning(Check::Grace, &home.deployment_object(), problem, fix))
}
