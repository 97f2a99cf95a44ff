//! Reads users' namespaces, their Pods and their workloads, and has each judged as it comes.

use std::collections::BTreeMap;
use std::panic::resume_unwind;

use serde_json::Value;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::{JoinSet, unconstrained};

use super::progress::{Progress, say};
use super::report::Looked;
use super::{CALLS_MAX, probe, rivals, secrets};
use crate::cli::doctor::DoctorArgs;
use crate::cluster::client::CallError;
use crate::cluster::reader::Reader;
use crate::doctor::finding::{Check, Finding, Severity};
use crate::doctor::installation::Installation;
use crate::doctor::rivals::twice;
use crate::doctor::tenants::Tenants;
use crate::engine::config::Config;
use crate::engine::rules::Rules;

const NAMESPACES: &str = "/api/v1/namespaces";
/// Up to here each namespace is asked for its objects; beyond, the cluster is.
const ASKED_ONE_BY_ONE_MAX: usize = 50;

/// What is listed: the kind, where its API is, and its name in paths and in rights.
const KINDS: [(&str, &str, &str); 5] = [
    ("Pod", "/api/v1", "pods"),
    ("Deployment", "/apis/apps/v1", "deployments"),
    ("StatefulSet", "/apis/apps/v1", "statefulsets"),
    ("DaemonSet", "/apis/apps/v1", "daemonsets"),
    ("CronJob", "/apis/batch/v1", "cronjobs"),
];

/// Everything about users' namespaces; `known` is what is wrong with the installation itself.
///
/// # Errors
/// The API server does not answer. That a right is missing is a finding.
pub(super) async fn examine(
    reader: &Reader,
    installation: &Installation,
    args: &DoctorArgs,
    known: &[Finding],
) -> Result<(Vec<Finding>, Looked), CallError> {
    let replicas = installation.home.as_ref().map(|home| &home.replicas).into_iter().flatten();
    let answered = replicas.filter(|replica| replica.metrics.found().is_some()).count();
    let mut looked = Looked { replicas: answered, ..Looked::default() };
    let config = match installation.config() {
        Some(config) => Some(config),
        None => configuration(reader, installation).await?,
    };
    let rules = config.map(Rules::new);
    let rules = rules.as_ref();
    let Some(mut tenants) = Tenants::new(installation, rules) else { return Ok((Vec::new(), looked)) };
    let mut findings = Vec::new();
    let is_whole = namespaces(reader, args, &mut tenants, &mut findings).await?;
    let sent = tenants.sent();
    let lists = lists(&sent, is_whole, args, tenants.label());
    let (listed, rivals) = tokio::join!(objects(reader, lists, &mut tenants), rivals::read(reader));
    findings.extend(listed?);
    let (rivals, unseen) = rivals?;
    findings.extend(unseen);
    findings.extend(twice(&sent, &installation.others));
    if args.secrets {
        looked.secrets = Some(secrets::read(reader, &mut tenants, sent.len() <= ASKED_ONE_BY_ONE_MAX).await?);
    }
    (looked.namespaces, looked.pods) = (sent.len(), tenants.pods());
    let is_sick = known.iter().any(|finding| finding.severity == Severity::Problem);
    let (probed, tried) = probe::send(reader, installation, rules, &rivals, &sent, is_sick).await;
    looked.tried = tried;
    let lost: Vec<&Finding> = probed.iter().filter(|finding| finding.check == Check::Rival).collect();
    // What was seen to happen says more than that it might.
    if lost.is_empty() {
        findings.extend(rivals.findings(&sent));
    }
    for namespace in lost.iter().filter_map(|finding| finding.object.strip_prefix("Namespace ")) {
        tenants.excuse(namespace);
    }
    findings.extend(probed);
    findings.extend(tenants.findings(is_whole, args.secrets));
    Ok((findings, looked))
}

