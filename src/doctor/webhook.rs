//! Our webhook in the registration: what it sends, and what becomes of it.

use serde_json::{Value, json};

use super::finding::{Check, Finding};
use super::installation::Installation;
use super::selector::{requirements, selects};
use crate::cluster::registration::rendered::{
    CONFIGURATION_ANNOTATION, INJECT_LABEL, NAME_LABEL, REVIEW_PATH,
};

/// Where a webhook that does not answer delays a Pod too long, in seconds.
const TIMEOUT_MAX: u64 = 10;
/// Shorter leaves no room for a second try.
const TIMEOUT_MIN: u64 = 2;

pub(super) fn examine(installation: &Installation) -> Vec<Finding> {
    let Some(webhook) = installation.webhook() else { return Vec::new() };
    let mut findings = rules(installation, webhook);
    findings.extend(namespaces(installation, webhook));
    findings.extend(pods(installation, webhook));
    findings.extend(members(installation, webhook));
    findings.extend(conditions(installation, webhook));
    findings
}

/// It has to be asked about the creation of Pods, and about nothing else.
fn rules(installation: &Installation, webhook: &Value) -> Vec<Finding> {
    let rules: Vec<&Value> = webhook["rules"].as_array().into_iter().flatten().collect();
    let has = |rule: &Value, member: &str, wanted: &[&str]| {
        let mut listed = rule[member].as_array().into_iter().flatten().filter_map(Value::as_str);
        listed.any(|listed| wanted.contains(&listed))
    };
    let covers_pods = |rule: &&Value| {
        has(rule, "apiGroups", &["", "*"])
            && has(rule, "apiVersions", &["v1", "*"])
            && has(rule, "resources", &["pods", "*", "*/*"])
            && has(rule, "operations", &["CREATE", "*"])
            && rule["scope"] != "Cluster"
    };
    let object = installation.object();
    let right = json!([{
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "operations": ["CREATE"],
        "resources": ["pods"],
        "scope": "Namespaced",
    }]);
    let fix = installation.patch("rules", &right);
    if !rules.iter().any(covers_pods) {
        let problem = "its rules do not cover the creation of Pods, so that none is sent to pullkey";
        return vec![Finding::problem(Check::RegistrationRules, &object, problem, fix)];
    }
    let is_only = |rule: &Value, member: &str, wanted: &str| {
        rule[member].as_array().is_some_and(|listed| listed.len() == 1 && listed[0] == wanted)
    };
    let is_narrow = |rule: &&Value| {
        is_only(rule, "apiGroups", "")
            && is_only(rule, "resources", "pods")
            && is_only(rule, "operations", "CREATE")
    };
    if rules.iter().all(is_narrow) {
        return Vec::new();
    }
    let problem = "its rules send more than the creation of Pods: pullkey has nothing to say to that, and it all fails \
                   while no replica answers";
    vec![Finding::warning(Check::RegistrationRules, &object, problem, fix)]
}

/// Neither pullkey itself nor what keeps the cluster running may wait for it.
fn namespaces(installation: &Installation, webhook: &Value) -> Vec<Finding> {
    let selector = &webhook["namespaceSelector"];
    let mut open = json!({INJECT_LABEL: "enabled"});
    for line in requirements(selector).filter(|line| line.opens) {
        if let Some(value) = line.values.first() {
            open[line.key] = json!(value);
        }
    }
    let own = installation.service().map(|(namespace, _)| namespace);
    let mut findings = Vec::new();
    for namespace in ["kube-system"].into_iter().chain(own.filter(|own| *own != "kube-system")) {
        open[NAME_LABEL] = json!(namespace);
        if !selects(selector, &open) {
            continue;
        }
        let problem = format!(
            "its namespaceSelector does not leave out {namespace}: with the label there, {} could not be created while no replica answers",
            if namespace == "kube-system" { "what the cluster needs" } else { "pullkey's own Pods" }
        );
        let mut excluded: Vec<&str> = ["kube-system"].into_iter().chain(own).collect();
        excluded.dedup();
        let fix = installation.patch("namespaceSelector", &leaving_out(selector, NAME_LABEL, &excluded));
        findings.push(Finding::problem(Check::RegistrationNamespaces, &installation.object(), problem, fix));
    }
    findings
}

