//! The laws of the patch: what is there stays, what is missing comes behind it, nothing else changes.

use proptest::prelude::*;
use pullkey::engine::image::ImageRef;
use pullkey::engine::patch::{missing, patch};
use pullkey::engine::pod::PodView;
use pullkey::engine::rules::Rules;
use serde::Deserialize as _;
use serde_json::{Value, json};

use super::parts::{namespace, pod, rules, settings};

/// The Pod with what it lacks, and the names that were selected for it.
fn patched<'r>(pod: &Value, rules: &'r Rules, namespace: &str) -> (Value, Vec<&'r str>) {
    let view = PodView::deserialize(pod).expect("generated Pods can be read");
    let selected = rules.select(view.images(), namespace).names;
    let mut patched = pod.clone();
    if let Some(patch) = patch(&view, &missing(&view, &selected)) {
        json_patch::patch(&mut patched, &patch).expect("the patch applies");
    }
    (patched, selected)
}

/// The names of a Pod's list; what has none counts as an empty one, as in Go.
fn names(pod: &Value) -> Vec<String> {
    let list = pod["spec"]["imagePullSecrets"].as_array().cloned().unwrap_or_default();
    list.iter().map(|reference| reference["name"].as_str().unwrap_or_default().to_owned()).collect()
}

proptest! {
    #![proptest_config(settings())]

    #[test]
    fn what_is_there_stays_as_a_prefix(pod in pod(), rules in rules(), namespace in namespace()) {
        let (patched, _) = patched(&pod, &rules, namespace);
        let before = pod["spec"]["imagePullSecrets"].as_array().cloned().unwrap_or_default();
        let after = patched["spec"]["imagePullSecrets"].as_array().cloned().unwrap_or_default();
        prop_assert!(after.starts_with(&before), "{before:?} {after:?}");
    }

    #[test]
    fn every_selected_name_is_there_afterwards_and_none_is_added_twice(
        pod in pod(), rules in rules(), namespace in namespace()
    ) {
        let (patched, selected) = patched(&pod, &rules, namespace);
        let (before, after) = (names(&pod), names(&patched));
        let added = &after[before.len()..];
        for name in &selected {
            prop_assert!(after.iter().any(|present| present == name), "{name} is missing in {after:?}");
        }
        for (i, name) in added.iter().enumerate() {
            prop_assert!(!before.contains(name) && !added[..i].contains(name), "{name} is there twice");
            prop_assert!(selected.contains(&name.as_str()), "{name} was never selected");
        }
    }

    #[test]
    fn nothing_but_the_list_changes(pod in pod(), rules in rules(), namespace in namespace()) {
        let without_list = |mut pod: Value| {
            pod["spec"].as_object_mut().unwrap().shift_remove("imagePullSecrets");
            pod
        };
        let (patched, _) = patched(&pod, &rules, namespace);
        prop_assert_eq!(without_list(patched).to_string(), without_list(pod).to_string());
    }

    #[test]
    fn a_second_run_has_nothing_to_do(pod in pod(), rules in rules(), namespace in namespace()) {
        let (patched, _) = patched(&pod, &rules, namespace);
        let view = PodView::deserialize(&patched).unwrap();
        let selected = rules.select(view.images(), namespace).names;
        prop_assert_eq!(patch(&view, &missing(&view, &selected)), None);
    }

    #[test]
    fn the_added_names_come_in_the_order_of_the_configuration(
        pod in pod(), rules in rules(), namespace in namespace()
    ) {
        let (patched, _) = patched(&pod, &rules, namespace);
        let added = &names(&patched)[names(&pod).len()..];
        // Where a name stands first among the entries that contributed.
        let view = PodView::deserialize(&pod).unwrap();
        let contributed = rules.select(view.images(), namespace).entries;
        let order: Vec<&String> =
            contributed.iter().flat_map(|entry| &rules.entries()[*entry].pull_secrets).collect();
        let places: Vec<_> = added.iter().map(|name| order.iter().position(|other| *other == name)).collect();
        prop_assert!(places.iter().all(Option::is_some), "{added:?} {order:?}");
        prop_assert!(places.is_sorted(), "{added:?} {order:?}");
    }

    #[test]
    fn the_order_of_the_images_does_not_matter(pod in pod(), rules in rules(), namespace in namespace()) {
        let view = PodView::deserialize(&pod).unwrap();
        let mut images: Vec<&str> = view.images().collect();
        let forwards = rules.select(images.iter().copied(), namespace);
        images.reverse();
        prop_assert_eq!(forwards, rules.select(images, namespace));
    }

    /// The rules once more, slowly and by their definition: an entry contributes when it applies in
    /// the namespace and matches an image that it does not except.
    #[test]
    fn the_index_selects_what_the_definition_says(pod in pod(), rules in rules(), namespace in namespace()) {
        let view = PodView::deserialize(&pod).unwrap();
        let images: Vec<ImageRef<'_>> =
            view.images().filter(|image| *image != "auto").filter_map(|image| ImageRef::parse(image).ok()).collect();
        let applies = |globs: &[String]| globs.is_empty() || globs.iter().any(|glob| glob_matches(glob, namespace));
        let mut expected: Vec<&str> = Vec::new();
        for entry in rules.entries() {
            let matches = entry.always || images.iter().any(|image| {
                entry.match_images.iter().any(|pattern| pattern.matches(image))
                    && !entry.except_images.iter().any(|pattern| pattern.matches(image))
            });
            let namespaces: Vec<String> = entry.namespaces.iter().map(ToString::to_string).collect();
            if matches && applies(&namespaces) {
                for name in &entry.pull_secrets {
                    if !expected.contains(&name.as_str()) {
                        expected.push(name);
                    }
                }
            }
        }
        prop_assert_eq!(rules.select(view.images(), namespace).names, expected);
    }
}

/// A glob with one star at most, as the generator makes them.
fn glob_matches(glob: &str, text: &str) -> bool {
    match glob.split_once('*') {
        None => glob == text,
        Some((start, end)) => {
            text.len() >= start.len() + end.len() && text.starts_with(start) && text.ends_with(end)
        }
    }
}

#[test]
fn the_generators_reach_every_kind_of_patch() {
    use proptest::strategy::ValueTree as _;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let (mut whole, mut appended, mut none) = (0, 0, 0);
    for _ in 0..300 {
        let (pod, rules, namespace) = (pod(), rules(), namespace()).new_tree(&mut runner).unwrap().current();
        let view = PodView::deserialize(&pod).unwrap();
        let selected = rules.select(view.images(), namespace).names;
        match patch(&view, &missing(&view, &selected)).map(|patch| json!(patch)) {
            None => none += 1,
            Some(patch) if patch[0]["path"] == "/spec/imagePullSecrets" => whole += 1,
            Some(_) => appended += 1,
        }
    }
    assert!(whole > 30 && appended > 30 && none > 30, "{whole} lists, {appended} appended, {none} nothing");
}