/// Reads the namespaces, and says whether it was all of them.
async fn namespaces(
    reader: &Reader,
    args: &DoctorArgs,
    tenants: &mut Tenants<'_>,
    findings: &mut Vec<Finding>,
) -> Result<bool, CallError> {
    let name = match &args.namespace {
        Some(name) => name,
        None => match reader.list(NAMESPACES, |namespace| tenants.namespace(&namespace)).await {
            Ok(()) => return Ok(true),
            Err(error @ CallError::Away(_)) => return Err(error),
            Err(error) => {
                let fix = "let somebody run this who may list namespaces, or name yours: --namespace NAME";
                findings.push(Finding::unseen(Check::NoNamespace, "all namespaces", error.to_string(), fix));
                reader.namespace()
            }
        },
    };
    let object = format!("Namespace {name}");
    match reader.get(&format!("{NAMESPACES}/{name}")).await {
        Ok(namespace) => tenants.asked_about(&namespace),
        Err(error @ CallError::Away(_)) => return Err(error),
        Err(CallError::NotFound) => {
            let fix = "name one that there is: --namespace NAME";
            findings.push(Finding::problem(Check::NoNamespace, &object, "there is none of this name", fix));
        }
        Err(error) => {
            let fix = format!("let somebody run this who may get namespaces, at least {name}");
            findings.push(Finding::unseen(Check::NoNamespace, &object, error.to_string(), fix));
        }
    }
    Ok(false)
}

/// One list to be read.
struct List {
    kind: &'static str,
    plural: &'static str,
    /// Empty for all namespaces.
    namespace: String,
    path: String,
    /// Only the objects that have it, and of these only those in namespaces that are not sent.
    label: Option<String>,
}

/// What has to be listed for judging these namespaces.
fn lists(sent: &[(String, Value)], is_whole: bool, args: &DoctorArgs, label: &str) -> Vec<List> {
    let mut places: Vec<(&str, Option<&str>)> = Vec::new();
    if sent.len() > ASKED_ONE_BY_ONE_MAX {
        places.push(("", None));
    } else {
        places.extend(sent.iter().map(|(name, _)| (name.as_str(), None)));
        // Labels on Pods of other namespaces, where they do nothing.
        match &args.namespace {
            Some(name) if sent.is_empty() => places.push((name, Some(label))),
            None if is_whole => places.push(("", Some(label))),
            _ => {}
        }
    }
    let lists = places.into_iter().flat_map(|(namespace, label)| {
        KINDS.map(|(kind, api, plural)| List {
            kind,
            plural,
            namespace: namespace.to_owned(),
            path: match namespace {
                "" => format!("{api}/{plural}"),
                namespace => format!("{api}/namespaces/{namespace}/{plural}"),
            },
            label: label.map(str::to_owned),
        })
    });
    lists.collect()
}

