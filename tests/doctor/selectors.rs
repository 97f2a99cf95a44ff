//! Which namespaces a selector selects, compared with the API server's own answer.

use std::collections::BTreeSet;

use pullkey::doctor::selector::selects;
use serde_json::{Value, json};

use crate::patient::Patient;
use crate::tenants::Namespace;

/// A requirement as the API has it, and as kubectl takes it.
fn requirements() -> Vec<(Value, String)> {
    let mut all = Vec::new();
    for key in ["color", "size", "absent"] {
        for (operator, written) in [("In", "in"), ("NotIn", "notin")] {
            for values in [&["red"][..], &["red", "blue"], &["green", "yes"]] {
                let requirement = json!({"key": key, "operator": operator, "values": values});
                all.push((requirement, format!("{key} {written} ({})", values.join(","))));
            }
        }
        all.push((json!({"key": key, "operator": "Exists"}), key.to_owned()));
        all.push((json!({"key": key, "operator": "DoesNotExist"}), format!("!{key}")));
    }
    all
}

pub(crate) fn they_are_read_as_the_api_server_reads_them(patient: &Patient) {
    let labels = [&["color=red"][..], &["color=blue", "size=yes"], &["size="], &[]];
    let namespaces: Vec<Namespace<'_>> = labels
        .iter()
        .map(|labels| {
            let namespace = Namespace::make(patient);
            if !labels.is_empty() {
                patient.kubectl(&[&["label", "namespace", &namespace.name][..], labels].concat());
            }
            namespace
        })
        .collect();
    let listed = patient.cluster.kubectl.json(&["get", "namespaces", "-o", "json"], "");
    // Those of other trials may go in between.
    let is_ours = |name: &str| namespaces.iter().any(|namespace| namespace.name == name);
    let listed = listed["items"].as_array().into_iter().flatten();
    let listed: Vec<&Value> =
        listed.filter(|item| item["metadata"]["name"].as_str().is_some_and(is_ours)).collect();
    assert_eq!(listed.len(), namespaces.len());
    let all = requirements();
    let mut seen = BTreeSet::new();
    for (position, (one, written)) in all.iter().enumerate() {
        // Each alone, and with one of another key.
        let (other, other_written) = &all[(position + 11) % all.len()];
        for (selector, written) in [
            (json!({"matchExpressions": [one]}), written.clone()),
            (json!({"matchExpressions": [one, other]}), format!("{written},{other_written}")),
            (
                json!({"matchLabels": {"color": "red"}, "matchExpressions": [one]}),
                format!("color=red,{written}"),
            ),
        ] {
            let ours = listed.iter().filter(|namespace| selects(&selector, &namespace["metadata"]["labels"]));
            let ours: BTreeSet<String> = ours
                .filter_map(|namespace| namespace["metadata"]["name"].as_str())
                .map(str::to_owned)
                .collect();
            let arguments = ["get", "namespaces", "-l", &written, "-o", "jsonpath={.items[*].metadata.name}"];
            let theirs = patient.kubectl(&arguments);
            let theirs = theirs.split_whitespace().filter(|name| is_ours(name)).map(str::to_owned).collect();
            assert_eq!(ours, theirs, "{selector} as {written:?}");
            seen.insert(ours);
        }
    }
    assert!(seen.len() > 5, "the selectors say too little: {seen:?}");
}