/// A Pod must be able to stay away.
fn pods(installation: &Installation, webhook: &Value) -> Option<Finding> {
    let is_closed = |value: &str| !selects(&webhook["objectSelector"], &json!({INJECT_LABEL: value}));
    if is_closed("disabled") && is_closed("false") {
        return None;
    }
    let right = leaving_out(&webhook["objectSelector"], INJECT_LABEL, &["disabled", "false"]);
    let problem = format!(
        "its objectSelector does not leave out Pods with the label {INJECT_LABEL}=disabled, by which they opt out; pullkey's own have it, too"
    );
    let fix = installation.patch("objectSelector", &right);
    Some(Finding::warning(Check::RegistrationPods, &installation.object(), problem, fix))
}

/// The selector with one line more, by which objects with these values are left out.
fn leaving_out(selector: &Value, key: &str, values: &[&str]) -> Value {
    let mut right = if selector.is_object() { selector.clone() } else { json!({}) };
    let mut lines = right["matchExpressions"].as_array().cloned().unwrap_or_default();
    lines.push(json!({"key": key, "operator": "NotIn", "values": values}));
    right["matchExpressions"] = Value::from(lines);
    right
}

fn members(installation: &Installation, webhook: &Value) -> Vec<Finding> {
    let object = installation.object();
    let mut findings = Vec::new();
    let timeout = webhook["timeoutSeconds"].as_u64().unwrap_or(TIMEOUT_MAX);
    if !(TIMEOUT_MIN..=TIMEOUT_MAX).contains(&timeout) {
        let problem = if timeout < TIMEOUT_MIN {
            format!(
                "its timeout of {timeout} s leaves no room for a second try when a replica is told to end"
            )
        } else {
            format!("with its timeout of {timeout} s each Pod waits so long when no replica answers")
        };
        let fix = installation.patch("timeoutSeconds", &json!(5));
        findings.push(Finding::warning(Check::RegistrationTimeout, &object, problem, fix));
    }
    let versions = webhook["admissionReviewVersions"].as_array();
    if versions.is_some_and(|versions| !versions.contains(&json!("v1"))) {
        let problem = "its admissionReviewVersions lack v1, the only version that pullkey speaks: every call is refused";
        let fix = installation.patch("admissionReviewVersions", &json!(["v1"]));
        findings.push(Finding::problem(Check::RegistrationVersions, &object, problem, fix));
    }
    if webhook["reinvocationPolicy"] != "IfNeeded" {
        let problem = "its reinvocationPolicy is not IfNeeded: the image of a sidecar that another webhook adds later is missed";
        let fix = installation.patch("reinvocationPolicy", &json!("IfNeeded"));
        findings.push(Finding::warning(Check::RegistrationReinvocation, &object, problem, fix));
    }
    let service = &webhook["clientConfig"]["service"];
    if service.is_object() && service["path"] != REVIEW_PATH {
        let path = service["path"].as_str().unwrap_or("/");
        let problem =
            format!("it leads to the path {path}, where pullkey answers 404: every call is refused");
        let fix = installation.patch("clientConfig/service/path", &json!(REVIEW_PATH));
        findings.push(Finding::problem(Check::RegistrationPath, &object, problem, fix));
    }
    findings
}

/// The condition on images must be that of the installed configuration.
fn conditions(installation: &Installation, webhook: &Value) -> Vec<Finding> {
    let object = installation.object();
    let mut findings = Vec::new();
    let conditions: Vec<&Value> = webhook["matchConditions"].as_array().into_iter().flatten().collect();
    let keeps_mirrors_away = |condition: &&Value| {
        let expression = condition["expression"].as_str();
        expression.is_some_and(|expression| expression.contains("kubernetes.io/config.mirror"))
    };
    if !conditions.iter().any(keeps_mirrors_away) {
        let problem = "it has no condition that leaves out mirror Pods: those of static Pods could not be created while no replica answers";
        let fix = "install the registration again: `pullkey registration | kubectl apply -f -` with the flags that you use";
        findings.push(Finding::warning(Check::RegistrationConditions, &object, problem, fix));
    }
    let annotations =
        installation.registration.found().map(|registration| &registration["metadata"]["annotations"]);
    let made_from = annotations.and_then(|annotations| annotations[CONFIGURATION_ANNOTATION].as_str());
    let installed = installation.home.as_ref().and_then(|home| home.configuration_hash.as_deref());
    if let (Some(made_from), Some(installed)) = (made_from, installed)
        && made_from != installed
    {
        let problem = format!(
            "its condition on images was made from another configuration ({made_from}) than the one that is installed ({installed}): Pods with images of newer entries are not sent"
        );
        let fix = "`pullkey registration --match-conditions --config FILE | kubectl apply -f -` with the installed configuration";
        findings.push(Finding::problem(Check::RegistrationConditions, &object, problem, fix));
    }
    findings
}
