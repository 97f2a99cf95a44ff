//! Sends a Pod that is only tried into a few of the namespaces.

use std::collections::HashSet;
use std::panic::resume_unwind;
use std::time::Duration;

use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::cluster::client::CallError;
use crate::cluster::reader::Reader;
use crate::doctor::finding::Finding;
use crate::doctor::installation::Installation;
use crate::doctor::probe::{Answer, Probe};
use crate::doctor::rivals::Rivals;
use crate::engine::rules::Rules;

/// In how many namespaces a Pod is tried.
const PROBES_MAX: usize = 3;
/// When a Pod that nobody touched is tried once more.
const SECOND_TRY: Duration = Duration::from_secs(1);

/// Tries a Pod and says what is wrong with what comes back, one finding for each cause, and in how many namespaces.
pub(super) async fn send(
    reader: &Reader,
    installation: &Installation,
    rules: Option<&Rules>,
    rivals: &Rivals,
    sent: &[(String, Value)],
    is_sick: bool,
) -> (Vec<Finding>, usize) {
    let probes = sent.iter().filter_map(|namespace| Probe::new(installation, rules, rivals, namespace));
    let mut under_way = JoinSet::new();
    for probe in probes.take(PROBES_MAX) {
        let reader = reader.clone();
        under_way.spawn(async move {
            let path = format!("/api/v1/namespaces/{}/pods", probe.namespace);
            let mut answer = reader.try_to_create(&path, &probe.pod).await;
            if answer.as_ref().is_ok_and(|pod| probe.is_untouched(pod)) {
                sleep(SECOND_TRY).await;
                answer = reader.try_to_create(&path, &probe.pod).await;
            }
            (probe, answer)
        });
    }
    let mut answers = Vec::new();
    while let Some(done) = under_way.join_next().await {
        answers.push(done.unwrap_or_else(|error| resume_unwind(error.into_panic())));
    }
    answers.sort_by(|(one, _), (other, _)| one.namespace.cmp(&other.namespace));
    let (mut findings, mut known) = (Vec::new(), HashSet::new());
    let tried = answers
        .iter()
        .filter(|(_, answer)| !matches!(answer, Err(CallError::Forbidden(_) | CallError::Away(_))))
        .count();
    for (probe, answer) in answers {
        let answer = match answer {
            Ok(pod) => Answer::Created(pod),
            Err(CallError::Forbidden(said)) => Answer::Forbidden(said),
            Err(CallError::Other(_, said) | CallError::Invalid(said)) => Answer::Refused(said),
            // All else was answered; here somebody may wait for a webhook longer than a call may take.
            Err(error @ CallError::Away(_)) => Answer::Refused(error.to_string()),
            // The namespace was deleted in between.
            Err(CallError::NotFound | CallError::Conflict) => continue,
        };
        let finding = probe.judge(installation, &answer, is_sick);
        findings.extend(finding.filter(|finding| known.insert((finding.check, finding.fix.clone()))));
    }
    (findings, tried)
}
