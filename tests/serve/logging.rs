//! What the log says, and what it must never say.

use super::certificates::Setting;
use super::client::{post, review};
use super::place::Pair;
use super::wait::until;

/// Stands for anything that a user would not want to find in a log.
const MARKER: &str = "hunter2-marker";

/// Sends requests on connections of their own and returns the log once it has a line about the last one.
fn log_after(level: &str, requests: &[String]) -> String {
    let setting = Setting::start(&Pair::new(), &[], &["--log-level", level]);
    for request in requests {
        let mut client = setting.connect();
        client.send(request);
        client.body();
    }
    setting.connect().injected();
    setting.serving.signal("TERM");
    until("the log is written to its end", || setting.serving.line("stopped").map(drop));
    // Each of them is a JSON object.
    assert!(!setting.serving.lines().is_empty());
    setting.serving.log_text()
}

#[test]
fn the_log_is_one_json_object_a_line_and_tells_each_patch() {
    let setting = Setting::start(&Pair::new(), &[], &[]);
    setting.connect().injected();
    let line = until("the patch is logged", || setting.serving.line("patched"));
    let object = line.as_object().expect("a line is an object");
    let mut fields: Vec<_> = object.keys().map(String::as_str).collect();
    fields.sort_unstable();
    assert_eq!(
        fields,
        ["generate_name", "level", "message", "name", "names", "namespace", "timestamp", "uid"]
    );
    let text = |field: &str| line[field].as_str().unwrap_or_else(|| panic!("{field} is no text: {line}"));
    assert_eq!(
        ["level", "uid", "namespace", "name", "generate_name", "names"].map(text),
        ["INFO", "a-uid", "team-a", "", "web-", "one"]
    );
}

#[test]
fn nothing_of_a_pod_that_is_not_ours_gets_into_the_log() {
    let other_content_type = post(&review(MARKER)).replacen("application/json", "text/plain", 1);
    let requests = [
        post(&review(MARKER)),
        post(&review(MARKER).replacen("CREATE", "UPDATE", 1)),
        post(&review(MARKER).replacen("registry.example.com", "quay.io", 1)),
        // What is refused.
        post(&review(MARKER)[1..]),
        post(&review(MARKER).replacen("admission.k8s.io/v1", "admission.k8s.io/v1beta1", 1)),
        post(&review(MARKER).replacen(r#""uid":"a-uid","#, "", 1)),
        post(&review(MARKER).replacen(r#""containers":"#, r#""containers":7,"containers":"#, 1)),
        other_content_type,
        post(&review(MARKER)).replacen("/mutate", "/other", 1),
        post(&review(MARKER)).replacen("POST", "PUT", 1),
    ];
    for level in ["info", "trace"] {
        let log = log_after(level, &requests);
        assert!(!log.contains(MARKER), "{level}:\n{log}");
        assert_eq!(log.matches(r#""message":"refused a request""#).count(), 7, "{level}:\n{log}");
    }
}

#[test]
fn a_text_of_the_wrong_type_does_not_get_into_the_log() {
    let at = |member: &str| review("x").replacen(member, &format!(r#"{member}"{MARKER}","rest":"#), 1);
    let requests =
        [r#""spec":"#, r#""containers":"#, r#""labels":"#, r#""object":"#].map(|member| post(&at(member)));
    let log = log_after("info", &requests);
    assert!(!log.contains(MARKER), "{log}");
}

/// Whoever reaches the port could otherwise fill a disk.
#[test]
fn a_refusal_writes_a_short_line() {
    let long = "x".repeat(1024 * 1024);
    let requests = [
        post(&review("x").replacen("AdmissionReview", &long, 1)),
        post(&review("x").replacen("admission.k8s.io/v1", &long, 1)),
    ];
    let log = log_after("info", &requests);
    for line in log.lines() {
        assert!(line.len() < 2048, "a line of {} bytes: {}…", line.len(), &line[..200]);
    }
}
