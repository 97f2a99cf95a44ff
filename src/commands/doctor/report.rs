//! The findings as text and as JSON.

use std::fmt::Write as _;

use serde_json::json;

use crate::commands::shown;
use crate::doctor::finding::{Finding, Severity};

/// For people: the worst first, each with its fix, and what it comes to.
pub(super) fn text(findings: &[Finding]) -> String {
    let mut report = String::new();
    let mut ordered: Vec<&Finding> = findings.iter().collect();
    ordered.sort_by_key(|finding| finding.severity);
    for Finding { severity, check, object, problem, fix } in ordered {
        // Much of it was written by others, such as a registry whose refusal the kubelet repeats.
        let (object, problem, fix) = (shown::line(object), shown::line(problem), shown::line(fix));
        let _ = writeln!(report, "{severity}: {object}: {problem} ({check})\n  fix: {fix}");
    }
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let _ = writeln!(
        report,
        "{} problems, {} warnings, {} not looked at",
        count(Severity::Problem),
        count(Severity::Warning),
        count(Severity::Unseen)
    );
    report
}

/// For programs.
pub(super) fn json(findings: &[Finding]) -> serde_json::Result<String> {
    Ok(serde_json::to_string_pretty(&json!({"findings": findings}))? + "\n")
}
