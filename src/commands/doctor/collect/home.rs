//! Reads what stands around the Service, and asks each replica through the API server.

use std::time::Duration;

use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{list, seen};
use crate::cluster::client::CallError;
use crate::cluster::reader::Reader;
use crate::commands::input;
use crate::doctor::home::{Home, Replica};
use crate::doctor::program::{self, Program};
use crate::doctor::seen::Seen;

/// How long a replica may take to answer. One whose node is lost would hold up all else.
const REPLICA_MAX: Duration = Duration::from_secs(3);
/// How many replicas are asked.
const REPLICAS_MAX: usize = 30;

type Answer<T> = Result<Seen<T>, CallError>;

/// The nodes of the cluster.
pub(super) async fn nodes(reader: &Reader) -> Answer<Vec<Value>> {
    list(reader, "/api/v1/nodes", |_| true).await
}

/// Reads what stands around this Service.
pub(super) async fn read(
    reader: &Reader,
    namespace: &str,
    service_name: &str,
    is_fail_open: bool,
    nodes: Seen<Vec<Value>>,
) -> Result<Home, CallError> {
    let core = format!("/api/v1/namespaces/{namespace}");
    let of = |group: &str, kind: &str| format!("/apis/{group}/v1/namespaces/{namespace}/{kind}");
    let service = async { seen(reader.get(&format!("{core}/services/{service_name}")).await) };
    let (slices, deployments) = (of("discovery.k8s.io", "endpointslices"), of("apps", "deployments"));
    let (budgets, policies) =
        (of("policy", "poddisruptionbudgets"), of("networking.k8s.io", "networkpolicies"));
    let is_of_service =
        |slice: &Value| slice["metadata"]["labels"]["kubernetes.io/service-name"] == service_name;
    let (service, slices, deployments, budgets, policies) = tokio::join!(
        service,
        list(reader, &slices, is_of_service),
        list(reader, &deployments, |_| true),
        list(reader, &budgets, |_| true),
        list(reader, &policies, |_| true),
    );
    let mut home = Home {
        namespace: namespace.to_owned(),
        service_name: service_name.to_owned(),
        is_fail_open,
        service: service?,
        slices: slices?,
        deployments: deployments?,
        pods: Seen::Missing,
        budgets: budgets?,
        policies: policies?,
        nodes,
        config_map: None,
        configuration_hash: None,
        replicas: Vec::new(),
    };
    let mounted = home.mounted();
    let config_map = async {
        let Some(mounted) = mounted else { return Ok(None) };
        seen(reader.get(&format!("{core}/configmaps/{}", mounted.config_map)).await).map(Some)
    };
    // A namespace may have thousands of other Pods.
    let is_of_interest =
        |pod: &Value| home.selects(&pod["metadata"]["labels"]) || program::runs_pullkey(&pod["spec"]);
    let pods = format!("{core}/pods");
    let (pods, config_map) = tokio::join!(list(reader, &pods, is_of_interest), config_map);
    home.pods = pods?;
    home.config_map = config_map?;
    home.configuration_hash = home.configuration_text().map(input::hash);
    home.replicas = replicas(reader, &home).await;
    Ok(home)
}

/// Asks each replica that has an address.
async fn replicas(reader: &Reader, home: &Home) -> Vec<Replica> {
    let mut asked = JoinSet::new();
    let has_address = |pod: &&Value| pod["status"]["podIP"].is_string();
    for pod in home.own_pods().filter(has_address).take(REPLICAS_MAX) {
        let (Some(name), Some(program)) = (pod["metadata"]["name"].as_str(), Program::of(&pod["spec"]))
        else {
            continue;
        };
        let (reader, name, port) = (reader.clone(), name.to_owned(), program.admin_port());
        let proxy = format!("/api/v1/namespaces/{}/pods/{name}:{port}/proxy", home.namespace);
        asked.spawn(async move {
            let ask = async |path: &str| {
                answer(timeout(REPLICA_MAX, reader.text(&format!("{proxy}/{path}"))).await)
            };
            let (certificate, metrics, readiness) =
                tokio::join!(ask("certificate"), ask("metrics"), ask("readyz"));
            Replica { pod: name, certificate, metrics, readiness }
        });
    }
    let mut replicas = Vec::new();
    while let Some(replica) = asked.join_next().await {
        replicas.extend(replica.ok());
    }
    replicas.sort_by(|one, other| one.pod.cmp(&other.pod));
    replicas
}

/// What a replica answered. That it is not ready is an answer too.
fn answer(answer: Result<Result<String, CallError>, tokio::time::error::Elapsed>) -> Seen<String> {
    match answer {
        Ok(Ok(text)) => Seen::Found(text),
        Ok(Err(CallError::Other(503, text))) if text.starts_with("not ready") => Seen::Found(text),
        Ok(Err(CallError::NotFound)) => Seen::Missing,
        Ok(Err(error)) => Seen::Unseen(error.to_string()),
        Err(_) => Seen::Unseen(format!("no answer within {} s", REPLICA_MAX.as_secs())),
    }
}
