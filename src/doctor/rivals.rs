//! Others that write the list of pull secrets: policies, webhooks, and a second pullkey for the same namespaces.

use serde_json::Value;

use super::finding::{Check, Finding};
use super::installation::Installation;
use super::selector::selects;

/// The field that it is about.
const LIST: &str = "imagePullSecrets";
/// How many namespaces a finding names.
const NAMED_MAX: usize = 3;

/// A kind of policy that can change a Pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyKind {
    /// `MutatingAdmissionPolicy` of Kubernetes itself.
    Kubernetes,
    /// Kyverno's, of one namespace or of all.
    Kyverno,
    /// Gatekeeper's mutators.
    Gatekeeper,
}

/// Where policies are found: what a user calls them, and their paths; of several the first that exists counts.
pub const POLICIES: &[(PolicyKind, &str, &[&str])] = &[
    (
        PolicyKind::Kubernetes,
        "MutatingAdmissionPolicy",
        &[
            "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicies",
            "/apis/admissionregistration.k8s.io/v1beta1/mutatingadmissionpolicies",
        ],
    ),
    (PolicyKind::Kyverno, "ClusterPolicy", &["/apis/kyverno.io/v1/clusterpolicies"]),
    (PolicyKind::Kyverno, "Policy", &["/apis/kyverno.io/v1/policies"]),
    (
        PolicyKind::Kyverno,
        "MutatingPolicy",
        &[
            "/apis/policies.kyverno.io/v1/mutatingpolicies",
            "/apis/policies.kyverno.io/v1alpha1/mutatingpolicies",
        ],
    ),
    (PolicyKind::Gatekeeper, "Assign", &["/apis/mutations.gatekeeper.sh/v1/assign"]),
    (PolicyKind::Gatekeeper, "AssignMetadata", &["/apis/mutations.gatekeeper.sh/v1/assignmetadata"]),
    (PolicyKind::Gatekeeper, "ModifySet", &["/apis/mutations.gatekeeper.sh/v1/modifyset"]),
];

/// Where the bindings of `MutatingAdmissionPolicy` are; without one, a policy does nothing.
pub const BINDINGS: &[&str] = &[
    "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicybindings",
    "/apis/admissionregistration.k8s.io/v1beta1/mutatingadmissionpolicybindings",
];

/// A policy that writes the list.
#[derive(Clone, Debug)]
pub struct Policy {
    kind: PolicyKind,
    /// As findings name objects.
    object: String,
    name: String,
    /// Those that the policy is for, where it says so by label.
    namespaces: Value,
}

impl Policy {
    /// Keeps of a policy what is needed, if it writes the list.
    #[must_use]
    pub fn of(kind: PolicyKind, called: &str, object: &Value) -> Option<Self> {
        let (metadata, spec) = (&object["metadata"], &object["spec"]);
        let mentions = |value: &Value| value.to_string().contains(LIST);
        let writes = match kind {
            PolicyKind::Kyverno if spec["rules"].is_array() => {
                // A rule that only checks the list does not write it.
                spec["rules"].as_array().into_iter().flatten().any(|rule| mentions(&rule["mutate"]))
            }
            PolicyKind::Kubernetes => mentions(&spec["mutations"]) || mentions(&spec["variables"]),
            PolicyKind::Kyverno | PolicyKind::Gatekeeper => mentions(spec),
        };
        let name = metadata["name"].as_str()?.to_owned();
        let place =
            metadata["namespace"].as_str().map(|namespace| format!("{namespace}/")).unwrap_or_default();
        writes.then(|| Self {
            kind,
            object: format!("{called} {place}{name}"),
            name,
            namespaces: spec["matchConstraints"]["namespaceSelector"].clone(),
        })
    }

    /// Whether it concerns a namespace with these labels, as far as labels tell.
    fn concerns(&self, bindings: &[Value], labels: &Value) -> bool {
        if self.kind != PolicyKind::Kubernetes {
            return true;
        }
        let ours = bindings.iter().filter(|binding| binding["spec"]["policyName"] == self.name.as_str());
        selects(&self.namespaces, labels)
            && ours
                .into_iter()
                .any(|binding| selects(&binding["spec"]["matchResources"]["namespaceSelector"], labels))
    }

