//! `inject` over generated texts: only what is added differs, and a second time nothing does.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use pullkey::engine::manifest::Manifests;
use pullkey::engine::patch::{missing, patch};
use pullkey::engine::pod::PodView;
use pullkey::engine::rules::Rules;
use serde::Deserialize as _;
use serde_json::{Value, json};

use super::parts::{json_value, metadata, namespace, rules, settings, spec};
use super::styles::{Form, form};

/// An object of a kind with a Pod, and where the Pod stands in it.
fn workload() -> impl Strategy<Value = (Value, &'static str)> {
    let kinds = [
        ("v1", "Pod", ""),
        ("v1", "PodTemplate", "/template"),
        ("v1", "ReplicationController", "/spec/template"),
        ("apps/v1", "Deployment", "/spec/template"),
        ("apps/v1", "StatefulSet", "/spec/template"),
        ("batch/v1", "Job", "/spec/template"),
        ("batch/v1", "CronJob", "/spec/jobTemplate/spec/template"),
    ];
    (select(kinds.to_vec()).boxed(), metadata(), metadata(), spec()).prop_map(
        |((api_version, kind, way), outer, inner, spec)| {
            let mut content = json!({"metadata": inner, "spec": spec});
            for step in way.split('/').skip(1).collect::<Vec<_>>().into_iter().rev() {
                content = json!({step: content});
            }
            let mut object = json!({"apiVersion": api_version, "kind": kind, "metadata": outer});
            object
                .as_object_mut()
                .expect("an object")
                .extend(content.as_object().expect("an object").clone());
            (object, way)
        },
    )
}

/// A document, and where its Pods stand.
fn document() -> impl Strategy<Value = (Value, Vec<String>)> {
    let one = workload().prop_map(|(object, way)| (object, vec![way.to_owned()]));
    let list = vec(workload(), 0..3).prop_map(|workloads| {
        let ways = workloads.iter().enumerate().map(|(i, (_, way))| format!("/items/{i}{way}")).collect();
        let items: Vec<Value> = workloads.into_iter().map(|(object, _)| object).collect();
        (json!({"apiVersion": "v1", "kind": "List", "items": items}), ways)
    });
    prop_oneof![4 => one, 1 => list, 1 => unknown().prop_map(|object| (object, Vec::new()))]
}

/// An object of a kind that is left alone, whatever it holds.
fn unknown() -> impl Strategy<Value = Value> {
    let kinds = [("v1", "ConfigMap"), ("example.com/v1", "Deployment"), ("argoproj.io/v1alpha1", "Rollout")];
    (select(kinds.to_vec()).boxed(), spec(), json_value()).prop_map(
        |((api_version, kind), spec, any)| json!({"apiVersion": api_version, "kind": kind, "spec": {"template": {"spec": spec}}, "data": {"any": any}}),
    )
}

/// The documents as the patches make them, and how many names were added.
fn patched(documents: &[(Value, Vec<String>)], rules: &Rules, namespace: &str) -> (Vec<Value>, usize) {
    let mut added = 0;
    let patched = documents.iter().map(|(document, ways)| {
        let mut document = document.clone();
        for way in ways {
            let owner = way.split("/spec/").next().unwrap_or(way).trim_end_matches("/template");
            let own = document.pointer(&format!("{owner}/metadata/namespace")).and_then(Value::as_str);
            let namespace = own.unwrap_or(namespace).to_owned();
            let pod = document.pointer_mut(way).expect("the Pod stands there");
            let view = PodView::deserialize(&*pod).expect("generated Pods can be read");
            if view.skip().is_none() {
                let selected = rules.select(view.images(), &namespace).names;
                let missing = missing(&view, &selected);
                added += missing.len();
                if let Some(patch) = patch(&view, &missing) {
                    json_patch::patch(pod, &patch).expect("the patch applies");
                }
            }
        }
        document
    });
    (patched.collect(), added)
}

fn inject(text: &str, rules: &Rules, namespace: &str) -> Result<String, TestCaseError> {
    let injected = Manifests::parse(text).and_then(|manifests| manifests.inject(rules, namespace));
    injected.map(|injected| injected.text).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))
}

fn read(form: &Form, text: &str) -> Vec<Value> {
    match form {
        Form::Yaml(_) => serde_saphyr::from_multiple(text).unwrap_or_else(|error| panic!("{error}\n{text}")),
        Form::JsonCompact | Form::JsonPretty(_) => {
            serde_json::Deserializer::from_str(text).into_iter().map(Result::unwrap).collect()
        }
    }
}

