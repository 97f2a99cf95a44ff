//! Names that must follow when another changes: namespace, hashes, ports, labels, the certificate.

use serde_json::Value;

use super::labels::{labels, selects};
use super::publishing::assert_publishing_follows;
use super::render::{Deploy, Rendered, list, repository, text};
use super::{SOURCES, every_rendering, folder, renamed};

const CLUSTER_SCOPED: [&str; 4] =
    ["ClusterRole", "ClusterRoleBinding", "MutatingWebhookConfiguration", "Namespace"];

/// Cluster-scoped as well, but kustomize does not know that yet and writes a changed `namespace:` into them; kubectl
/// and the API server leave it out (the trials in `tests/apiserver` apply them so).
const TAKEN_FOR_NAMESPACED: [&str; 2] = ["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"];

#[test]
fn everything_is_in_the_namespace_that_is_created() {
    let Some(all) = every_rendering("manifests: one namespace") else { return };
    for (name, rendered) in all {
        let namespace = &rendered.the("Namespace")["metadata"]["name"];
        for document in &rendered.documents {
            let kind = text(&document["kind"]);
            if CLUSTER_SCOPED.contains(&kind) {
                assert!(document["metadata"].get("namespace").is_none(), "{name}: {kind}");
            } else if TAKEN_FOR_NAMESPACED.contains(&kind) {
                let written = document["metadata"].get("namespace");
                assert!(written.is_none_or(|written| written == namespace), "{name}: {kind}");
            } else {
                assert_eq!(&document["metadata"]["namespace"], namespace, "{name}: {kind}");
            }
        }
    }
}

#[test]
fn a_changed_namespace_leaves_no_trace_of_the_old_one() {
    let Some(deploy) = Deploy::copy_or_skip("manifests: renamed") else { return };
    for overlay in SOURCES {
        let rendered = deploy.render_own(&renamed(overlay));
        assert!(!rendered.text.contains("pullkey-system"), "{overlay}:\n{}", rendered.text);
        assert_eq!(rendered.the("Namespace")["metadata"]["name"], "registry-access");
        assert_references_resolve(overlay, &rendered);
    }
}

#[test]
fn a_changed_name_prefix_follows_too() {
    let Some(deploy) = Deploy::copy_or_skip("manifests: prefix") else { return };
    for overlay in SOURCES {
        let rendered = deploy.render_own(&format!("namePrefix: my-\n{}", renamed(overlay)));
        assert_eq!(rendered.the("Service")["metadata"]["name"], "my-pullkey", "{overlay}");
        assert_references_resolve(overlay, &rendered);
    }
}

#[test]
fn the_overlay_in_the_readme_works_as_written() {
    let Some(deploy) = Deploy::copy_or_skip("manifests: README") else { return };
    let readme = std::fs::read_to_string(repository().join("deploy/README.md")).expect("deploy/README.md");
    let (_, rest) = readme.split_once("```yaml\n").expect("the README shows an overlay");
    let (overlay, _) = rest.split_once("```").expect("the example ends");
    let rendered = deploy.render_own(overlay);
    assert!(!rendered.text.contains("pullkey-system"), "{}", rendered.text);
    assert_references_resolve("README", &rendered);
    assert_eq!(rendered.pod()["spec"]["containers"][0]["image"], "registry.example.com/infra/pullkey:0.1.0");
    assert_eq!(rendered.the("ConfigMap")["data"]["config.yaml"], "the operator's configuration");
    assert_eq!(rendered.webhook()["failurePolicy"], "Ignore");
}

#[test]
fn every_reference_names_something_that_is_there() {
    let Some(all) = every_rendering("manifests: references") else { return };
    for (name, rendered) in all {
        assert_references_resolve(name, rendered);
    }
}

#[test]
fn changed_content_changes_the_pods() {
    let Some(deploy) = Deploy::copy_or_skip("manifests: hashes") else { return };
    let shipped = deploy.render(&folder("files"));
    let own = deploy.render_own(concat!(
        "resources: [../deploy/overlays/files]\n",
        "configMapGenerator: [{name: pullkey-config, namespace: pullkey-system, behavior: replace, files: [config.yaml]}]\n",
        "secretGenerator: [{name: pullkey-tls, namespace: pullkey-system, behavior: merge, type: kubernetes.io/tls, literals: [tls.crt=other]}]\n",
    ));
    for kind in ["ConfigMap", "Secret"] {
        assert_ne!(shipped.names(kind), own.names(kind), "{kind}");
    }
    assert_references_resolve("own files", &own);
}

