//! A Pod that is only tried: what it looks like, and what its answer tells.

use serde_json::Value;

use super::finding::{Check, Finding};
use super::home::APPLY;
use super::installation::Installation;
use super::rivals::Rivals;
use crate::cluster::registration::WEBHOOK_NAME;
use crate::engine::rules::Rules;

mod pod;

use pod::{images, pod};

/// The Pod's own pull secret, which has to stay in front. There is no Secret of this name.
const OWN: &str = "pullkey-doctor-probe";
/// A Pod for one namespace, and what must become of it.
#[derive(Debug)]
pub struct Probe {
    /// Where it is tried.
    pub namespace: String,
    /// What is sent.
    pub pod: Value,
    /// What pullkey adds; nothing where the configuration is not known.
    expected: Vec<String>,
    /// Who else changes such a Pod.
    suspects: Vec<String>,
}

/// What became of it.
#[derive(Debug)]
pub enum Answer {
    /// What would have been stored.
    Created(Value),
    /// The user may not create Pods there, or somebody refuses with the same status.
    Forbidden(String),
    /// Anything else that the API server says.
    Refused(String),
}

impl Probe {
    /// Makes a Pod for a namespace that is sent; none where no entry applies.
    #[must_use]
    pub fn new(
        installation: &Installation,
        rules: Option<&Rules>,
        rivals: &Rivals,
        (namespace, labels): &(String, Value),
    ) -> Option<Self> {
        let mut images = rules.map(|rules| images(rules, namespace)).unwrap_or_default();
        if images.is_empty() {
            images.push(format!("registry.invalid/{OWN}:probe"));
        }
        let names = rules.map(|rules| rules.select(images.iter().map(String::as_str), namespace).names);
        if names.as_ref().is_some_and(Vec::is_empty) {
            return None;
        }
        let expected = names.into_iter().flatten().map(str::to_owned).collect();
        let pod = pod(&images);
        let suspects = rivals.suspects(installation, labels, &pod["metadata"]["labels"]);
        Some(Self { namespace: namespace.clone(), pod, expected, suspects })
    }

    /// Whether the Pod came back as it was sent. An API server that has not heard yet of a label that was just
    /// written does that once.
    #[must_use]
    pub fn is_untouched(&self, pod: &Value) -> bool {
        !self.expected.is_empty() && pod["spec"]["imagePullSecrets"] == self.pod["spec"]["imagePullSecrets"]
    }

    /// Says what is wrong. `is_sick` tells that something is known already for which pullkey cannot answer.
    #[must_use]
    pub fn judge(&self, installation: &Installation, answer: &Answer, is_sick: bool) -> Option<Finding> {
        let object = format!("Namespace {}", self.namespace);
        let unseen = |reason: &str, fix: &str| {
            Some(Finding::unseen(
                Check::Probe,
                &object,
                format!("no Pod could be tried in it: {reason}"),
                fix,
            ))
        };
        match answer {
            Answer::Created(pod) => self.compare(installation, &object, pod, is_sick),
            Answer::Refused(said) if is_ours(said) => {
                let fix = remedy(installation, said);
                let problem = format!("a Pod that was tried in it is refused: {said}");
                (!is_sick).then(|| Finding::problem(Check::Probe, &object, problem, fix))
            }
            Answer::Forbidden(said) if said.contains("cannot create resource") => {
                let fix = format!(
                    "let somebody run this who may create pods in {}; nothing is stored",
                    self.namespace
                );
                unseen(said, &fix)
            }
            Answer::Forbidden(said) | Answer::Refused(said) => unseen(
                said,
                "try it by hand with a Pod that is admitted: kubectl create --dry-run=server -o yaml -f pod.yaml",
            ),
        }
    }

    fn compare(
        &self,
        installation: &Installation,
        object: &str,
        pod: &Value,
        is_sick: bool,
    ) -> Option<Finding> {
        let listed = pod["spec"]["imagePullSecrets"].as_array().into_iter().flatten();
        let names: Vec<&str> = listed.filter_map(|reference| reference["name"].as_str()).collect();
        let missing: Vec<&str> =
            self.expected.iter().map(String::as_str).filter(|name| !names.contains(name)).collect();
        if names.first() != Some(&OWN) {
            return Some(self.rival(object, &names));
        }
        if missing.is_empty() || is_sick {
            return None;
        }
        let (missing, expected) = (missing.join(", "), self.expected.join(", "));
        if names.len() > 1 {
            let problem = format!(
                "a Pod that was tried in it came back with {} and without {missing}: pullkey answers by another configuration than the one that is installed",
                names[1..].join(", ")
            );
            return Some(Finding::problem(Check::Probe, object, problem, restart(installation)));
        }
        let webhook = installation.webhook();
        if webhook.is_some_and(|webhook| webhook["failurePolicy"] == "Ignore") {
            let problem = format!(
                "a Pod that was tried in it came back without {expected}: pullkey did not answer, and failurePolicy Ignore lets such Pods through"
            );
            return Some(Finding::problem(Check::Probe, object, problem, look_at_pods(installation)));
        }
        let problem = format!(
            "a Pod that was tried in it came back without {expected}: pullkey answers by another configuration than the one that is installed, or a match condition keeps Pods from it"
        );
        Some(Finding::problem(Check::Probe, object, problem, restart(installation)))
    }

