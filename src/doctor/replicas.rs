//! The Deployment and its replicas: that they are there, ready, apart, and run the same.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::finding::{Check, Finding, Severity};
use super::home::{APPLY, Home, Replica, condition, is_ready};
use super::metrics;
use super::seen::Seen;
use crate::cluster::registration::rendered::INJECT_LABEL;

/// What `/readyz` answers when the certificate has expired, and nothing else is missing.
const EXPIRED: &str = "not ready: the served certificate has expired";

pub(super) fn examine(home: &Home) -> Vec<Finding> {
    let Some(deployment) = home.deployment() else { return no_deployment(home) };
    let object = home.deployment_object();
    let spec = &deployment["spec"];
    let wanted = spec["replicas"].as_u64().unwrap_or(1);
    let name = home.deployment_name().unwrap_or_default();
    let scale = format!("kubectl -n {} scale deployment/{name} --replicas=2", home.namespace);
    if wanted == 0 {
        let problem = "it has no replicas, so that nobody answers the API server";
        return vec![Finding::problem(Check::Replicas, &object, problem, scale)];
    }
    let mut findings = unready(home, deployment, wanted);
    if wanted == 1 {
        let problem = format!("it has one replica: while its node is drained or lost, {}", home.lost());
        findings.push(Finding::warning(Check::OneReplica, &object, problem, scale));
    }
    findings.extend(spread(home));
    findings.extend(versions(home));
    findings.extend(configurations(home));
    let label = &spec["template"]["metadata"]["labels"][INJECT_LABEL];
    if label != "disabled" && label != "false" {
        let problem = format!(
            "its Pods lack the label {INJECT_LABEL}=disabled: only the registration's namespaceSelector keeps them from waiting for themselves"
        );
        let fix = home.patch_template(&json!({"metadata": {"labels": {INJECT_LABEL: "disabled"}}}));
        findings.push(Finding::warning(Check::OwnPods, &object, problem, fix));
    }
    findings
}

fn no_deployment(home: &Home) -> Vec<Finding> {
    let object = home.deployment_object();
    match &home.deployments {
        Seen::Unseen(reason) => {
            let fix = format!("let somebody run this who may list deployments in {}", home.namespace);
            vec![Finding::unseen(Check::Deployment, &object, reason, fix)]
        }
        // Something else may run it.
        _ if home.own_pods().next().is_some() => Vec::new(),
        _ if matches!(home.pods, Seen::Unseen(_)) => Vec::new(),
        // A Service without a selector leads to somewhere else, by an external name or by endpoints of its own.
        _ if home.service.found().is_some_and(|service| service["spec"]["selector"].is_null()) => Vec::new(),
        _ => {
            let problem = "no Deployment in it runs pullkey, so that nobody answers the API server";
            vec![Finding::problem(Check::Deployment, &object, problem, APPLY)]
        }
    }
}