    fn finding(&self) -> Finding {
        let problem = "it writes imagePullSecrets too: where it sets the list instead of adding to it, Pods lose what pullkey adds";
        let fix = "let it add to the list or leave the namespaces out that are sent to pullkey; \
                   what it names can stand in pullkey's configuration under `always`";
        Finding::warning(Check::Rival, &self.object, problem, fix)
    }
}

/// All that may write the list.
#[derive(Debug, Default)]
pub struct Rivals {
    /// The policies that do.
    pub policies: Vec<Policy>,
    /// The bindings of `MutatingAdmissionPolicy`.
    pub bindings: Vec<Value>,
}

impl Rivals {
    /// The policies that write the list in one of these namespaces.
    #[must_use]
    pub fn findings(&self, sent: &[(String, Value)]) -> Vec<Finding> {
        let concerned = self
            .policies
            .iter()
            .filter(|policy| sent.iter().any(|(_, labels)| policy.concerns(&self.bindings, labels)));
        concerned.map(Policy::finding).collect()
    }

    /// Everybody who changes a Pod with these labels, in the order in which the API server asks: policies, then
    /// webhooks by the names of their registrations.
    pub(super) fn suspects(
        &self,
        installation: &Installation,
        namespace: &Value,
        pod: &Value,
    ) -> Vec<String> {
        let policies = self.policies.iter().filter(|policy| policy.kind == PolicyKind::Kubernetes);
        let policies = policies.filter(|policy| policy.concerns(&self.bindings, namespace));
        let mut registrations: Vec<&Value> =
            installation.others.iter().chain(installation.registration.found()).collect();
        registrations.sort_by_key(|registration| {
            registration["metadata"]["name"].as_str().unwrap_or_default().to_owned()
        });
        let webhooks = registrations.into_iter().flat_map(|registration| {
            let name = registration["metadata"]["name"].as_str().unwrap_or_default();
            let webhooks = registration["webhooks"].as_array().into_iter().flatten();
            let theirs = webhooks.filter(|webhook| installation.webhook() != Some(*webhook));
            let called = theirs.filter(|webhook| takes_pods(webhook) && is_asked(webhook, namespace, pod));
            called.map(move |webhook| {
                let webhook = webhook["name"].as_str().unwrap_or_default();
                format!("MutatingWebhookConfiguration {name} ({webhook})")
            })
        });
        policies.map(|policy| policy.object.clone()).chain(webhooks).collect()
    }
}

/// Another installation of pullkey that is asked about the same Pods.
#[must_use]
pub fn twice(sent: &[(String, Value)], others: &[Value]) -> Vec<Finding> {
    let shared = others.iter().filter_map(|other| {
        let webhook = super::installation::webhook(other)?;
        let selector = &webhook["namespaceSelector"];
        let both: Vec<&str> =
            sent.iter().filter(|(_, labels)| selects(selector, labels)).map(|(name, _)| name.as_str()).collect();
        let first = both.first()?;
        let name = other["metadata"]["name"].as_str()?;
        let object = format!("MutatingWebhookConfiguration {name}");
        let more = both.len().saturating_sub(NAMED_MAX);
        let named = both.iter().take(NAMED_MAX).copied().collect::<Vec<_>>().join(", ");
        let named = if more == 0 { named } else { format!("{named} and {more} more") };
        let problem = format!("it sends the same namespaces to another pullkey: {named}; each Pod gets the names of both");
        let fix = format!(
            "keep one: kubectl delete mutatingwebhookconfiguration {name}, or give each another value of the label, so that {first} has only one"
        );
        Some(Finding::warning(Check::Rival, &object, problem, fix))
    });
    shared.collect()
}

/// Whether a webhook is asked about new Pods.
fn takes_pods(webhook: &Value) -> bool {
    let has = |rule: &Value, member: &str, wanted: &[&str]| {
        let listed = rule[member].as_array().into_iter().flatten();
        listed.into_iter().any(|item| item.as_str().is_some_and(|item| wanted.contains(&item)))
    };
    webhook["rules"].as_array().into_iter().flatten().any(|rule| {
        has(rule, "operations", &["CREATE", "*"])
            && has(rule, "apiGroups", &["", "*"])
            && has(rule, "apiVersions", &["v1", "*"])
            && has(rule, "resources", &["pods", "*", "*/*"])
    })
}

fn is_asked(webhook: &Value, namespace: &Value, pod: &Value) -> bool {
    selects(&webhook["namespaceSelector"], namespace) && selects(&webhook["objectSelector"], pod)
}
