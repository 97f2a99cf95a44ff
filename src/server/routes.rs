//! What the TLS port answers: `POST /mutate`, and a refusal to everything else.
//!
//! A refused body is read to its end before the answer, and every refusal closes the connection:
//! a server that answers and closes with unread data makes Go's client see EOF or a broken pipe
//! instead of the status. Only a body that is too large is not read.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode, header, header::HeaderValue};

use super::active::{Active, ActiveCell};
use super::body::{self, BodyError};
use super::connections::{Connection, Phase, Traffic};
use super::gate::Permit;
use super::limits::Limits;
use crate::engine::review::{Answer, Outcome, ReviewError};
use crate::engine::rules::Rules;
use crate::process::metrics::{Metrics, RequestResult};

/// Where the API server sends reviews. `/mutate/<profile>` is kept free.
pub const MUTATE_PATH: &str = "/mutate";

/// From here on a review may take milliseconds, which is long for a thread that others wait for.
const LONG_BODY_BYTES: usize = 256 * 1024;
/// How much of a name is logged: no valid one is longer.
const NAME_CHARS_MAX: usize = 253;
/// When a caller that was sent away comes again, in seconds; client-go does so by itself, with 503 only.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// Answers a review: the engine's [`review`](crate::engine::review::review), in tests also others.
pub type Reviewer = for<'b, 'r> fn(&'b [u8], &'r Rules) -> Result<Answer<'r, 'b>, ReviewError>;

/// What answers requests.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// The rules in use.
    pub active: Arc<ActiveCell>,
    /// What is counted.
    pub metrics: Metrics,
    /// What answers a review.
    pub review: Reviewer,
}

/// Who asks: a connection, and what it shares with the others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caller<'a> {
    pub(super) connection: &'a Connection,
    pub(super) traffic: &'a Traffic,
    pub(super) limits: &'a Limits,
}

type Answered = Response<Full<Bytes>>;

/// Why a request is none for a review, by its head.
struct Refusal {
    status: StatusCode,
    reason: &'static str,
}

impl Refusal {
    fn of(request: &Request<Incoming>) -> Option<Self> {
        let (status, reason) = if request.uri().path() != MUTATE_PATH {
            (StatusCode::NOT_FOUND, "reviews are answered at /mutate")
        } else if request.method() != Method::POST {
            (StatusCode::METHOD_NOT_ALLOWED, "only POST is answered here")
        } else if !is_json(request.headers().get(header::CONTENT_TYPE)) {
            (StatusCode::UNSUPPORTED_MEDIA_TYPE, "the Content-Type must be application/json")
        } else {
            return None;
        };
        Some(Self { status, reason })
    }
}

impl Webhook {
    /// Answers one request.
    pub(super) async fn answer(&self, request: Request<Incoming>, caller: Caller<'_>) -> Answered {
        let mut in_flight = None;
        // A caller that is known to be a good one need not wait behind strangers.
        if !caller.connection.is_proven() {
            in_flight = caller.traffic.requests.pass(1, &caller.connection.parts.requests).await;
            if in_flight.is_none() {
                return self.shed(request.into_body(), caller).await;
            }
        }
        let Some(refusal) = Refusal::of(&request) else {
            return self.mutate(request.into_body(), in_flight, caller).await;
        };
        // A request that is refused takes nobody's place while the rest of it comes.
        drop(in_flight);
        let mut response = self.refuse(refusal.status, refusal.reason, request, caller).await;
        if refusal.status == StatusCode::METHOD_NOT_ALLOWED {
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
        }
        response
    }

    async fn mutate(&self, body: Incoming, in_flight: Option<Permit<'_>>, caller: Caller<'_>) -> Answered {
        let Caller { connection, traffic, limits } = caller;
        let body = match body::read(body, limits, traffic, &connection.parts.body_bytes).await {
            Ok(body) => body,
            Err(BodyError::Busy(rest)) => {
                drop(in_flight);
                return self.shed(rest, caller).await;
            }
            Err(error) => return self.refuse_body(&error),
        };
        connection.enter(Phase::Working);
        let reviewed = if body.bytes.len() > LONG_BODY_BYTES {
            let Some(_thread) = traffic.long_reviews.pass(1, &connection.parts.long_reviews).await else {
                return self.come_again();
            };
            // Probes and other reviews go on meanwhile.
            tokio::task::block_in_place(|| self.review(&body.bytes))
        } else {
            self.review(&body.bytes)
        };
        match reviewed {
            Ok(answer) => {
                connection.prove();
                json(answer)
            }
            Err((status, reason)) => self.refusal(status, &reason),
        }
    }