/// Each Pod that is not ready, with the reason; or that there are fewer Pods than there should be.
fn unready(home: &Home, deployment: &Value, wanted: u64) -> Vec<Finding> {
    if let Seen::Unseen(reason) = &home.pods {
        let fix = format!("let somebody run this who may list pods in {}", home.namespace);
        return vec![Finding::unseen(Check::Replicas, &home.deployment_object(), reason, fix)];
    }
    let pods: Vec<&Value> = home.own_pods().collect();
    let nobody_is = !pods.iter().any(|pod| is_ready(pod));
    let severity = if nobody_is { Severity::Problem } else { Severity::Warning };
    let comes_of_it = if nobody_is { "no replica answers the API server" } else { "another replica answers" };
    // The configuration is the cause, and is named; or the certificate that it serves.
    let is_explained = |pod: &Value| {
        let replica = home.replicas.iter().find(|replica| pod["metadata"]["name"] == replica.pod.as_str());
        let has_expired = |replica: &Replica| {
            replica.certificate.found().is_some()
                && replica.readiness.found().is_some_and(|said| said.trim() == EXPIRED)
        };
        !home.has_valid_configuration() && home.is_of_current_template(pod)
            || replica.is_some_and(has_expired)
    };
    let unready = pods.iter().filter(|pod| !is_ready(pod) && !is_explained(pod));
    let finding = |pod: &&Value| {
        let name = pod["metadata"]["name"].as_str().unwrap_or_default();
        let (reason, fix) = why(home, pod, name);
        let problem = format!("it is not ready ({reason}); {comes_of_it}");
        Finding { severity, check: Check::Replicas, object: home.pod_object(name), problem, fix }
    };
    let mut findings: Vec<Finding> = unready.map(finding).collect();
    let has_reason = pods.iter().any(|pod| !is_ready(pod));
    if !has_reason && (pods.len() as u64) < wanted {
        let failure =
            condition(deployment, "ReplicaFailure").and_then(|condition| condition["message"].as_str());
        let reason = failure.unwrap_or("its Pods are not made");
        let problem = format!("it has {} of {wanted} Pods: {reason}", pods.len());
        let fix = format!(
            "look at its events: kubectl -n {} get events --field-selector type=Warning",
            home.namespace
        );
        let object = home.deployment_object();
        findings.push(Finding { severity, check: Check::Replicas, object, problem, fix });
    }
    findings
}

/// What keeps a Pod from being ready, and where more is to be seen.
fn why(home: &Home, pod: &Value, name: &str) -> (String, String) {
    let namespace = &home.namespace;
    let said = home.replicas.iter().find(|replica| replica.pod == name);
    if let Some(Seen::Found(text)) = said.map(|replica| &replica.readiness)
        && let Some(missing) = text.trim().strip_prefix("not ready: ")
    {
        return (missing.to_owned(), format!("look at its log: kubectl -n {namespace} logs {name}"));
    }
    let statuses = pod["status"]["containerStatuses"].as_array().into_iter().flatten();
    let mut waiting = statuses.filter_map(|status| {
        let waiting = &status["state"]["waiting"];
        Some((
            waiting["reason"].as_str()?.to_owned(),
            waiting["message"].as_str().unwrap_or_default().to_owned(),
        ))
    });
    if let Some((reason, message)) = waiting.next() {
        let fix = match reason.as_str() {
            "ErrImagePull" | "ImagePullBackOff" | "InvalidImageName" => {
                "name an image that its node can pull, with a pull secret of its own where it needs one: pullkey does not inject into itself".to_owned()
            }
            "CrashLoopBackOff" => format!("look at its log: kubectl -n {namespace} logs {name} --previous"),
            _ => format!("kubectl -n {namespace} describe pod {name}"),
        };
        let text = if message.is_empty() { reason } else { format!("{reason}: {message}") };
        return (text, fix);
    }
    let describe = format!("kubectl -n {namespace} describe pod {name}; kubectl -n {namespace} logs {name}");
    let unscheduled = condition(pod, "PodScheduled").filter(|condition| condition["status"] == "False");
    let text = unscheduled.and_then(|condition| condition["message"].as_str());
    let phase = || pod["status"]["phase"].as_str().unwrap_or("no status");
    (text.unwrap_or_else(phase).to_owned(), describe)
}

/// All on one node of several go with it.
fn spread(home: &Home) -> Option<Finding> {
    let nodes = home.nodes.found()?;
    let selector =
        home.deployment().map(|deployment| &deployment["spec"]["template"]["spec"]["nodeSelector"]);
    let takes_pods = |node: &&Value| {
        let mut taints = node["spec"]["taints"].as_array().into_iter().flatten();
        let mut wanted = selector.and_then(Value::as_object).into_iter().flatten();
        node["spec"]["unschedulable"] != true
            && !taints.any(|taint| taint["effect"] == "NoSchedule" || taint["effect"] == "NoExecute")
            && wanted.all(|(key, value)| node["metadata"]["labels"].get(key) == Some(value))
    };
    let mut ready = home.own_pods().filter(|pod| is_ready(pod)).map(|pod| pod["spec"]["nodeName"].as_str());
    let first = ready.next()??;
    let others: Vec<Option<&str>> = ready.collect();
    if others.is_empty() || others.iter().any(|node| *node != Some(first)) {
        return None;
    }
    if nodes.iter().filter(takes_pods).count() < 2 {
        return None;
    }
    let problem = format!("all its replicas are on the node {first}: when that is lost, {}", home.lost());
    Some(Finding::warning(Check::Spread, &home.deployment_object(), problem, home.restart()))
}

