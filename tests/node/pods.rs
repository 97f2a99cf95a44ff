//! What became of a Pod, in the words of the table.

use serde_json::Value;

pub(crate) const RUNNING: &str = "Running";
pub(crate) const COMPLETED: &str = "Completed";
/// No credential was sent, because the Pod names no Secret that has one for the image.
pub(crate) const NO_CREDENTIAL: &str = "ErrImagePull: no basic auth credentials";
/// A credential was sent, and the registry refused it.
pub(crate) const WRONG_CREDENTIAL: &str = "ErrImagePull: 401 Unauthorized";

/// What to look at.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Observe {
    /// All Pods of a namespace whose names begin so.
    Pods(&'static str, &'static str),
    /// The names of the pull secrets of such a Pod.
    PullSecrets(&'static str, &'static str),
    /// The debug container of such a Pod.
    Debugger(&'static str, &'static str),
    /// Whether such a Pod has an event for this reason.
    Event(&'static str, &'static str, &'static str),
}

impl Observe {
    /// Says what there is to see in these lists of all Pods and events.
    pub(crate) fn look(self, pods: &Value, events: &Value) -> String {
        let of = |namespace: &'static str, prefix: &'static str| {
            items(pods).filter(move |pod| is_named(&pod["metadata"], namespace, prefix))
        };
        match self {
            Self::Pods(namespace, prefix) => {
                let seen: Vec<String> = of(namespace, prefix).map(state).collect();
                match &seen[..] {
                    [] => "no Pod".to_owned(),
                    [only] => only.clone(),
                    [first, others @ ..] if others.iter().all(|other| other == first) => {
                        format!("{} × {first}", seen.len())
                    }
                    all => all.join("; "),
                }
            }
            Self::PullSecrets(namespace, prefix) => {
                let list = of(namespace, prefix).next().map(|pod| &pod["spec"]["imagePullSecrets"]);
                let names = list.into_iter().flat_map(|list| list.as_array().into_iter().flatten());
                names.map(|secret| text(&secret["name"])).collect::<Vec<_>>().join(", ")
            }
            Self::Debugger(namespace, prefix) => {
                let statuses =
                    of(namespace, prefix).next().map(|pod| &pod["status"]["ephemeralContainerStatuses"]);
                let first = statuses.and_then(|statuses| statuses.get(0));
                first.map_or_else(|| "no debug container".to_owned(), container_state)
            }
            Self::Event(namespace, prefix, reason) => {
                let is_it = |event: &&Value| {
                    event["reason"] == reason && is_named(&event["involvedObject"], namespace, prefix)
                };
                let found = items(events).any(|event| is_it(&event));
                if found { format!("event {reason}") } else { "no such event".to_owned() }
            }
        }
    }
}

/// What the kubelet says of Pods: the reason and the message of each warning.
pub(crate) fn said(events: &Value) -> impl Iterator<Item = String> {
    let is_of_a_pod = |event: &&Value| event["involvedObject"]["kind"] == "Pod";
    let warnings = items(events).filter(is_of_a_pod).filter(|event| event["type"] == "Warning");
    warnings.map(|event| format!("{}: {}", text(&event["reason"]), text(&event["message"])))
}

/// The members of a list.
pub(crate) fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list["items"].as_array().into_iter().flatten()
}

/// A string, or nothing.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn is_named(metadata: &Value, namespace: &str, prefix: &str) -> bool {
    metadata["namespace"] == namespace && text(&metadata["name"]).starts_with(prefix)
}

/// The state of a Pod: what keeps it from running, if anything does.
fn state(pod: &Value) -> String {
    let status = &pod["status"];
    let containers = ["initContainerStatuses", "containerStatuses"]
        .into_iter()
        .flat_map(|list| status[list].as_array().into_iter().flatten());
    let trouble = containers.clone().find(|container| is_trouble(&container["state"]["waiting"]));
    if let Some(container) = trouble {
        return container_state(container);
    }
    match text(&status["phase"]) {
        "Succeeded" => COMPLETED.to_owned(),
        RUNNING if is_ready(status) => RUNNING.to_owned(),
        phase => format!("{phase}, not ready"),
    }
}

/// Waiting for something else than its turn.
fn is_trouble(waiting: &Value) -> bool {
    waiting.is_object() && !matches!(text(&waiting["reason"]), "PodInitializing" | "ContainerCreating")
}

fn is_ready(status: &Value) -> bool {
    let conditions = status["conditions"].as_array();
    conditions.into_iter().flatten().any(|one| one["type"] == "Ready" && one["status"] == "True")
}

fn container_state(container: &Value) -> String {
    let state = &container["state"];
    if state["running"].is_object() {
        return RUNNING.to_owned();
    }
    let waiting = &state["waiting"];
    let (reason, message) = (text(&waiting["reason"]), text(&waiting["message"]));
    match reason {
        // Between two attempts it waits under the second name, and still says why.
        "ErrImagePull" | "ImagePullBackOff" => {
            let known = [NO_CREDENTIAL, WRONG_CREDENTIAL]
                .into_iter()
                .find(|known| known.split_once(": ").is_some_and(|(_, cause)| message.contains(cause)));
            known.map_or_else(|| format!("ErrImagePull: {message}"), str::to_owned)
        }
        "" => state.to_string(),
        reason => reason.to_owned(),
    }
}
