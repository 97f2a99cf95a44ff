//! Installations, namespaces and Pods for the tests of this part.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::finding::Finding;
use super::installation::Installation;
use super::seen::Seen;
use super::tenants::Tenants;
use crate::cluster::registration::rendered::{Endpoint, FailurePolicy, Namespaces, Registration, Service};
use crate::engine::config::Config;
use crate::engine::rules::Rules;

pub(super) mod home;

/// The registration of this name, as it is installed.
pub(super) fn registration(name: &str, namespaces: Namespaces, failure_policy: FailurePolicy) -> Value {
    let service = Service { name: "pullkey".to_owned(), namespace: "pullkey-system".to_owned(), port: 443 };
    Registration {
        name: name.to_owned(),
        endpoint: Endpoint::Service(service),
        own_namespace: "pullkey-system".to_owned(),
        namespaces,
        failure_policy,
        timeout_seconds: 5,
        image_condition: None,
    }
    .object()
}

/// The default, where namespaces are opened by label.
pub(super) fn opt_in() -> Installation {
    with(registration("pullkey", Namespaces::OptIn, FailurePolicy::Fail), Vec::new())
}

/// The other way round.
pub(super) fn opt_out() -> Installation {
    with(registration("pullkey", Namespaces::OptOut, FailurePolicy::Fail), Vec::new())
}

pub(super) fn with(registration: Value, others: Vec<Value>) -> Installation {
    let (name, registration) = ("pullkey".to_owned(), Seen::Found(registration));
    Installation { name, registration, others, now: Timestamp::UNIX_EPOCH, home: None, meant: None }
}

/// Entries in the words of the configuration.
pub(super) fn rules(entries: &str) -> Rules {
    let text = format!("apiVersion: pullkey.dev/v1alpha1\nkind: InjectorConfiguration\n{entries}");
    Rules::new(Config::parse(&text).expect("a configuration").0)
}

/// As the API server stores it.
pub(super) fn namespace(name: &str, labels: &[(&str, &str)]) -> Value {
    let mut stored = json!({"kubernetes.io/metadata.name": name});
    for (key, value) in labels {
        stored[*key] = json!(value);
    }
    json!({"metadata": {"name": name, "labels": stored}, "status": {"phase": "Active"}})
}

/// A Pod of one container, with these pull secrets.
pub(super) fn pod(namespace: &str, name: &str, image: &str, secrets: &[&str]) -> Value {
    let secrets: Vec<Value> = secrets.iter().map(|name| json!({"name": name})).collect();
    json!({
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"containers": [{"name": "main", "image": image}], "imagePullSecrets": secrets},
        "status": {"phase": "Running"},
    })
}

/// All that is said of these namespaces and Pods.
pub(super) fn findings(
    installation: &Installation,
    rules: &Rules,
    namespaces: &[Value],
    pods: &[Value],
) -> Vec<Finding> {
    let mut tenants = Tenants::new(installation, Some(rules)).expect("there is a registration");
    for namespace in namespaces {
        tenants.namespace(namespace);
    }
    for pod in pods {
        tenants.pod(pod);
    }
    tenants.findings(false, false)
}