fn versions(home: &Home) -> Option<Finding> {
    let versions: BTreeSet<&str> = home
        .replicas
        .iter()
        .filter_map(|replica| metrics::label(replica.metrics.found()?, "pullkey_build_info", "version"))
        .collect();
    if versions.len() < 2 {
        return None;
    }
    let versions: Vec<&str> = versions.into_iter().collect();
    let problem = format!("its replicas are of different versions: {}", versions.join(", "));
    let fix = format!(
        "wait for the rollout, or see why it stalls: kubectl -n {} rollout status deployment/{}",
        home.namespace,
        home.deployment_name().unwrap_or_default()
    );
    Some(Finding::warning(Check::Versions, &home.deployment_object(), problem, fix))
}

/// Each replica must run what the Deployment mounts.
fn configurations(home: &Home) -> Vec<Finding> {
    let Some(installed) = &home.configuration_hash else { return Vec::new() };
    let mut findings = Vec::new();
    for replica in &home.replicas {
        let Some(metrics) = replica.metrics.found() else { continue };
        let object = home.pod_object(&replica.pod);
        if metrics::value(metrics, "pullkey_config_reload_successful") == Some(0.0) {
            let problem =
                "it refuses the configuration that it should read again, and goes on with the last good one";
            let fix = format!(
                "look at its log, and mend the configuration: kubectl -n {} logs {}",
                home.namespace, replica.pod
            );
            findings.push(Finding::problem(Check::ConfigurationInUse, &object, problem, fix));
            continue;
        }
        let Some(running) = metrics::label(metrics, "pullkey_config_info", "hash") else { continue };
        // During a rollout the old Pods run the old one.
        let is_current = home.pod(&replica.pod).is_some_and(|pod| home.is_of_current_template(pod));
        if running != installed && is_current {
            let problem = format!(
                "it runs another configuration ({running}) than the ConfigMap has ({installed}), which was changed in place: it is read at the start"
            );
            findings.push(Finding::problem(Check::ConfigurationInUse, &object, problem, home.restart()));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::doctor::examine;
    use crate::doctor::sample::home::{document, installation};

    #[test]
    fn a_service_that_leads_elsewhere_needs_no_deployment() {
        let mut document = document();
        for list in ["deployments", "pods", "slices", "budgets", "policies", "replicas"] {
            document[list] = json!([]);
        }
        let checks = |document: &Value| {
            examine(&installation(document)).iter().map(|finding| finding.check).collect::<Vec<_>>()
        };
        assert_eq!(checks(&document), [Check::Deployment]);
        document["service"]["spec"]["selector"] = Value::Null;
        assert_eq!(checks(&document), []);
    }

    #[test]
    fn what_becomes_of_pods_follows_from_the_failure_policy() {
        let mut document = document();
        document["deployments"][0]["spec"]["replicas"] = json!(1);
        let said = |is_fail_open: bool| {
            let mut installation = installation(&document);
            installation.home.as_mut().expect("there is a Service").is_fail_open = is_fail_open;
            let findings = examine(&installation);
            findings.into_iter().map(|finding| finding.problem).collect::<Vec<_>>().join("\n")
        };
        assert!(said(false).contains("every Pod that is sent is refused"), "{}", said(false));
        assert!(said(true).contains("comes without its pull secrets"), "{}", said(true));
    }
}
