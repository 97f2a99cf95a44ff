//! Label selectors, as Kubernetes evaluates them: which namespaces and Pods a registration selects.

use serde_json::Value;

/// Tells whether a `LabelSelector` selects an object with these labels.
///
/// Without a selector, and with an empty one, a webhook takes everything. One that the API server would not
/// take, such as an operator that it does not know, selects nothing.
#[must_use]
pub fn selects(selector: &Value, labels: &Value) -> bool {
    let by_label = selector["matchLabels"].as_object().into_iter().flatten();
    let by_expression = selector["matchExpressions"].as_array().into_iter().flatten();
    by_label.into_iter().all(|(key, value)| value.is_string() && labels.get(key) == Some(value))
        && by_expression.into_iter().all(|expression| fulfils(expression, labels))
}

/// The keys that a selector looks at, in its order, and what it says about each.
pub(super) fn requirements(selector: &Value) -> impl Iterator<Item = Requirement<'_>> {
    let by_label = selector["matchLabels"].as_object().into_iter().flatten();
    let by_label = by_label.map(|(key, value)| Requirement {
        key,
        values: value.as_str().into_iter().collect(),
        opens: true,
        closes: false,
    });
    let by_expression = selector["matchExpressions"].as_array().into_iter().flatten();
    let by_expression = by_expression.filter_map(|expression| {
        let values = expression["values"].as_array().into_iter().flatten();
        Some(Requirement {
            key: expression["key"].as_str()?,
            values: values.filter_map(Value::as_str).collect(),
            opens: expression["operator"] == "In",
            closes: expression["operator"] == "NotIn",
        })
    });
    by_label.chain(by_expression)
}

/// One line of a selector.
#[derive(Debug)]
pub(super) struct Requirement<'s> {
    pub(super) key: &'s str,
    pub(super) values: Vec<&'s str>,
    /// The values are those that are selected.
    pub(super) opens: bool,
    /// The values are those that are not.
    pub(super) closes: bool,
}

fn fulfils(expression: &Value, labels: &Value) -> bool {
    let Some(key) = expression["key"].as_str() else { return false };
    let value = labels.get(key).filter(|value| value.is_string());
    let is_listed = || {
        let values = expression["values"].as_array();
        value.is_some_and(|value| values.is_some_and(|values| values.contains(value)))
    };
    match expression["operator"].as_str() {
        Some("In") => is_listed(),
        Some("NotIn") => !is_listed(),
        Some("Exists") => value.is_some(),
        Some("DoesNotExist") => value.is_none(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_operator_is_read_as_kubernetes_reads_it() {
        let labels = json!({"team": "shop", "empty": ""});
        let one = |key: &str, operator: &str, values: Value| json!({"matchExpressions": [{"key": key, "operator": operator, "values": values}]});
        for (selector, is_selected) in [
            (Value::Null, true),
            (json!({}), true),
            (json!({"matchLabels": {"team": "shop"}}), true),
            (json!({"matchLabels": {"team": "web"}}), false),
            (json!({"matchLabels": {"team": "shop", "other": "x"}}), false),
            (one("team", "In", json!(["web", "shop"])), true),
            (one("team", "In", json!(["web"])), false),
            (one("other", "In", json!(["web"])), false),
            (one("empty", "In", json!([""])), true),
            (one("team", "NotIn", json!(["shop"])), false),
            (one("team", "NotIn", json!(["web"])), true),
            (one("other", "NotIn", json!(["web"])), true),
            (one("other", "NotIn", json!([""])), true),
            (one("empty", "Exists", Value::Null), true),
            (one("other", "Exists", Value::Null), false),
            (one("team", "DoesNotExist", Value::Null), false),
            (one("other", "DoesNotExist", json!([])), true),
            (one("team", "Gt", json!(["1"])), false),
            (
                json!({"matchLabels": {"team": "shop"}, "matchExpressions": [
                    {"key": "empty", "operator": "DoesNotExist"}]}),
                false,
            ),
        ] {
            assert_eq!(selects(&selector, &labels), is_selected, "{selector}");
        }
    }

    #[test]
    fn an_object_without_labels_is_like_one_with_none() {
        let not_in = json!({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["b"]}]});
        for labels in [Value::Null, json!({})] {
            assert!(selects(&not_in, &labels));
            assert!(!selects(&json!({"matchLabels": {"a": "b"}}), &labels));
        }
    }
}
