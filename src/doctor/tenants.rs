//! Users' namespaces: judged object by object, so that nothing of a large cluster need be kept.

use std::collections::BTreeMap;

use serde_json::Value;

use super::finding::Finding;
use super::idle;
use super::installation::Installation;
use super::labels::{self, ObjectFault};
use super::owner::Owner;
use super::pods::{self, Fault, Needs};
use super::scope::Scope;
use super::secrets::{self, Uses};
use super::seen::Seen;
use crate::engine::credentials::PullSecret;
use crate::engine::rules::Rules;

/// What is known of users' namespaces so far.
#[derive(Debug)]
pub struct Tenants<'i> {
    scope: Scope<'i>,
    /// Those of the installed configuration, where it could be read.
    rules: Option<&'i Rules>,
    registration: &'i str,
    namespaces: BTreeMap<String, Tenant>,
    /// How many Pods of namespaces that are sent were looked at.
    pods: usize,
}

/// One namespace.
#[derive(Debug, Default)]
struct Tenant {
    is_sent: bool,
    /// Another installation sends it, so nothing is said of what is not sent here.
    is_of_another: bool,
    /// The label of the namespace can open it at all.
    can_be_sent: bool,
    /// The labels of one that is sent.
    own_labels: Value,
    finding: Option<Finding>,
    /// By the workload, as findings name it.
    labels: BTreeMap<String, ObjectFault>,
    faults: BTreeMap<String, Fault>,
    uses: Uses,
    secrets: Vec<Finding>,
}

impl<'i> Tenants<'i> {
    /// Begins with nothing; without a registration there is nothing to judge by.
    #[must_use]
    pub fn new(installation: &'i Installation, rules: Option<&'i Rules>) -> Option<Self> {
        let scope = Scope::of(installation)?;
        Some(Self { scope, rules, registration: &installation.name, namespaces: BTreeMap::new(), pods: 0 })
    }

    /// Judges a namespace. Its Pods and workloads come after it.
    pub fn namespace(&mut self, namespace: &Value) {
        let Some(name) = namespace["metadata"]["name"].as_str() else { return };
        // One that is being deleted takes no Pod any more.
        if namespace["status"]["phase"] == "Terminating" {
            return;
        }
        let is_sent = self.scope.sends(namespace);
        let tenant = Tenant {
            is_sent,
            own_labels: if is_sent { namespace["metadata"]["labels"].clone() } else { Value::Null },
            is_of_another: self.scope.others_that_send(namespace).next().is_some(),
            can_be_sent: self.scope.can_send(namespace),
            finding: labels::namespace(&self.scope, namespace),
            ..Tenant::default()
        };
        self.namespaces.insert(name.to_owned(), tenant);
    }

    /// Says so if the one namespace that was asked about is not sent.
    pub fn asked_about(&mut self, namespace: &Value) {
        self.namespace(namespace);
        let name = namespace["metadata"]["name"].as_str().unwrap_or_default();
        if let Some(tenant) = self.namespaces.get_mut(name)
            && !tenant.is_sent
            && !tenant.is_of_another
        {
            tenant.finding = tenant.finding.take().or_else(|| labels::not_sent(&self.scope, namespace));
        }
    }

    /// The namespaces that are sent, with their labels.
    #[must_use]
    pub fn sent(&self) -> Vec<(String, Value)> {
        let sent = self.namespaces.iter().filter(|(_, tenant)| tenant.is_sent);
        sent.map(|(name, tenant)| (name.clone(), tenant.own_labels.clone())).collect()
    }

    /// Whether a namespace is one of them.
    #[must_use]
    pub fn is_sent(&self, namespace: &str) -> bool {
        self.namespaces.get(namespace).is_some_and(|tenant| tenant.is_sent)
    }

    /// The label that opens and closes, for asking only for objects that have it.
    #[must_use]
    pub fn label(&self) -> &str {
        self.scope.key
    }

    /// How many Pods were looked at.
    #[must_use]
    pub fn pods(&self) -> usize {
        self.pods
    }

    /// Judges a Pod.
    pub fn pod(&mut self, pod: &Value) {
        let metadata = &pod["metadata"];
        let namespace = metadata["namespace"].as_str().unwrap_or_default();
        let Some(tenant) = self.namespaces.get_mut(namespace) else { return };
        self.pods += usize::from(tenant.is_sent);
        if pods::is_over(pod) {
            return;
        }
        if let Some(owner) = Owner::of_pod(namespace, metadata) {
            tenant.look_at_labels(&self.scope, &owner, metadata);
        }
        let Some(rules) = self.rules.filter(|_| tenant.is_sent) else { return };
        let Some(needs) = pods::needs(&self.scope, rules, namespace, pod) else { return };
        tenant.use_what(&needs);
        if let Some(fault) = pods::judge(namespace, pod, &needs) {
            match tenant.faults.get_mut(&fault.object()) {
                Some(known) => known.merge(fault),
                None => drop(tenant.faults.insert(fault.object(), fault)),
            }
        }
    }

