//! What stands around the Service and could not be looked at, where no other check says so.

use super::finding::{Check, Finding};
use super::home::{Home, is_ready};
use super::seen::Seen;

pub(super) fn examine(home: &Home) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(lists(home));
    if let Seen::Unseen(reason) = &home.nodes {
        let fix = "let somebody run this who may list nodes";
        findings.push(Finding::unseen(Check::Spread, "the nodes of the cluster", reason, fix));
    }
    findings.extend(replicas(home));
    findings
}

/// One finding for all lists, as who lacks one right mostly lacks them all.
fn lists(home: &Home) -> Option<Finding> {
    let lists = [
        (Check::Endpoints, "endpointslices", &home.slices),
        (Check::DisruptionBudget, "poddisruptionbudgets", &home.budgets),
        (Check::NetworkPolicy, "networkpolicies", &home.policies),
    ];
    let unseen = lists.into_iter().filter_map(|(check, plural, list)| match list {
        Seen::Unseen(reason) => Some((check, plural, reason)),
        Seen::Found(_) | Seen::Missing => None,
    });
    let unseen: Vec<_> = unseen.collect();
    let (check, _, reason) = unseen.first()?;
    let plurals: Vec<&str> = unseen.iter().map(|(_, plural, _)| *plural).collect();
    let fix = format!("let somebody run this who may list in {}: {}", home.namespace, plurals.join(", "));
    Some(Finding::unseen(*check, &format!("Namespace {}", home.namespace), *reason, fix))
}

/// Replicas that are ready and whose certificate or metrics could not be asked for; the first stands for all.
fn replicas(home: &Home) -> Option<Finding> {
    let ready: Vec<&str> = home
        .own_pods()
        .filter(|pod| is_ready(pod))
        .filter_map(|pod| pod["metadata"]["name"].as_str())
        .collect();
    let mut silent = home.replicas.iter().filter(|replica| ready.contains(&replica.pod.as_str()));
    let (pod, reason) = silent.find_map(|replica| match (&replica.certificate, &replica.metrics) {
        (Seen::Unseen(reason), _) | (_, Seen::Unseen(reason)) => Some((&replica.pod, reason)),
        _ => None,
    })?;
    let problem = format!("the certificate that it serves and the configuration that it runs: {reason}");
    let fix = format!(
        "let somebody run this who may get pods/proxy in {}, and let the API server reach the port of probes and metrics",
        home.namespace
    );
    Some(Finding::unseen(Check::CertificateTrust, &home.pod_object(pod), problem, fix))
}
