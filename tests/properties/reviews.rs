//! The answer to a review: always allowed, always with the uid of the request, never a panic.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use json_patch::Patch;
use proptest::prelude::*;
use pullkey::engine::review::review;
use pullkey::engine::rules::Rules;
use serde_json::{Value, json};

use super::parts::{json_value, namespace, pod, rules, settings};

fn request(uid: &str, namespace: &str, object: &Value) -> Value {
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": uid,
            "resource": {"group": "", "version": "v1", "resource": "pods"},
            "namespace": namespace,
            "operation": "CREATE",
            "object": object,
        },
    })
}

/// The response to a review that can be answered, checked for what holds of each.
fn response(body: &str, uid: &str, rules: &Rules) -> Result<Value, TestCaseError> {
    let answer = review(body.as_bytes(), rules).map_err(|error| TestCaseError::fail(error.to_string()))?;
    let answer: Value = serde_json::from_slice(&answer.body).expect("the answer is JSON");
    prop_assert_eq!(&answer["apiVersion"], "admission.k8s.io/v1");
    prop_assert_eq!(&answer["kind"], "AdmissionReview");
    let response = answer["response"].clone();
    prop_assert_eq!((&response["uid"], &response["allowed"]), (&json!(uid), &json!(true)));
    prop_assert_eq!(response.get("patchType").is_some(), response.get("patch").is_some());
    Ok(response)
}

/// The JSON with every character of every string escaped that may be.
fn escaped(value: &Value) -> String {
    let text = |text: &str| {
        let units: String = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
        format!("\"{units}\"")
    };
    match value {
        Value::String(string) => text(string),
        Value::Array(items) => format!("[{}]", items.iter().map(escaped).collect::<Vec<_>>().join(" ,\n")),
        Value::Object(members) => {
            let members: Vec<String> =
                members.iter().map(|(key, value)| format!("{}:\t{}", text(key), escaped(value))).collect();
            format!("{{{}}}", members.join("\r\n,"))
        }
        other => other.to_string(),
    }
}

proptest! {
    #![proptest_config(settings())]

    #[test]
    fn a_review_of_any_pod_is_allowed_and_its_patch_applies(
        pod in pod(), rules in rules(), namespace in namespace(), uid in "\\PC{1,40}"
    ) {
        let response = response(&request(&uid, namespace, &pod).to_string(), &uid, &rules)?;
        let Some(patch) = response["patch"].as_str() else { return Ok(()) };
        let patch: Patch = serde_json::from_slice(&STANDARD.decode(patch).unwrap()).unwrap();
        let mut patched = pod.clone();
        prop_assert!(json_patch::patch(&mut patched, &patch).is_ok());
        // What the second webhook call of a reinvocation gets.
        let again = self::response(&request(&uid, namespace, &patched).to_string(), &uid, &rules)?;
        prop_assert_eq!(again.get("patch"), None);
        let injected = response["auditAnnotations"]["injected"].as_str().unwrap_or_default();
        prop_assert_eq!(injected.split(',').count(), names(&patched) - names(&pod));
    }

    #[test]
    fn escapes_and_blanks_change_nothing(pod in pod(), rules in rules(), namespace in namespace()) {
        let request = request("uid", namespace, &pod);
        let plain = response(&request.to_string(), "uid", &rules)?;
        prop_assert_eq!(&response(&escaped(&request), "uid", &rules)?, &plain);
        prop_assert_eq!(&response(&format!("\n{request:#}\r\n\t "), "uid", &rules)?, &plain);
    }

    #[test]
    fn any_bytes_are_answered_or_refused(bytes: Vec<u8>, text in "\\PC*", rules in rules()) {
        prop_assert!(review(&bytes, &rules).is_err());
        prop_assert!(review(text.as_bytes(), &rules).is_err());
    }

    #[test]
    fn any_json_is_answered_or_refused(value in json_value(), rules in rules()) {
        if let Err(error) = review(value.to_string().as_bytes(), &rules) {
            prop_assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn any_json_as_the_object_is_allowed_or_refused_as_malformed(
        object in json_value(), rules in rules(), create: bool
    ) {
        let mut request = request("uid", "default", &object);
        if !create {
            request["request"]["operation"] = json!("UPDATE");
            // What is no creation of a Pod is never refused, whatever it is.
            let response = response(&request.to_string(), "uid", &rules)?;
            prop_assert_eq!(response.get("patch"), None);
        } else if review(request.to_string().as_bytes(), &rules).is_ok() {
            response(&request.to_string(), "uid", &rules)?;
        }
    }

    #[test]
    fn a_review_that_was_cut_or_spoilt_is_answered_or_refused(
        pod in pod(), rules in rules(), at: prop::sample::Index, byte: u8
    ) {
        let whole = request("uid", "default", &pod).to_string().into_bytes();
        let at = at.index(whole.len());
        prop_assert!(review(&whole[..at], &rules).is_err());
        let mut spoilt = whole;
        spoilt[at] = byte;
        if let Ok(answer) = review(&spoilt, &rules) {
            let answer: Value = serde_json::from_slice(&answer.body).unwrap();
            prop_assert_eq!(&answer["response"]["allowed"], &json!(true));
        }
    }
}

fn names(pod: &Value) -> usize {
    pod["spec"]["imagePullSecrets"].as_array().map_or(0, Vec::len)
}
