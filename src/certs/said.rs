//! What the log says about the registration: each thing when it begins, and again every 30 s.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jiff::SignedDuration;

use super::plan::Action;
use crate::cluster::client::{CallError, RESOURCE};
use crate::cluster::registration::{Sight, WEBHOOK_NAME};

const AGAIN: Duration = Duration::from_secs(30);
/// Half of what a certificate bears.
const CLOCKS_APART: SignedDuration = SignedDuration::from_mins(30);
/// So many refusals of the same kind in a row are no race with another writer.
const REFUSALS: u32 = 3;

/// What was said, and when.
#[derive(Debug)]
pub struct Said {
    name: String,
    /// By the verb of the call.
    trouble: BTreeMap<&'static str, (CallError, Instant)>,
    sight: Option<(&'static str, Instant)>,
    clock: Option<Instant>,
}

impl Said {
    /// Begins for the registration of a name.
    #[must_use]
    pub fn new(name: String) -> Self {
        Self { name, trouble: BTreeMap::new(), sight: None, clock: None }
    }

    /// Says what kind of registration there is.
    pub fn sight(&mut self, sight: &Sight) {
        let kind = match sight {
            Sight::Unknown => return,
            Sight::Missing => "missing",
            Sight::NoWebhook(_) => "no webhook",
            Sight::Found(_) => "found",
        };
        let is_same = self
            .sight
            .is_some_and(|(said, at)| said == kind && (kind != "no webhook" || at.elapsed() < AGAIN));
        if is_same {
            return;
        }
        self.sight = Some((kind, Instant::now()));
        let registration = &self.name;
        match sight {
            Sight::NoWebhook(_) => tracing::error!(
                registration,
                "the registration has no webhook of the name {WEBHOOK_NAME}: our certificate is published nowhere; give the webhook this name"
            ),
            Sight::Missing => tracing::warn!(
                registration,
                "there is no MutatingWebhookConfiguration of this name (yet): no request will come"
            ),
            _ => tracing::info!(registration, "found the registration"),
        }
    }

    /// The API server's clock is so far ahead of ours.
    pub fn clock(&mut self, ahead: SignedDuration) {
        if ahead.abs() < CLOCKS_APART || self.clock.is_some_and(|said| said.elapsed() < AGAIN) {
            return;
        }
        self.clock = Some(Instant::now());
        let (minutes, side) =
            (ahead.as_mins().abs(), if ahead.is_negative() { "ahead of" } else { "behind" });
        tracing::error!(
            registration = self.name,
            minutes,
            "the clock of this machine is {side} that of the API server: a certificate issued by a clock that is more than an hour ahead is not valid there yet, and is not served; set the clock"
        );
    }

    /// A call failed, and so often in a row.
    pub fn trouble(&mut self, verb: &'static str, error: &CallError, in_a_row: u32) {
        let registration = &self.name;
        if matches!(error, CallError::Conflict | CallError::NotFound) {
            tracing::debug!(registration, %error, "another writer was first");
            return;
        }
        if matches!(error, CallError::Invalid(_)) && in_a_row < REFUSALS {
            tracing::debug!(registration, %error, "the change was refused");
            return;
        }
        if self.trouble.get(verb).is_some_and(|(said, at)| said == error && at.elapsed() < AGAIN) {
            return;
        }
        match error {
            CallError::Forbidden(_) => tracing::error!(
                registration, %error,
                "a right is missing: this account must be allowed to {verb} {RESOURCE} {:?}; see the ClusterRole in deploy/",
                self.name
            ),
            CallError::Invalid(_) => tracing::error!(
                registration, %error, in_a_row,
                "the API server refuses the caBundle again and again"
            ),
            _ => tracing::warn!(registration, %error, verb, "the registration cannot be reached"),
        }
        self.trouble.insert(verb, (error.clone(), Instant::now()));
    }

    /// A call was answered.
    pub fn answer(&mut self, verb: &'static str) {
        let before = self.trouble.len();
        // Any answer shows that the API server is there; whether a right is missing only the same call shows.
        self.trouble.retain(|other, (error, _)| *other != verb && !matches!(error, CallError::Away(_)));
        if self.trouble.len() < before {
            tracing::info!(registration = self.name, verb, "the API server answers again");
        }
    }

    /// Something was written.
    pub fn done(&self, action: &Action, is_repair: bool) {
        let registration = &self.name;
        match action {
            Action::Write(_) if is_repair => tracing::warn!(
                registration,
                "put our certificate back into the caBundle: somebody had changed it"
            ),
            Action::Write(_) => tracing::info!(registration, "added our certificate to the caBundle"),
            Action::Untouch => {
                tracing::warn!(
                    registration,
                    "a client does not trust our certificate: touched the registration"
                );
            }
            _ => tracing::debug!(registration, "touched the registration"),
        }
    }
}