    fn rival(&self, object: &str, names: &[&str]) -> Finding {
        let left = if names.is_empty() { "no pull secret".to_owned() } else { names.join(", ") };
        let problem = format!(
            "a Pod that was tried in it with the pull secret {OWN} came back with {left}: somebody replaces the list instead of adding to it"
        );
        let fix = match self.suspects.as_slice() {
            [] => "look for a policy engine or an admission plugin that changes Pods; none is registered that can be seen".to_owned(),
            [one] => format!("let it add to the list, or leave this namespace out: {one}"),
            several => format!("let it add to the list, or leave this namespace out; one of these, in the order in which they are asked: {}", several.join(", ")),
        };
        Finding::problem(Check::Rival, object, problem, fix)
    }
}

/// Whether it is our webhook that could not be called.
fn is_ours(said: &str) -> bool {
    said.contains(&format!("failed calling webhook {WEBHOOK_NAME:?}"))
}

/// What to do about the cause that the API server gives.
fn remedy(installation: &Installation, said: &str) -> String {
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    if has(&["x509", "certificate", "tls:"]) {
        let restart = restart(installation);
        return format!(
            "the API server does not trust the certificate: {restart}, or with certificates of your own set caBundle again"
        );
    }
    if has(&["no endpoints available", "connection refused", "EOF", "connection reset"]) {
        return look_at_pods(installation);
    }
    if has(&["not found", "no such host", "no service port"]) {
        return format!("the Service that the registration names is not there: {APPLY}");
    }
    if has(&["deadline exceeded", "timeout", "no route", "unreachable"]) {
        return "open the way from the API server to the port of pullkey's Pods: firewall, security group or NetworkPolicy".to_owned();
    }
    look_at_pods(installation)
}

fn look_at_pods(installation: &Installation) -> String {
    match installation.service() {
        Some((namespace, _)) => format!(
            "look why no Pod of pullkey answers: kubectl -n {namespace} get pods -l app.kubernetes.io/name=pullkey"
        ),
        None => "look why nothing answers at the URL of the registration".to_owned(),
    }
}

