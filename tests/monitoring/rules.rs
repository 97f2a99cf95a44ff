//! The alert rules: what promtool says of them, and of their cases.

use std::fs;
use std::process::Command;

use serde_json::Value;

use super::promtool::{promtool, run};
use super::{Expression, file, read};

pub(crate) const RULES: &str = "deploy/monitoring/alerts.yaml";
const OBJECT: &str = "deploy/monitoring/prometheus-rule.yaml";
/// A case is named after its alert and `fires` or `is quiet`.
const CASES: [&str; 6] = [
    "tests/monitoring/availability.yaml",
    "tests/monitoring/certificates.yaml",
    "tests/monitoring/configuration.yaml",
    "tests/monitoring/days.yaml",
    "tests/monitoring/load.yaml",
    "tests/monitoring/texts.yaml",
];

/// The alert rules of all groups.
pub(crate) fn alerts() -> Vec<Value> {
    let rules = yaml(RULES);
    let groups = rules["groups"].as_array().expect("a file of rules has groups");
    groups.iter().flat_map(|group| group["rules"].as_array().expect("a group has rules").clone()).collect()
}

pub(crate) fn expressions() -> Vec<Expression> {
    let of =
        |alert: &Value| Expression { place: name(alert).to_owned(), text: text(&alert["expr"]).to_owned() };
    alerts().iter().map(of).collect()
}

/// The name of an alert.
#[track_caller]
pub(crate) fn name(alert: &Value) -> &str {
    text(&alert["alert"])
}

#[track_caller]
fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("not text: {value}"))
}

#[track_caller]
fn yaml(path: &str) -> Value {
    serde_saphyr::from_str(&read(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn promtool_has_no_complaint_about_the_rules() {
    let Some(promtool) = promtool() else { return };
    let path = file(RULES);
    let mut command = Command::new(promtool);
    let output = run(command.args(["check", "rules", "--lint=all", "--lint-fatal"]).arg(path), "");
    let (said, complaints) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && complaints.is_empty(), "{said}{complaints}");
}

#[test]
fn the_alerts_fire_when_they_should_and_only_then() {
    let Some(promtool) = promtool() else { return };
    let mut command = Command::new(promtool);
    let output = run(command.args(["test", "rules"]).args(CASES.map(file)), "");
    let (said, complaints) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}{complaints}");
}

#[test]
fn every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not() {
    let cases: Vec<Value> = CASES
        .iter()
        .flat_map(|path| yaml(path)["tests"].as_array().expect("a file of cases has tests").clone())
        .collect();
    // Whether the alert is among those that are expected at any time of such a case.
    let expected = |alert: &str, kind: &str| -> Vec<bool> {
        let named = cases.iter().filter(|case| text(&case["name"]).starts_with(&format!("{alert} {kind} ")));
        let firing = format!("{{alertname=\"{alert}\"}}");
        named
            .map(|case| {
                let times = case["promql_expr_test"].as_array().into_iter().flatten();
                let mut samples = times.flat_map(|time| time["exp_samples"].as_array().into_iter().flatten());
                samples.any(|sample| sample["labels"] == firing.as_str())
            })
            .collect()
    };
    for alert in alerts() {
        let alert = name(&alert);
        let (fires, quiet) = (expected(alert, "fires"), expected(alert, "is quiet"));
        assert!(!fires.is_empty() && fires.iter().all(|found| *found), "{alert} fires: {fires:?}");
        assert!(!quiet.is_empty() && quiet.iter().all(|found| !found), "{alert} is quiet: {quiet:?}");
    }
}

#[test]
fn every_alert_says_how_bad_it_is_and_what_it_means() {
    assert!(alerts().len() >= 10);
    for alert in alerts() {
        let name = name(&alert);
        assert!(name.starts_with("Pullkey"), "{name}");
        assert!(["critical", "warning"].contains(&text(&alert["labels"]["severity"])), "{name}");
        for annotation in ["summary", "description"] {
            let text = text(&alert["annotations"][annotation]);
            assert!(text.ends_with('.') && !text.contains("  "), "{name}: {annotation}: {text}");
        }
    }
}

/// Kustomize cannot put one file into another, so the object of the Prometheus Operator is made from the rules here.
#[test]
fn the_object_for_the_operator_has_the_same_rules() {
    let object = read(OBJECT);
    let (head, _) = object.split_once("\nspec:\n").expect("the object has a spec");
    let rules = read(RULES);
    let (_, groups) = rules.split_once("\ngroups:\n").expect("the rules have groups");
    let indented: String = ["groups:"]
        .into_iter()
        .chain(groups.lines())
        .map(|line| if line.is_empty() { "\n".to_owned() } else { format!("  {line}\n") })
        .collect();
    let expected = format!("{head}\nspec:\n{indented}");
    if std::env::var_os("PULLKEY_UPDATE_RULES").is_some() {
        fs::write(file(OBJECT), &expected).expect("the object can be written");
    }
    assert_eq!(read(OBJECT), expected, "run PULLKEY_UPDATE_RULES=1 cargo test --test monitoring");
    assert_eq!(yaml(OBJECT)["spec"]["groups"], yaml(RULES)["groups"]);
}
