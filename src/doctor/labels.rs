//! Labels that were meant to open or to close, and do neither.

use serde_json::Value;

use super::finding::{Check, Finding};
use super::scope::Scope;
use super::spelling::Meaning;

/// A label or an annotation that was meant for pullkey.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Hint<'o> {
    key: &'o str,
    value: &'o str,
    is_annotation: bool,
    meaning: Meaning,
}

impl Hint<'_> {
    fn place(&self) -> &'static str {
        if self.is_annotation { "annotation" } else { "label" }
    }

    /// Whether it is the label that the registration looks at.
    fn is_the_label(&self, scope: &Scope<'_>) -> bool {
        !self.is_annotation && self.key == scope.key
    }

    fn is_right(&self, scope: &Scope<'_>) -> bool {
        self.is_the_label(scope) && scope.is_right(self.value)
    }
}

/// Judges the label of a namespace.
pub(super) fn namespace(scope: &Scope<'_>, namespace: &Value) -> Option<Finding> {
    let name = namespace["metadata"]["name"].as_str()?;
    let object = format!("Namespace {name}");
    let hints = hints(scope, &namespace["metadata"]);
    let is_sent = scope.sends(namespace);
    if !is_sent && scope.others_that_send(namespace).next().is_some() {
        return None;
    }
    let hint = hints.iter().find(|hint| is_wrong(scope, is_sent, hint, &hints))?;
    let Hint { key, value, .. } = hint;
    let place = hint.place();
    if is_sent {
        let problem = format!(
            "its {place} {key}: {value:?} is not the one that closes a namespace, so that it is sent to pullkey"
        );
        let fix = mended(scope, name, hint, scope.to_close());
        return Some(Finding::warning(Check::NamespaceLabel, &object, problem, fix));
    }
    if !scope.can_send(namespace) {
        let problem =
            format!("its {place} {key}: {value:?} has no effect: the registration leaves the namespace out");
        let kind = if hint.is_annotation { "annotate" } else { "label" };
        let fix = format!("kubectl {kind} namespace {name} {key}-");
        return Some(Finding::warning(Check::NamespaceLabel, &object, problem, fix));
    }
    let fix = mended(scope, name, hint, scope.to_open());
    if hint.meaning == Meaning::Unclear {
        let problem =
            format!("its {place} {key}: {value:?} opens nothing, so that its Pods are not sent to pullkey");
        return Some(Finding::warning(Check::NamespaceLabel, &object, problem, fix));
    }
    let wanted = format!("the label {}: {}", scope.key, scope.to_open());
    let problem = format!(
        "its {place} {key}: {value:?} is not {wanted}, so that its Pods come without their pull secrets"
    );
    Some(Finding::problem(Check::NamespaceLabel, &object, problem, fix))
}

