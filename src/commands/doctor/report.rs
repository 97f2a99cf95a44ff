//! The findings as text and as JSON.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::json;

use crate::commands::shown;
use crate::doctor::finding::{Finding, Severity};

/// What was looked at, so that nothing found can be told from nothing seen.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Looked {
    /// Replicas that answered.
    pub(super) replicas: usize,
    /// Namespaces that are sent.
    pub(super) namespaces: usize,
    /// Pods in them.
    pub(super) pods: usize,
    /// Pull secrets, where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) secrets: Option<usize>,
    /// Namespaces in which a Pod was tried.
    pub(super) tried: usize,
}

/// For people: the worst first, each with its fix, and what it comes to.
pub(super) fn text(findings: &[Finding], looked: &Looked) -> String {
    let mut report = String::new();
    let mut ordered: Vec<&Finding> = findings.iter().collect();
    ordered.sort_by_key(|finding| finding.severity);
    for Finding { severity, check, object, problem, fix } in ordered {
        // Much of it was written by others, such as a registry whose refusal the kubelet repeats.
        let (object, problem, fix) = (shown::line(object), shown::line(problem), shown::line(fix));
        let _ = writeln!(report, "{severity}: {object}\n  {problem} ({check})\n  fix: {fix}\n");
    }
    let _ = writeln!(report, "{}", looked_at(looked));
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let (problems, warnings) = (count(Severity::Problem), count(Severity::Warning));
    let unseen = match count(Severity::Unseen) {
        0 => String::new(),
        unseen => format!(", {unseen} not looked at"),
    };
    if findings.is_empty() {
        report.push_str("nothing is wrong\n");
    } else {
        let _ = writeln!(
            report,
            "{}, {}{unseen}",
            counted(problems, "problem", "problems"),
            counted(warnings, "warning", "warnings")
        );
    }
    report
}

fn looked_at(looked: &Looked) -> String {
    let Looked { replicas, namespaces, pods, secrets, tried } = *looked;
    let secrets = match secrets {
        Some(count) => counted(count, "pull secret", "pull secrets"),
        None => "no pull secrets (--secrets)".to_owned(),
    };
    format!(
        "looked at {}, {}, {}, {secrets}; tried a Pod in {tried} of them",
        counted(replicas, "replica", "replicas"),
        counted(namespaces, "namespace that is sent", "namespaces that are sent"),
        counted(pods, "Pod", "Pods"),
    )
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// For programs.
pub(super) fn json(findings: &[Finding], looked: &Looked) -> serde_json::Result<String> {
    Ok(serde_json::to_string_pretty(&json!({"findings": findings, "lookedAt": looked}))? + "\n")
}
