//! Alerts, dashboard and runbooks belong together, say only what is there, and do what they say.
//!
//! promtool reads the rules, computes what they make of the metrics in `tests/monitoring/*.yaml`, and reads every
//! expression of the dashboard and of the runbooks. The names come from the real program; those of the API server are
//! compared with a real one by the trial `the_api_server_counts_what_the_alerts_read` in `tests/apiserver`.

#[path = "support/promtool.rs"]
mod promtool;
#[path = "support/scraped.rs"]
mod scraped;
#[path = "support/script.rs"]
mod script;

#[path = "monitoring/dashboard.rs"]
mod dashboard;
#[path = "monitoring/known.rs"]
mod known;
#[path = "monitoring/promql.rs"]
mod promql;
#[path = "monitoring/rules.rs"]
mod rules;
#[path = "monitoring/runbooks.rs"]
mod runbooks;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// An expression, and where it stands.
#[derive(Debug)]
struct Expression {
    place: String,
    text: String,
}

/// A file of the repository.
fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// All expressions of rules, dashboard and runbooks.
fn expressions() -> Vec<Expression> {
    [rules::expressions(), dashboard::expressions(), runbooks::expressions()].into_iter().flatten().collect()
}

#[test]
fn every_metric_and_label_that_is_read_is_there() {
    let known = known::Known::now();
    let wrong: Vec<String> = expressions()
        .iter()
        .flat_map(|Expression { place, text }| {
            let wrong = match promql::selectors(text) {
                Ok(selectors) => selectors.iter().filter_map(|selector| known.refuse(selector)).collect(),
                Err(reason) => vec![reason],
            };
            wrong.into_iter().map(move |reason| format!("{place}: {reason}\n  {text}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_metric_of_the_program_is_on_the_dashboard() {
    let shown: Vec<_> = dashboard::expressions()
        .iter()
        .flat_map(|expression| promql::selectors(&expression.text).expect("PromQL"))
        .map(|selector| selector.name)
        .collect();
    for family in known::families() {
        let is_shown = shown.iter().any(|name| name.starts_with(&family));
        assert!(is_shown, "no panel shows {family}");
    }
}

/// promtool has no command that only reads an expression, so each becomes a rule.
#[test]
fn prometheus_can_read_every_expression() {
    let Some(promtool) = promtool::promtool() else { return };
    let check = |expressions: &[Expression]| {
        let rules: String = expressions
            .iter()
            .enumerate()
            .map(|(index, expression)| {
                let text = serde_json::to_string(&expression.text).expect("text is JSON");
                format!("      - record: expression_{index}\n        expr: {text}\n")
            })
            .collect();
        let rules = format!("groups:\n  - name: expressions\n    rules:\n{rules}");
        let output = promtool::run(Command::new(&promtool).args(["check", "rules"]), &rules);
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let all = expressions();
    assert!(all.len() > 80, "only {} expressions", all.len());
    let (is_good, message) = check(&all);
    assert!(is_good, "{message}{}", listed(&all));
    // It would say it if one were wrong.
    let wrong = Expression { place: String::new(), text: "sum by (pod (pullkey_connections)".to_owned() };
    assert!(!check(&[wrong]).0);
}

fn listed(expressions: &[Expression]) -> String {
    let lines = expressions.iter().enumerate();
    lines.map(|(index, expression)| format!("expression_{index}: {}\n", expression.place)).collect()
}

/// The text of a file of the repository.
#[track_caller]
fn read(path: &str) -> String {
    fs::read_to_string(file(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}