/// Whether what a hint says differs from what happens.
fn is_wrong(scope: &Scope<'_>, is_sent: bool, hint: &Hint<'_>, hints: &[Hint<'_>]) -> bool {
    let is_settled = hints.iter().any(|hint| hint.is_right(scope));
    match hint.meaning {
        // What the right label says counts, whatever else was written.
        _ if is_settled && !hint.is_right(scope) => false,
        Meaning::Closes => is_sent,
        Meaning::Opens => !is_sent,
        Meaning::Unclear => !is_sent && hint.is_the_label(scope),
    }
}

/// The command that writes the right label and removes the wrong one.
fn mended(scope: &Scope<'_>, namespace: &str, hint: &Hint<'_>, value: &str) -> String {
    let Hint { key, is_annotation, .. } = hint;
    let label = format!("kubectl label namespace {namespace} --overwrite {}={value}", scope.key);
    match (is_annotation, hint.is_the_label(scope)) {
        (_, true) => label,
        (true, _) => format!("{label} && kubectl annotate namespace {namespace} {key}-"),
        (false, _) => format!("{label} {key}-"),
    }
}

/// What the labels of a Pod or a workload were meant to do and do not; `is_sent` tells of its namespace.
pub(super) fn of_object(scope: &Scope<'_>, is_sent: bool, metadata: &Value) -> Option<ObjectFault> {
    let hints = hints(scope, metadata);
    let wanted = if is_sent { Meaning::Closes } else { Meaning::Opens };
    // One that is left alone as it was meant to be needs no second label.
    if is_sent && !scope.sends_pod(&metadata["labels"]) {
        return None;
    }
    let hint = hints.into_iter().find(|hint| hint.meaning == wanted)?;
    let written = format!("its {} {}: {:?}", hint.place(), hint.key, hint.value);
    Some(ObjectFault { written })
}

/// A label of a Pod or a workload that has no effect.
#[derive(Clone, Debug)]
pub(super) struct ObjectFault {
    /// The label as a sentence begins with it.
    written: String,
}

impl ObjectFault {
    /// Says it of one object in this namespace.
    pub(super) fn finding(&self, scope: &Scope<'_>, is_sent: bool, object: &str, namespace: &str) -> Finding {
        let (written, key) = (&self.written, scope.key);
        if is_sent {
            let problem = format!("{written} closes nothing, so that it gets pull secrets all the same");
            let fix = format!("write the label {key}: {} into the metadata of its Pods", scope.to_close());
            return Finding::warning(Check::PodLabel, object, problem, fix);
        }
        let problem = format!(
            "{written} opens nothing: only the label of the namespace does, and {namespace} has none that is right"
        );
        let fix = format!("kubectl label namespace {namespace} --overwrite {key}={}", scope.to_open());
        Finding::problem(Check::PodLabel, object, problem, fix)
    }
}

/// All that was meant for pullkey, the labels first.
fn hints<'o>(scope: &Scope<'_>, metadata: &'o Value) -> Vec<Hint<'o>> {
    let all = [("labels", false), ("annotations", true)].into_iter().flat_map(|(member, is_annotation)| {
        let members = metadata[member].as_object().into_iter().flatten();
        members.filter_map(move |(key, value)| Some((key.as_str(), value.as_str()?, is_annotation)))
    });
    let ours = all.filter(|(key, ..)| scope.is_like_key(key));
    let mut hints: Vec<Hint<'_>> = ours
        .map(|(key, value, is_annotation)| Hint { key, value, is_annotation, meaning: scope.meaning(value) })
        .collect();
    hints.sort_by_key(|hint| (hint.is_annotation, hint.key != scope.key));
    hints
}

/// Says that no namespace is sent at all.
pub(super) fn nobody(scope: &Scope<'_>, registration: &str) -> Finding {
    let object = format!("MutatingWebhookConfiguration {registration}");
    let problem = "no namespace is sent to pullkey, so that no Pod gets pull secrets";
    let fix = if scope.is_opt_out {
        format!("open one: kubectl label namespace NAME {}-", scope.key)
    } else {
        format!("open one: kubectl label namespace NAME {}={}", scope.key, scope.to_open())
    };
    Finding::warning(Check::NoNamespace, &object, problem, fix)
}

/// Says that the one namespace that was asked about is not sent.
pub(super) fn not_sent(scope: &Scope<'_>, namespace: &Value) -> Option<Finding> {
    let name = namespace["metadata"]["name"].as_str()?;
    let object = format!("Namespace {name}");
    let problem = "it is not sent to pullkey, so that its Pods get no pull secrets";
    let fix = if scope.can_send(namespace) {
        format!("kubectl label namespace {name} --overwrite {}={}", scope.key, scope.to_open())
    } else {
        "put the Pods into another namespace: the registration leaves this one out".to_owned()
    };
    Some(Finding::warning(Check::NoNamespace, &object, problem, fix))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::finding::{Finding, Severity};
    use super::super::sample;
    use crate::cluster::registration::rendered::{FailurePolicy, Namespaces};

    fn said(installation: &super::super::installation::Installation, namespace: Value) -> Vec<Finding> {
        sample::findings(installation, &sample::rules("always: [{pullSecrets: [x]}]"), &[namespace], &[])
    }

    #[test]
    fn where_all_are_open_a_wrong_closing_label_is_named() {
        let installation = sample::opt_out();
        for (key, value, is_wrong) in [
            ("pullkey.dev/inject", "disable", true),
            ("pullkey.dev/injection", "disabled", true),
            ("pullkey.dev/inject", "disabled", false),
            ("pullkey.dev/inject", "false", false),
            ("pullkey.dev/inject", "enabled", false),
            ("pullkey.dev/inject", "blue", false),
            ("team", "disabled", false),
        ] {
            let findings = said(&installation, sample::namespace("shop", &[(key, value)]));
            assert_eq!(!findings.is_empty(), is_wrong, "{key}={value}: {findings:?}");
            let mended = "kubectl label namespace shop --overwrite pullkey.dev/inject=disabled";
            assert!(
                findings.iter().all(|one| one.severity == Severity::Warning && one.fix.starts_with(mended))
            );
        }
    }

    #[test]
    fn what_another_installation_selects_is_right() {
        let mut other = sample::registration("blue", Namespaces::OptIn, FailurePolicy::Fail);
        other["webhooks"][0]["namespaceSelector"] = json!({"matchLabels": {"pullkey.dev/inject": "blue"}});
        let blue = || sample::namespace("shop", &[("pullkey.dev/inject", "blue")]);
        let ours = sample::registration("pullkey", Namespaces::OptIn, FailurePolicy::Fail);
        assert_eq!(said(&sample::with(ours.clone(), vec![other.clone()]), blue()), []);
        assert_eq!(said(&sample::with(ours, Vec::new()), blue()).len(), 1);
        // And for the other one what opens is its own value.
        let alone = sample::with(other, Vec::new());
        assert_eq!(said(&alone, blue()), []);
        let findings = said(&alone, sample::namespace("shop", &[("pullkey.dev/inject", "enabled")]));
        assert_eq!(findings[0].fix, "kubectl label namespace shop --overwrite pullkey.dev/inject=blue");
    }

    #[test]
    fn whoever_selects_by_a_label_of_his_own_is_not_told_of_ours() {
        let mut registration = sample::registration("pullkey", Namespaces::OptIn, FailurePolicy::Fail);
        registration["webhooks"][0]["namespaceSelector"] = json!({"matchLabels": {"team": "shop"}});
        let installation = sample::with(registration, Vec::new());
        assert_eq!(said(&installation, sample::namespace("shop", &[("team", "shop")])), []);
        for label in [("team", "sho"), ("team", "web"), ("pullkey.dev/inject", "enabled")] {
            assert_eq!(said(&installation, sample::namespace("web", &[label])), []);
        }
    }

    #[test]
    fn the_right_label_counts_whatever_else_was_written() {
        let labels = [("pullkey.dev/inject", "enabled"), ("pullkey.dev/injection", "off")];
        assert_eq!(said(&sample::opt_in(), sample::namespace("shop", &labels)), []);
        let labels = [("pullkey.dev/inject", "disabled"), ("pullkey.dev/injection", "on")];
        assert_eq!(said(&sample::opt_in(), sample::namespace("shop", &labels)), []);
    }

    #[test]
    fn a_namespace_that_is_being_deleted_is_left_alone() {
        let mut namespace = sample::namespace("shop", &[("pullkey.dev/inject", "enable")]);
        assert_eq!(said(&sample::opt_in(), namespace.clone()).len(), 1);
        namespace["status"]["phase"] = json!("Terminating");
        assert_eq!(said(&sample::opt_in(), namespace), []);
    }
}
