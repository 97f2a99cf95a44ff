//! What a node tells the API server of its Pods: where they are, and whether they are ready.

use std::process::{Command, Stdio};

use serde_json::json;

use super::kubectl::Kubectl;
use super::sandbox::BRIDGE;

/// Where a replica can be reached, and by which Service.
#[derive(Debug, Default)]
pub(crate) struct Endpoint {
    pub(crate) service: String,
    pub(crate) address: String,
    pub(crate) port: String,
}

/// Leads the API server to a Pod that is ready, and tells the Deployment that it is.
pub(crate) fn publish(kubectl: &Kubectl, namespace: &str, name: &str, at: &Endpoint) -> Result<(), String> {
    let Endpoint { service, address, port } = at;
    let port: u16 = port.parse().map_err(|_| format!("{name} does not say where it listens"))?;
    let endpoints = json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {"kubernetes.io/service-name": service},
        },
        "addressType": "IPv4",
        "endpoints": [{
            "addresses": [address],
            "conditions": {"ready": true},
            "targetRef": {"kind": "Pod", "name": name, "namespace": namespace},
        }],
        "ports": [{"name": "https", "port": port, "protocol": "TCP"}],
    });
    kubectl.attempt(&["apply", "--server-side", "-f", "-"], &endpoints.to_string())?;
    set_ready(kubectl, namespace, name, address, "True")
}

pub(crate) fn unpublish(kubectl: &Kubectl, namespace: &str, names: &[String]) -> Result<(), String> {
    let mut arguments = vec!["delete", "endpointslice", "-n", namespace, "--ignore-not-found"];
    arguments.extend(names.iter().map(String::as_str));
    kubectl.attempt(&arguments, "").map(drop)
}

/// For a while already, so that no trial waits for the Deployment's minReadySeconds: the time that endpoints take to
/// reach every node, of which there is none.
pub(crate) fn set_ready(
    kubectl: &Kubectl,
    namespace: &str,
    name: &str,
    address: &str,
    status: &str,
) -> Result<(), String> {
    let condition = json!({"type": "Ready", "status": status, "lastTransitionTime": "2020-01-01T00:00:00Z"});
    let (phase, addresses) = ("Running", json!([{"ip": address}]));
    let status =
        json!({"status": {"phase": phase, "conditions": [condition], "podIP": address, "podIPs": addresses}})
            .to_string();
    kubectl
        .attempt(&["patch", "pod", name, "-n", namespace, "--subresource=status", "-p", &status], "")
        .map(drop)
}

/// Gives the sandbox another address, that of its `number`th Pod, and returns it.
pub(crate) fn give_address(number: u16) -> String {
    let address = format!("10.99.{}.{}", 1 + number / 250, 1 + number % 250);
    let add = ["ip", "address", "add", &format!("{address}/32"), "dev", BRIDGE];
    let status = Command::new(add[0]).args(&add[1..]).stdin(Stdio::null()).status();
    assert!(status.is_ok_and(|status| status.success()), "{} failed", add.join(" "));
    address
}