/// Whether `whole` is `part` with something added, compared piece by piece.
fn is_part<T: PartialEq>(part: impl IntoIterator<Item = T>, whole: impl IntoIterator<Item = T>) -> bool {
    let mut whole = whole.into_iter();
    part.into_iter().all(|piece| whole.any(|other| other == piece))
}

proptest! {
    #![proptest_config(settings())]

    #[test]
    fn the_names_are_added_and_nothing_else_changes(
        documents in vec(document(), 1..4), form in form(), rules in rules(), namespace in namespace()
    ) {
        let plain: Vec<Value> = documents.iter().map(|(document, _)| document.clone()).collect();
        let text = form.write(&plain);
        prop_assert_eq!(&read(&form, &text), &plain, "the generator writes what it means");

        let output = inject(&text, &rules, namespace)?;
        let (expected, added) = patched(&documents, &rules, namespace);
        prop_assert_eq!(read(&form, &output), expected, "{}", output);
        if added == 0 {
            prop_assert_eq!(&output, &text);
        }
        prop_assert_eq!(inject(&output, &rules, namespace)?, output, "a second time nothing is to be done");
    }

    #[test]
    fn the_output_without_the_added_lines_is_the_input(
        documents in vec(document(), 1..4), form in form(), rules in rules(), namespace in namespace()
    ) {
        // A null is the one thing that is replaced, so there is none where a list could stand.
        let mut documents = documents;
        for (document, ways) in &mut documents {
            for way in ways {
                let spec = document.pointer_mut(&format!("{way}/spec")).unwrap().as_object_mut().unwrap();
                if spec.get("imagePullSecrets").is_some_and(Value::is_null) {
                    spec.shift_remove("imagePullSecrets");
                }
            }
        }
        let plain: Vec<Value> = documents.iter().map(|(document, _)| document.clone()).collect();
        let text = form.write(&plain);
        let output = inject(&text, &rules, namespace)?;
        let has_empty_list = text.contains("imagePullSecrets") && text.contains("[]");
        if form.is_block() && !has_empty_list {
            prop_assert!(is_part(text.lines(), output.lines()), "{text}\n{output}");
            let (_, added) = patched(&documents, &rules, namespace);
            let more = output.lines().count() - text.lines().count();
            let lists = count(&output, "imagePullSecrets:") - count(&text, "imagePullSecrets:");
            prop_assert_eq!(more, added + lists, "one line for each name and each new list\n{}", output);
        }
        prop_assert!(is_part(text.chars(), output.chars()), "{text}\n{output}");
        // Comments, and the kind of line end, are those of the input.
        prop_assert_eq!(count(&output, "#"), count(&text, "#"));
        if text.contains("\r\n") {
            prop_assert_eq!(count(&output, "\n"), count(&output, "\r\n"));
        }
        prop_assert_eq!(output.ends_with('\n'), text.ends_with('\n'));
    }

    #[test]
    fn documents_of_other_kinds_pass_byte_for_byte(
        documents in vec(unknown(), 1..4), form in form(), rules in rules(), namespace in namespace()
    ) {
        let text = form.write(&documents);
        prop_assert_eq!(&inject(&text, &rules, namespace)?, &text);
    }

    #[test]
    fn any_text_is_read_or_refused(
        text in "\\PC*", yaml in "(apiVersion: v1\nkind: Pod\nspec:\n)?[a-z: \\n\\[\\]{}\"'*&!|>#,%?<-]{0,60}", rules in rules()
    ) {
        for text in [text, yaml] {
            match Manifests::parse(&text).and_then(|manifests| manifests.inject(&rules, "default")) {
                Ok(injected) if injected.changed == 0 => prop_assert_eq!(injected.text, text),
                Ok(_) => {}
                Err(error) => prop_assert!(!error.to_string().is_empty()),
            }
        }
    }

    #[test]
    fn a_manifest_that_was_cut_or_spoilt_is_read_or_refused(
        documents in vec(document(), 1..3), form in form(), rules in rules(),
        at: prop::sample::Index, other in "[a-z: \\n\\[\\]{}\"'*&!|>#,\t-]"
    ) {
        let plain: Vec<Value> = documents.iter().map(|(document, _)| document.clone()).collect();
        let text = form.write(&plain);
        let at = at.index(text.len());
        let at = (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let spoilt = format!("{}{other}{}", &text[..at], &text[at..]);
        for text in [&text[..at], &spoilt] {
            let first = Manifests::parse(text).and_then(|manifests| manifests.inject(&rules, "default"));
            if let Ok(first) = first {
                // Whatever was understood is understood in the same way again.
                prop_assert_eq!(&inject(&first.text, &rules, "default")?, &first.text);
            }
        }
    }
}

fn count(text: &str, part: &str) -> usize {
    text.matches(part).count()
}
