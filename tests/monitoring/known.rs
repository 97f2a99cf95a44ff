//! Which series there are: those of the running program, and those of the API server.

use std::collections::{BTreeMap, BTreeSet};

use super::promql::Selector;
use super::scraped::scrape;

/// What Prometheus adds to every series of a target, or an operator by configuration.
const LABELS_OF_TARGETS: &[&str] = &["cluster", "instance", "job", "namespace", "pod"];

/// The webhook of the registration.
const WEBHOOK: &str = "inject.pullkey.dev";

/// What the API server counts, with its labels, as its sources and its `/metrics` have it.
const OF_THE_API_SERVER: &[(&str, &[&str])] = &[
    ("apiserver_admission_webhook_admission_duration_seconds_bucket", CALL_AND_BOUND),
    ("apiserver_admission_webhook_admission_duration_seconds_count", CALL),
    ("apiserver_admission_webhook_admission_duration_seconds_sum", CALL),
    ("apiserver_admission_webhook_fail_open_count", &["name", "type"]),
    (
        "apiserver_admission_webhook_rejection_count",
        &["error_type", "name", "operation", "rejection_code", "type"],
    ),
];
const CALL: &[&str] = &["name", "operation", "rejected", "type"];
const CALL_AND_BOUND: &[&str] = &["le", "name", "operation", "rejected", "type"];
const ERROR_TYPES: &[&str] = &["apiserver_internal_error", "calling_webhook_error", "no_error"];

/// The values of each label, by the names of the series.
type Series = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// All series that an expression may read.
#[derive(Debug)]
pub(crate) struct Known(Series);

impl Known {
    /// Those of a program that is started for it, and those of the API server.
    pub(crate) fn now() -> Self {
        let mut series = of_the_program(&scrape());
        for (name, labels) in OF_THE_API_SERVER {
            let labels = labels.iter().map(|label| {
                let values: &[&str] = match *label {
                    "name" => &[WEBHOOK],
                    "error_type" => ERROR_TYPES,
                    _ => &[],
                };
                ((*label).to_owned(), values.iter().map(|value| (*value).to_owned()).collect())
            });
            series.insert((*name).to_owned(), labels.collect());
        }
        series.insert("up".to_owned(), BTreeMap::new());
        Self(series)
    }

    /// Says what is wrong with a selector.
    pub(crate) fn refuse(&self, selector: &Selector) -> Option<String> {
        let Selector { name, matchers } = selector;
        let Some(labels) = self.0.get(name) else { return Some(format!("nobody has a metric {name}")) };
        if name.starts_with("apiserver_") && !matchers.iter().any(|[label, ..]| label == "name") {
            return Some(format!("{name} is that of all webhooks"));
        }
        matchers.iter().find_map(|[label, operator, value]| {
            if LABELS_OF_TARGETS.contains(&label.as_str()) {
                return None;
            }
            let Some(values) = labels.get(label) else { return Some(format!("{name} has no label {label}")) };
            let is_there = ["=", "!="].contains(&operator.as_str()) && values.contains(value);
            (!is_there).then(|| format!("{name} has no {label} of the value {value}"))
        })
    }
}

/// The names of the metrics of the program without what their kind adds.
pub(crate) fn families() -> Vec<String> {
    let text = scrape();
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    types.filter_map(|rest| Some(rest.split_once(' ')?.0.to_owned())).collect()
}

fn of_the_program(text: &str) -> Series {
    let mut series = Series::new();
    for line in text.lines().filter(|line| line.starts_with("pullkey_")) {
        let (sample, _) = line.rsplit_once(' ').expect("a sample has a value");
        let (name, labels) = sample.split_once('{').unwrap_or((sample, ""));
        let known = series.entry(name.to_owned()).or_default();
        // No metric has more than one label of its own, beside the bound of a bucket.
        if let Some((label, value)) = labels.trim_end_matches('}').split_once('=') {
            let values = known.entry(label.to_owned()).or_default();
            values.insert(value.trim_matches('"').to_owned());
        }
    }
    series
}

#[test]
fn what_is_not_there_is_noticed() {
    let known = Known::now();
    let refused = |text: &str| {
        let selectors = super::promql::selectors(text).expect("PromQL");
        selectors.iter().any(|selector| known.refuse(selector).is_some())
    };
    for good in [
        "pullkey_admission_requests_total{result=\"shed\", job=~\"any\"}",
        "pullkey_admission_duration_seconds_bucket",
        "apiserver_admission_webhook_fail_open_count{name=\"inject.pullkey.dev\"}",
    ] {
        assert!(!refused(good), "{good}");
    }
    for wrong in [
        "pullkey_admission_requests",
        "pullkey_admission_requests_total{result=\"sheds\"}",
        "pullkey_admission_requests_total{outcome=\"shed\"}",
        "apiserver_admission_webhook_fail_open_count",
        "apiserver_admission_webhook_fail_open_count{name=\"pullkey.dev\"}",
        "apiserver_admission_webhook_fail_open_total{name=\"inject.pullkey.dev\"}",
    ] {
        assert!(refused(wrong), "{wrong}");
    }
}