    /// Answers a review, or says why not.
    fn review(&self, body: &[u8]) -> Result<Vec<u8>, (StatusCode, String)> {
        let started = Instant::now();
        let active = self.active.load();
        // The engine has no state that a panic could leave in disorder.
        let reviewed = catch_unwind(AssertUnwindSafe(|| {
            let reviewed = (self.review)(body, &active.rules);
            self.metrics.duration.observe(started.elapsed());
            reviewed.map(|answer| {
                self.count(&active, &answer);
                answer.body
            })
        }));
        match reviewed {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err((StatusCode::BAD_REQUEST, error.to_string())),
            Err(_) => {
                let reason = "the review failed by a fault of pullkey; its log has the place";
                Err((StatusCode::INTERNAL_SERVER_ERROR, reason.to_owned()))
            }
        }
    }

    fn count(&self, active: &Active, answer: &Answer<'_, '_>) {
        active.count(&answer.entries);
        self.metrics.images_unparsable.inc_by(answer.unparsable as u64);
        let result = match &answer.outcome {
            Outcome::Patched(names) => {
                let subject = &answer.subject;
                tracing::info!(
                    uid = short(subject.uid()),
                    namespace = short(subject.namespace()),
                    name = short(subject.name()),
                    generate_name = short(subject.generate_name()),
                    names = names.join(","),
                    "patched"
                );
                RequestResult::Patched
            }
            Outcome::Unchanged => RequestResult::Unchanged,
            Outcome::Skipped(_) => RequestResult::Skipped,
        };
        self.metrics.requests(result).inc();
    }

    /// Reads what is left of the request, then refuses it.
    async fn refuse(
        &self,
        status: StatusCode,
        reason: &str,
        request: Request<Incoming>,
        caller: Caller<'_>,
    ) -> Answered {
        match body::discard(request.into_body(), caller.limits.body).await {
            Ok(()) => self.refusal(status, reason),
            Err(error) => self.refuse_body(&error),
        }
    }

    fn refuse_body(&self, error: &BodyError) -> Answered {
        let (status, reason) = match error {
            BodyError::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than 7 MiB"),
            BodyError::TooSlow => (StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time"),
            BodyError::Broken => (StatusCode::BAD_REQUEST, "the body broke off"),
            BodyError::Busy(_) => return self.come_again(),
        };
        self.refusal(status, reason)
    }

    fn refusal(&self, status: StatusCode, reason: &str) -> Answered {
        self.metrics.requests(RequestResult::Error).inc();
        tracing::warn!(status = status.as_u16(), reason, "refused a request");
        closing(status, format!("{reason}\n"))
    }

    /// Reads what is left of a request for which there is no room, then tells the caller to come again.
    async fn shed(&self, body: Incoming, caller: Caller<'_>) -> Answered {
        match body::discard(body, caller.limits.body).await {
            Ok(()) => self.come_again(),
            Err(error) => self.refuse_body(&error),
        }
    }

    fn come_again(&self) -> Answered {
        self.metrics.requests(RequestResult::Shed).inc();
        tracing::debug!("told a caller to come again");
        let mut response =
            closing(StatusCode::SERVICE_UNAVAILABLE, "too many requests at once; come again\n".to_owned());
        response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
        response
    }
}

/// The beginning of a name: whoever reaches the port chooses its length.
fn short(name: &str) -> &str {
    name.char_indices().nth(NAME_CHARS_MAX).map_or(name, |(end, _)| &name[..end])
}

/// An answer in plain text after which the connection ends.
fn closing(status: StatusCode, text: String) -> Answered {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

fn json(body: Vec<u8>) -> Answered {
    let mut response = Response::new(Full::from(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Tells whether a media type is JSON; parameters such as `charset` do not matter.
fn is_json(content_type: Option<&HeaderValue>) -> bool {
    let media_type = content_type.and_then(|value| value.to_str().ok()?.split(';').next());
    media_type.is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case("application/json"))
}
