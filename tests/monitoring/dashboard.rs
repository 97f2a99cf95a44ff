//! The dashboard, as far as it can be checked without Grafana.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Expression, read};

const DASHBOARD: &str = "deploy/monitoring/dashboard.json";
const WIDTH: u64 = 24;

fn dashboard() -> Value {
    serde_json::from_str(&read(DASHBOARD)).unwrap_or_else(|error| panic!("{DASHBOARD}: {error}"))
}

fn panels() -> Vec<Value> {
    dashboard()["panels"].as_array().expect("a dashboard has panels").clone()
}

#[track_caller]
fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("not text: {value}"))
}

/// The expressions of all panels, with what Grafana would put in for its own variables.
pub(crate) fn expressions() -> Vec<Expression> {
    let of = |panel: &Value| {
        let place = format!("{DASHBOARD}: {}", text(&panel["title"]));
        let targets = panel["targets"].as_array().cloned().unwrap_or_default();
        let texts = targets.into_iter().map(|target| text(&target["expr"]).replace("$__rate_interval", "5m"));
        texts.map(|text| Expression { place: place.clone(), text }).collect::<Vec<_>>()
    };
    panels().iter().flat_map(of).collect()
}

#[test]
fn the_rows_are_those_that_people_look_for() {
    let panels = panels();
    let rows = panels.iter().filter(|panel| panel["type"] == "row").map(|panel| text(&panel["title"]));
    let expected =
        ["Admission", "Latency", "Certificates", "Connections and shedding", "Configuration", "Process"];
    assert_eq!(rows.collect::<Vec<_>>(), expected);
}

#[test]
fn every_panel_has_a_number_of_its_own_and_says_what_it_shows() {
    let panels = panels();
    let numbers: BTreeSet<u64> =
        panels.iter().map(|panel| panel["id"].as_u64().expect("a panel has a number")).collect();
    assert_eq!(numbers.len(), panels.len());
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        let title = text(&panel["title"]);
        assert!(text(&panel["description"]).ends_with('.'), "{title}");
        assert!(!panel["targets"].as_array().expect("a panel has targets").is_empty(), "{title}");
    }
}

#[test]
fn no_panel_lies_on_another() {
    let mut taken = BTreeSet::new();
    for panel in panels() {
        let part = |name: &str| panel["gridPos"][name].as_u64().expect("a panel has a place");
        let (x, y, w, h) = (part("x"), part("y"), part("w"), part("h"));
        assert!(x + w <= WIDTH, "{}", panel["title"]);
        for cell in (x..x + w).flat_map(|column| (y..y + h).map(move |line| (column, line))) {
            assert!(taken.insert(cell), "{} lies on another panel", panel["title"]);
        }
    }
}

#[test]
fn every_panel_asks_the_chosen_source_for_the_chosen_job() {
    let dashboard = dashboard();
    let variables = dashboard["templating"]["list"].as_array().expect("a dashboard has variables");
    let names: Vec<&str> = variables.iter().map(|variable| text(&variable["name"])).collect();
    assert_eq!(names, ["datasource", "job"]);
    let source = json!({"type": "prometheus", "uid": "${datasource}"});
    assert_eq!(variables[1]["datasource"], source);
    for panel in panels().iter().filter(|panel| panel["type"] != "row") {
        let title = text(&panel["title"]);
        assert_eq!(panel["datasource"], source, "{title}");
        for target in panel["targets"].as_array().expect("a panel has targets") {
            assert_eq!(target["datasource"], source, "{title}");
            let expression = text(&target["expr"]);
            let (ours, chosen) =
                (expression.matches("pullkey_").count(), expression.matches("job=~\"$job\"").count());
            assert_eq!(ours, chosen, "{title}: {expression}");
        }
    }
}