#[track_caller]
fn assert_references_resolve(name: &str, rendered: &Rendered) {
    let pod = rendered.pod();
    let pod_labels = labels(pod);
    let spec = &pod["spec"];
    let container = &spec["containers"][0];
    let port = |wanted: &Value| list(&container["ports"]).iter().find(|port| &port["name"] == wanted);

    // Selectors select the Pods, ports by name exist.
    let deployment = &rendered.the("Deployment")["spec"];
    let service = rendered.the("Service");
    assert!(selects(&deployment["selector"], &pod_labels), "{name}: Deployment");
    assert!(
        selects(&serde_json::json!({"matchLabels": service["spec"]["selector"]}), &pod_labels),
        "{name}: Service"
    );
    let budget = &rendered.the("PodDisruptionBudget")["spec"];
    assert!(selects(&budget["selector"], &pod_labels), "{name}: PodDisruptionBudget");
    let policy = &rendered.the("NetworkPolicy")["spec"];
    assert!(selects(&policy["podSelector"], &pod_labels), "{name}: NetworkPolicy");
    for constraint in list(&spec["topologySpreadConstraints"]) {
        assert!(selects(&constraint["labelSelector"], &pod_labels), "{name}: topologySpreadConstraints");
    }
    assert!(port(&service["spec"]["ports"][0]["targetPort"]).is_some(), "{name}: targetPort");
    for rule in list(&policy["ingress"]) {
        assert!(port(&rule["ports"][0]["port"]).is_some(), "{name}: NetworkPolicy port");
    }
    for probe in ["readinessProbe", "livenessProbe"] {
        assert!(port(&container[probe]["httpGet"]["port"]).is_some(), "{name}: {probe}");
    }

    // The registration finds the Service.
    let reference = &rendered.webhook()["clientConfig"]["service"];
    for part in ["name", "namespace"] {
        assert_eq!(reference[part], service["metadata"][part], "{name}: clientConfig.service.{part}");
    }
    assert_eq!(reference["port"], service["spec"]["ports"][0]["port"], "{name}: clientConfig.service.port");

    // The Pods find their account, configuration and certificate.
    let account = text(&spec["serviceAccountName"]);
    assert!(rendered.find("ServiceAccount", account).is_some(), "{name}: ServiceAccount {account}");
    let sources = list(&spec["volumes"][0]["projected"]["sources"]);
    let config_map = text(&sources[0]["configMap"]["name"]);
    let data = &rendered
        .find("ConfigMap", config_map)
        .unwrap_or_else(|| panic!("{name}: ConfigMap {config_map}"))["data"];
    assert!(data.get("config.yaml").is_some(), "{name}: config.yaml");
    assert!(is_hashed(config_map, "pullkey-config-"), "{name}: {config_map}");
    let Some(source) = sources.get(1) else {
        // The base alone has no certificate at all.
        if !rendered.names("ClusterRole").is_empty() {
            assert_publishing_follows(name, rendered);
        }
        return;
    };
    let secret = text(&source["secret"]["name"]);
    if let Some(document) = rendered.find("Secret", secret) {
        assert_eq!(document["type"], "kubernetes.io/tls", "{name}");
        assert!(is_hashed(secret, "pullkey-tls-"), "{name}: {secret}");
    } else {
        assert_cert_manager_writes(name, rendered, secret);
    }
}

/// Both the name of the Secret and everything between the CA and the registration.
#[track_caller]
fn assert_cert_manager_writes(name: &str, rendered: &Rendered, secret: &str) {
    let certificates: Vec<_> =
        rendered.documents.iter().filter(|document| document["kind"] == "Certificate").collect();
    let writing = |secret: &Value| {
        certificates.iter().copied().find(|document| &document["spec"]["secretName"] == secret)
    };
    let serving =
        writing(&secret.into()).unwrap_or_else(|| panic!("{name}: nothing makes the Secret {secret}"));

    let service = &rendered.the("Service")["metadata"];
    let host = format!("{}.{}.svc", text(&service["name"]), text(&service["namespace"]));
    let names: Vec<_> = list(&serving["spec"]["dnsNames"]).iter().map(text).collect();
    assert_eq!(names, [host.clone(), format!("{host}.cluster.local")], "{name}");

    let metadata = &serving["metadata"];
    let annotation = &rendered.the("MutatingWebhookConfiguration")["metadata"]["annotations"];
    assert_eq!(
        annotation["cert-manager.io/inject-ca-from"],
        format!("{}/{}", text(&metadata["namespace"]), text(&metadata["name"])),
        "{name}"
    );

    let issuer_of = |certificate: &Value| {
        let issuer = text(&certificate["spec"]["issuerRef"]["name"]);
        rendered.find("Issuer", issuer).unwrap_or_else(|| panic!("{name}: Issuer {issuer}"))
    };
    let authority =
        writing(&issuer_of(serving)["spec"]["ca"]["secretName"]).expect("a Certificate makes the CA");
    assert_eq!(authority["spec"]["isCA"], true, "{name}");
    assert!(issuer_of(authority)["spec"].get("selfSigned").is_some(), "{name}");
}

fn is_hashed(name: &str, stem: &str) -> bool {
    // A prefix that an operator chose may stand before it.
    name.split_once(stem).is_some_and(|(_, hash)| hash.len() == 10 && !hash.contains('-'))
}
