//! Calls to the API server about one registration. Each has a time limit.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::TryStreamExt as _;
use hyper::body::Incoming;
use hyper::header::DATE;
use hyper_util::client::legacy;
use hyper_util::rt::TokioExecutor;
use jiff::{SignedDuration, Timestamp};
use kube::api::{Patch, PatchParams, WatchEvent, WatchParams};
use kube::client::{Body, ConfigExt as _};
use kube::core::Request;
use serde_json::Value;
use tokio::time::timeout;
use tower::{BoxError, ServiceBuilder};

use super::registration::Sight;
use super::words;

/// How long one call may take.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// How long one watch lasts. A connection that died in silence is noticed then.
const WATCH_SECONDS: u32 = 60;
const WATCH_GRACE: Duration = Duration::from_secs(10);
/// How much of the API server's own words is logged.
const MESSAGE_CHARS_MAX: usize = 400;

const PATH: &str = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";
/// How RBAC names the objects.
pub const RESOURCE: &str = "mutatingwebhookconfigurations.admissionregistration.k8s.io";
const FIELD_MANAGER: &str = "pullkey";

/// One registration at the API server.
#[derive(Clone)]
pub struct RegistrationClient {
    client: kube::Client,
    name: String,
    clock: Clock,
}

/// How far the API server's clock is ahead of ours, by its last answer.
#[derive(Clone, Debug, Default)]
struct Clock(Arc<Mutex<SignedDuration>>);

/// The API server cannot be spoken with at all.
#[derive(Debug, thiserror::Error)]
#[error("cannot find the API server: {0}")]
pub struct ConnectError(String);

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Somebody else has written since the object was read.
    #[error("the object was changed in between")]
    Conflict,
    /// The patch does not fit the object, or its result is refused.
    #[error("the API server refuses the change (422): {0}")]
    Invalid(String),
    /// A right is missing, or a policy refuses.
    #[error("the API server forbids it (403): {0}")]
    Forbidden(String),
    /// What is called does not exist.
    #[error("there is no such object (404)")]
    NotFound,
    /// The API server answers something else.
    #[error("the API server answers {0}: {1}")]
    Other(u16, String),
    /// The API server does not answer.
    #[error("the API server cannot be reached: {0}")]
    Away(String),
}