    /// Judges a workload of this kind by its template.
    pub fn workload(&mut self, kind: &str, workload: &Value) {
        let metadata = &workload["metadata"];
        let namespace = metadata["namespace"].as_str().unwrap_or_default();
        let Some(tenant) = self.namespaces.get_mut(namespace) else { return };
        let Some(owner) = Owner::of_workload(kind, namespace, metadata) else { return };
        let template = match kind {
            "CronJob" => &workload["spec"]["jobTemplate"]["spec"]["template"],
            _ => &workload["spec"]["template"],
        };
        tenant.look_at_labels(&self.scope, &owner, &template["metadata"]);
        if !tenant.is_sent {
            tenant.look_at_labels(&self.scope, &owner, metadata);
        }
        let Some(rules) = self.rules.filter(|_| tenant.is_sent) else { return };
        if let Some(needs) = pods::needs(&self.scope, rules, namespace, template) {
            tenant.use_what(&needs);
        }
    }

    /// The Secrets that some Pod or template needs, by their namespaces; `with_idle` those besides that the first
    /// Pod of an entry would need.
    #[must_use]
    pub fn secrets(&self, with_idle: bool) -> BTreeMap<String, Vec<String>> {
        let Some(rules) = self.rules else { return BTreeMap::new() };
        let named = |name: &str, tenant: &Tenant| {
            let mut names = tenant.uses.names(rules);
            if with_idle && tenant.is_sent {
                names.extend(idle::names(name, rules, &tenant.uses));
                names.sort_unstable();
                names.dedup();
            }
            names
        };
        self.namespaces
            .iter()
            .map(|(name, tenant)| (name.clone(), named(name, tenant)))
            .filter(|(_, names)| !names.is_empty())
            .collect()
    }

    /// Judges the Secrets of a namespace.
    pub fn look_at_secrets(&mut self, namespace: &str, found: &BTreeMap<String, Seen<PullSecret>>) {
        let (Some(rules), Some(tenant)) = (self.rules, self.namespaces.get_mut(namespace)) else { return };
        tenant.secrets = secrets::judge(namespace, rules, &tenant.uses, found);
        for finding in idle::judge(namespace, rules, &tenant.uses, found) {
            // An entry in use says it better.
            if tenant.secrets.iter().all(|known| known.object != finding.object) {
                tenant.secrets.push(finding);
            }
        }
        // What cannot be pulled because of a Secret that is named already needs no second finding.
        let is_named = |fault: &Fault| {
            fault.waits_with_all().is_some_and(|waiting| {
                let names = waiting.entries.iter().flat_map(|entry| &rules.entries()[*entry].pull_secrets);
                let mut objects = names.map(|name| format!("Secret {namespace}/{name}"));
                objects.any(|object| tenant.secrets.iter().any(|finding| finding.object == object))
            })
        };
        tenant.faults.retain(|_, fault| !is_named(fault));
    }

    /// Says nothing of what the Pods of a namespace lack, for which the reason is known.
    pub fn excuse(&mut self, namespace: &str) {
        if let Some(tenant) = self.namespaces.get_mut(namespace) {
            tenant.faults.retain(|_, fault| fault.waits_with_all().is_some());
        }
    }

    /// All that was found. `is_whole` tells whether all namespaces were seen, `with_secrets` whether Secrets were.
    #[must_use]
    pub fn findings(self, is_whole: bool, with_secrets: bool) -> Vec<Finding> {
        let scope = &self.scope;
        let is_sent = |tenant: &Tenant| tenant.is_sent;
        let mut findings = Vec::new();
        let has_nobody = !self.namespaces.values().any(is_sent);
        for (name, tenant) in self.namespaces {
            // A label of a Pod is no second cause where that of its namespace is wrong.
            let is_judged =
                tenant.finding.is_none() && (tenant.is_sent || tenant.can_be_sent && !tenant.is_of_another);
            let labels = tenant.labels.iter().filter(|_| is_judged);
            let labels = labels.map(|(object, fault)| fault.finding(scope, tenant.is_sent, object, &name));
            let labels: Vec<Finding> = labels.collect();
            findings.extend(tenant.finding);
            findings.extend(labels);
            findings.extend(tenant.secrets);
            findings.extend(tenant.faults.values().map(|fault| fault.finding(with_secrets)));
        }
        if is_whole && has_nobody && findings.is_empty() {
            findings.push(labels::nobody(scope, self.registration));
        }
        findings
    }
}

impl Tenant {
    fn look_at_labels(&mut self, scope: &Scope<'_>, owner: &Owner, metadata: &Value) {
        if let Some(fault) = labels::of_object(scope, self.is_sent, metadata) {
            self.labels.entry(owner.object()).or_insert(fault);
        }
    }

    fn use_what(&mut self, needs: &Needs) {
        self.uses.add(needs);
    }
}
