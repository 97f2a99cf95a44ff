//! Label selectors, as the API server evaluates them.

use serde_json::{Map, Value};

use super::render::{list, text};

/// Whether a selector (`matchLabels`, `matchExpressions`) selects these labels.
#[track_caller]
pub(crate) fn selects(selector: &Value, labels: &[(&str, &str)]) -> bool {
    let value_of = |key: &str| labels.iter().find(|(name, _)| *name == key).map(|&(_, value)| value);
    let by_label = selector.get("matchLabels").and_then(Value::as_object).into_iter().flatten();
    let by_expression = selector.get("matchExpressions").map_or(&[][..], list);
    by_label.into_iter().all(|(key, value)| value_of(key) == value.as_str())
        && by_expression.iter().all(|expression| {
            let value = value_of(text(&expression["key"]));
            let listed =
                || value.is_some_and(|value| list(&expression["values"]).iter().any(|entry| entry == value));
            match text(&expression["operator"]) {
                "In" => listed(),
                // An absent label is not in any list.
                "NotIn" => !listed(),
                other => panic!("operator {other}"),
            }
        })
}

/// The labels of an object, for `selects`.
#[track_caller]
pub(crate) fn labels(object: &Value) -> Vec<(&str, &str)> {
    let labels: &Map<String, Value> = object["metadata"]["labels"].as_object().expect("labels");
    labels.iter().map(|(key, value)| (key.as_str(), text(value))).collect()
}