impl RegistrationClient {
    /// Finds the API server by `KUBECONFIG`, or from within a Pod. Nothing is sent yet.
    ///
    /// # Errors
    /// Neither leads to an API server.
    pub async fn new(name: String) -> Result<Self, ConnectError> {
        let refused = |error: &(dyn std::error::Error + 'static)| ConnectError::of(error);
        let config = kube::Config::infer().await.map_err(|error| refused(&error))?;
        let connector = config.rustls_https_connector().map_err(|error| refused(&error))?;
        let auth = config.auth_layer().map_err(|error| refused(&error))?;
        let clock = Clock::default();
        let watched = clock.clone();
        // kube's own stack logs an error for each failed call; we say it once in a while.
        let service = ServiceBuilder::new()
            .layer(config.base_uri_layer())
            .option_layer(auth)
            .map_err(BoxError::from)
            .map_response(move |response: hyper::Response<Incoming>| {
                watched.look_at(&response, Timestamp::now());
                response
            })
            .service(legacy::Client::builder(TokioExecutor::new()).build::<_, Body>(connector));
        Ok(Self { client: kube::Client::new(service, config.default_namespace), name, clock })
    }

    /// The name of the registration.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How far the clock of the API server that answered last is ahead of ours; nothing as long as none did.
    #[must_use]
    pub fn clock_ahead(&self) -> SignedDuration {
        *self.clock.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the registration.
    ///
    /// # Errors
    /// Any but that it does not exist, which is an answer.
    pub async fn read(&self) -> Result<Sight, CallError> {
        let request = Request::new(PATH).get(&self.name, &kube::api::GetParams::default());
        let request = request.map_err(|error| CallError::Away(error.to_string()))?;
        match call(self.client.request_text(request)).await {
            Ok(text) => sight(&text),
            Err(CallError::NotFound) => Ok(Sight::Missing),
            Err(error) => Err(error),
        }
    }

    /// Sends a JSON patch and returns what the registration is then.
    ///
    /// # Errors
    /// It was refused, or not answered.
    pub async fn patch(&self, patch: Value) -> Result<Sight, CallError> {
        let patch = serde_json::from_value(patch).map_err(|error| CallError::Invalid(error.to_string()))?;
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let request = Request::new(PATH).patch(&self.name, &params, &Patch::<()>::Json(patch));
        let request = request.map_err(|error| CallError::Away(error.to_string()))?;
        sight(&call(self.client.request_text(request)).await?)
    }

    /// Reports the registration, if there is one, and each change of it, until the watch ends by itself.
    ///
    /// # Errors
    /// The watch cannot begin, or breaks off.
    pub async fn watch(&self, mut changed: impl FnMut(Sight)) -> Result<(), CallError> {
        let params = WatchParams {
            field_selector: Some(format!("metadata.name={}", self.name)),
            timeout: Some(WATCH_SECONDS),
            ..WatchParams::default()
        };
        // From no version on the API server begins with the object as it is now. The object's own version
        // may be older than all that it remembers.
        let request = Request::new(PATH).watch(&params, "");
        let request = request.map_err(|error| CallError::Away(error.to_string()))?;
        let events = call(self.client.request_events::<Value>(request)).await?;
        let mut events = pin!(events);
        let silence_max = Duration::from_secs(WATCH_SECONDS.into()) + WATCH_GRACE;
        loop {
            let event = timeout(silence_max, events.try_next()).await;
            let event = event.map_err(|_| CallError::Away("the watch fell silent".to_owned()))?;
            match event.map_err(|error| call_error(&error))? {
                Some(WatchEvent::Added(object) | WatchEvent::Modified(object)) => {
                    changed(Sight::of(object).map_err(|error| unreadable(&error))?);
                }
                Some(WatchEvent::Deleted(_)) => changed(Sight::Missing),
                Some(WatchEvent::Bookmark(_)) => {}
                Some(WatchEvent::Error(status)) => {
                    let message = status.message.chars().take(MESSAGE_CHARS_MAX).collect();
                    return Err(CallError::Other(status.code, message));
                }
                None => return Ok(()),
            }
        }
    }
}

impl Clock {
    fn look_at<B>(&self, response: &hyper::Response<B>, now: Timestamp) {
        let date = response.headers().get(DATE).and_then(|date| date.to_str().ok());
        if let Some(theirs) = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok()) {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = theirs.timestamp().duration_since(now);
        }
    }
}

impl ConnectError {
    pub(super) fn of(error: &(dyn std::error::Error + 'static)) -> Self {
        Self(words::of(error))
    }

    pub(super) fn because(reason: String) -> Self {
        Self(reason)
    }

    pub(super) fn no_kubeconfig() -> Self {
        let reason = "there is no kubeconfig; name one with --kubeconfig or KUBECONFIG, as for kubectl";
        Self(reason.to_owned())
    }
}

impl std::fmt::Debug for RegistrationClient {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "RegistrationClient({})", self.name)
    }
}

pub(super) async fn call<T>(answer: impl Future<Output = kube::Result<T>>) -> Result<T, CallError> {
    match timeout(CALL_TIMEOUT, answer).await {
        Ok(answer) => answer.map_err(|error| call_error(&error)),
        Err(_) => Err(CallError::Away(format!("no answer within {} s", CALL_TIMEOUT.as_secs()))),
    }
}

fn sight(text: &str) -> Result<Sight, CallError> {
    serde_json::from_str(text).and_then(Sight::of).map_err(|error| unreadable(&error))
}

fn unreadable(error: &serde_json::Error) -> CallError {
    CallError::Other(200, format!("no MutatingWebhookConfiguration ({error})"))
}

fn call_error(error: &kube::Error) -> CallError {
    let kube::Error::Api(status) = error else {
        return CallError::Away(words::of(error));
    };
    let message = status.message.chars().take(MESSAGE_CHARS_MAX).collect();
    match status.code {
        404 => CallError::NotFound,
        403 => CallError::Forbidden(message),
        409 => CallError::Conflict,
        422 => CallError::Invalid(message),
        code => CallError::Other(code, message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_of_the_api_server_is_learned_from_its_answers() {
        let (clock, now) = (Clock::default(), "2026-01-02T03:04:05Z".parse().expect("a time"));
        let answer =
            |date: &str| hyper::Response::builder().header("Date", date).body(()).expect("a response");
        let ahead = |clock: &Clock| *clock.0.lock().expect("nobody panicked");
        clock.look_at(&answer("Fri, 02 Jan 2026 01:04:05 GMT"), now);
        assert_eq!(ahead(&clock), SignedDuration::from_hours(-2));
        for date in ["", "yesterday"] {
            clock.look_at(&answer(date), now);
            assert_eq!(ahead(&clock), SignedDuration::from_hours(-2), "{date:?} says nothing");
        }
        clock.look_at(&answer("Fri, 02 Jan 2026 03:04:06 GMT"), now);
        assert_eq!(ahead(&clock), SignedDuration::from_secs(1));
    }
}