/// An object, with its kind and whether it counts only in a namespace that is not sent.
type Found = (&'static str, bool, Value);

/// Reads the lists, several at a time; what one may not list is a finding.
async fn objects(
    reader: &Reader,
    lists: Vec<List>,
    tenants: &mut Tenants<'_>,
) -> Result<Vec<Finding>, CallError> {
    let (sender, mut receiver) = unbounded_channel::<Found>();
    let mut waiting = lists.into_iter();
    let mut under_way = JoinSet::new();
    let mut unseen = BTreeMap::new();
    let mut progress = Progress::new();
    // What has arrived is judged before more is asked for, so that no more than a few pages wait.
    unconstrained(async {
        loop {
            while under_way.len() < CALLS_MAX {
                let Some(list) = waiting.next() else { break };
                under_way.spawn(read(reader.clone(), list, sender.clone()));
            }
            tokio::select! {
                biased;
                Some(found) = receiver.recv() => judge(tenants, &found),
                Some(done) = under_way.join_next() => {
                    let (list, read) = done.unwrap_or_else(|error| resume_unwind(error.into_panic()));
                    note(&mut unseen, list, read)?;
                }
                () = progress.is_due() => say(&format!("{} Pods", tenants.pods())),
            }
            if under_way.is_empty() && waiting.len() == 0 && receiver.is_empty() {
                return Ok::<(), CallError>(());
            }
        }
    })
    .await?;
    Ok(unseen.into_iter().map(|(namespace, kinds)| not_listed(&namespace, &kinds)).collect())
}

async fn read(reader: Reader, list: List, sender: UnboundedSender<Found>) -> (List, Result<(), CallError>) {
    let is_labelled = list.label.is_some();
    let send = |object| {
        // Nobody receives any more when another list has failed.
        let _ = sender.send((list.kind, is_labelled, object));
    };
    let read = reader.list_labelled(&list.path, list.label.as_deref(), send).await;
    (list, read)
}

fn judge(tenants: &mut Tenants<'_>, (kind, is_labelled, object): &Found) {
    let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
    if *is_labelled && tenants.is_sent(namespace) {
        return;
    }
    match *kind {
        "Pod" => tenants.pod(object),
        kind => tenants.workload(kind, object),
    }
}

/// What could not be listed, by the plurals of the kinds, and why.
type Unseen = BTreeMap<&'static str, CallError>;

/// Keeps what may not be listed.
fn note(
    unseen: &mut BTreeMap<String, Unseen>,
    List { plural, namespace, .. }: List,
    read: Result<(), CallError>,
) -> Result<(), CallError> {
    match read {
        // There are clusters without some of these kinds.
        Ok(()) | Err(CallError::NotFound) => {}
        Err(error @ CallError::Away(_)) => return Err(error),
        Err(error) => drop(unseen.entry(namespace).or_default().insert(plural, error)),
    }
    Ok(())
}

/// One finding for each namespace.
fn not_listed(namespace: &str, unseen: &Unseen) -> Finding {
    let object = match namespace {
        "" => "all namespaces".to_owned(),
        namespace => format!("Namespace {namespace}"),
    };
    let is_right = |error: &&CallError| matches!(error, CallError::Forbidden(_));
    // What a right is missing for stays unseen; the rest may be seen next time.
    let error = unseen.values().find(is_right).or_else(|| unseen.values().next());
    let reason = error.map(ToString::to_string).unwrap_or_default();
    let plurals: Vec<&str> = unseen.keys().copied().collect();
    let who = match error.filter(is_right) {
        Some(_) => "let somebody run this who may list there",
        None => "look again later; these could not be read to the end",
    };
    let fix = format!("{who}: {}", plurals.join(", "));
    Finding::unseen(Check::PodSecrets, &object, reason, fix)
}

/// The installed configuration: the newest of the `ConfigMaps` beside the Service that are one.
async fn configuration(reader: &Reader, installation: &Installation) -> Result<Option<Config>, CallError> {
    let Some((namespace, _)) = installation.service() else { return Ok(None) };
    let mut newest: Option<(String, Config)> = None;
    let keep = |object: Value| {
        let made = object["metadata"]["creationTimestamp"].as_str().unwrap_or_default().to_owned();
        let texts = object["data"].as_object().into_iter().flatten();
        for text in texts.filter_map(|(_, text)| text.as_str()) {
            if let Ok((config, _)) = Config::parse(text)
                && newest.as_ref().is_none_or(|(latest, _)| *latest <= made)
            {
                newest = Some((made.clone(), config));
            }
        }
    };
    match reader.list(&format!("{NAMESPACES}/{namespace}/configmaps"), keep).await {
        Err(error @ CallError::Away(_)) => Err(error),
        _ => Ok(newest.map(|(_, config)| config)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_broke_off_is_no_missing_right() {
        let gone = ("pods", CallError::Other(410, "the continue token has expired".to_owned()));
        let forbidden = ("cronjobs", CallError::Forbidden("no".to_owned()));
        let finding = not_listed("shop", &Unseen::from([gone.clone()]));
        assert!(
            finding.problem.contains("410") && finding.fix.starts_with("look again later"),
            "{finding:?}"
        );
        let finding = not_listed("shop", &Unseen::from([gone, forbidden]));
        assert!(finding.problem.contains("403") && finding.fix.ends_with("cronjobs, pods"), "{finding:?}");
    }
}