fn restart(installation: &Installation) -> String {
    match installation.service() {
        Some((namespace, _)) => {
            format!("kubectl -n {namespace} rollout restart deployment -l app.kubernetes.io/name=pullkey")
        }
        None => "start the pullkey again that the URL of the registration leads to".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::finding::Severity;
    use super::super::sample;
    use super::*;
    use crate::cluster::registration::rendered::{FailurePolicy, Namespaces};

    const ENTRIES: &str = "registries: [{matchImages: [registry.example.com], pullSecrets: [first, second]}]";

    fn shop() -> (String, Value) {
        let namespace = sample::namespace("shop", &[("pullkey.dev/inject", "enabled")]);
        ("shop".to_owned(), namespace["metadata"]["labels"].clone())
    }

    fn judged(installation: &Installation, answer: &Answer, is_sick: bool) -> Option<Finding> {
        let rules = sample::rules(ENTRIES);
        let probe =
            Probe::new(installation, Some(&rules), &Rivals::default(), &shop()).expect("an entry applies");
        probe.judge(installation, answer, is_sick)
    }

    fn created(names: &[&str]) -> Answer {
        let names: Vec<Value> = names.iter().map(|name| json!({"name": name})).collect();
        Answer::Created(json!({"spec": {"imagePullSecrets": names}}))
    }

    #[test]
    fn only_entries_that_apply_are_tried() {
        let elsewhere = sample::rules(
            "registries: [{matchImages: [a.example.com], namespaces: [web], pullSecrets: [x]}]",
        );
        assert!(Probe::new(&sample::opt_in(), Some(&elsewhere), &Rivals::default(), &shop()).is_none());
        let always = sample::rules("always: [{pullSecrets: [x]}]");
        let probe =
            Probe::new(&sample::opt_in(), Some(&always), &Rivals::default(), &shop()).expect("it applies");
        assert_eq!(probe.expected, ["x"]);
    }

    #[test]
    fn a_pod_that_comes_back_as_it_should_is_fine() {
        let installation = sample::opt_in();
        assert_eq!(judged(&installation, &created(&[OWN, "first", "second"]), false), None);
        // Somebody who adds is no rival.
        assert_eq!(judged(&installation, &created(&[OWN, "first", "theirs", "second"]), false), None);
    }

    #[test]
    fn what_lacks_names_tells_why() {
        let installation = sample::opt_in();
        for (names, problem) in [
            (&[OWN, "other"][..], "by another configuration"),
            (&[OWN, "first"], "by another configuration"),
            (&[OWN], "or a match condition"),
        ] {
            let finding = judged(&installation, &created(names), false).expect("a finding");
            assert!(finding.problem.contains(problem), "{finding:?}");
            assert_eq!((finding.severity, finding.check), (Severity::Problem, Check::Probe));
            assert_eq!(judged(&installation, &created(names), true), None, "the cause is known");
        }
        let open = sample::registration("pullkey", Namespaces::OptIn, FailurePolicy::Ignore);
        let finding = judged(&sample::with(open, Vec::new()), &created(&[OWN]), false).expect("a finding");
        assert!(finding.problem.contains("lets such Pods through"), "{finding:?}");
    }

    #[test]
    fn who_replaced_the_list_is_named_in_the_order_of_the_calls() {
        let webhook = |name: &str, rule: Value, selector: Value| {
            json!({"metadata": {"name": name}, "webhooks": [{
                "name": format!("{name}.example.com"), "rules": [rule], "namespaceSelector": selector}]})
        };
        let pods =
            json!({"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*/*"]});
        let deployments = json!({"operations": ["CREATE"], "apiGroups": ["apps"], "apiVersions": ["v1"], "resources": ["deployments"]});
        let elsewhere = json!({"matchLabels": {"kubernetes.io/metadata.name": "web"}});
        let ours = sample::registration("pullkey", Namespaces::OptIn, FailurePolicy::Fail);
        let others = vec![
            webhook("zz", pods.clone(), json!({})),
            webhook("none", deployments, json!({})),
            webhook("elsewhere", pods.clone(), elsewhere),
            webhook("aa", pods, Value::Null),
        ];
        let installation = sample::with(ours, others);
        // The cause lies outside of pullkey, so it is named whatever else is wrong.
        let finding = judged(&installation, &created(&["theirs"]), true).expect("a finding");
        let asked = "MutatingWebhookConfiguration aa (aa.example.com), MutatingWebhookConfiguration zz (zz.example.com)";
        assert!(finding.fix.ends_with(asked), "{finding:?}");
        assert_eq!(finding.check, Check::Rival);
    }

    #[test]
    fn a_refusal_is_told_by_its_cause() {
        let installation = sample::opt_in();
        let ours = |cause: &str| {
            Answer::Refused(format!(
                "Internal error occurred: failed calling webhook \"inject.pullkey.dev\": failed to call webhook: {cause}"
            ))
        };
        for (cause, fix) in [
            ("dial tcp 10.0.0.1:8443: connect: connection refused", "get pods"),
            ("no endpoints available for service \"pullkey\"", "get pods"),
            ("service \"pullkey\" not found", "apply your overlay again"),
            (
                "tls: failed to verify certificate: x509: certificate signed by unknown authority",
                "does not trust",
            ),
            ("context deadline exceeded", "open the way"),
            ("something new", "get pods"),
        ] {
            let finding = judged(&installation, &ours(cause), false).expect("a finding");
            assert!(finding.severity == Severity::Problem && finding.fix.contains(fix), "{finding:?}");
            assert_eq!(judged(&installation, &ours(cause), true), None);
        }
        for answer in [
            Answer::Forbidden("pods is forbidden: User \"x\" cannot create resource \"pods\"".to_owned()),
            Answer::Forbidden("exceeded quota: none".to_owned()),
            Answer::Refused("failed calling webhook \"other.example.com\": x".to_owned()),
            Answer::Refused("admission webhook \"other.example.com\" does not support dry run".to_owned()),
        ] {
            let finding = judged(&installation, &answer, false).expect("a finding");
            assert_eq!(finding.severity, Severity::Unseen, "{finding:?}");
        }
    }
}
