//! What the TLS port answers: `POST /mutate`, and a refusal to everything else.
//!
//! A refused body is read to its end before the answer, and every refusal closes the connection:
//! a server that answers and closes with unread data makes Go's client see EOF or a broken pipe
//! instead of the status. Only a body that is too large is not read.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use axum::routing::post;

use super::active::{Active, ActiveCell};
use super::body::{self, BodyError};
use super::limits::{BODY_BYTES_MAX, Limits};
use crate::engine::review::{Answer, Outcome, review};
use crate::process::metrics::{Metrics, RequestResult};

/// Where the API server sends reviews. `/mutate/<profile>` is kept free.
pub const MUTATE_PATH: &str = "/mutate";

/// From here on a review may take milliseconds, which is long for a thread that others wait for.
const LONG_BODY_BYTES: usize = 256 * 1024;
/// How much of a name is logged: no valid one is longer.
const NAME_CHARS_MAX: usize = 253;

/// What the routes share.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// The rules in use.
    pub active: Arc<ActiveCell>,
    /// What is counted.
    pub metrics: Metrics,
    /// How long a body may take.
    pub limits: Limits,
}

/// The routes of the TLS port.
pub fn routes(webhook: Webhook) -> Router {
    Router::new()
        .route(MUTATE_PATH, post(mutate).fallback(method_not_allowed))
        .fallback(not_found)
        .with_state(Arc::new(webhook))
}

type Shared = State<Arc<Webhook>>;

async fn mutate(State(webhook): Shared, request: Request<Body>) -> Response<Body> {
    if !is_json(request.headers().get(header::CONTENT_TYPE)) {
        let reason = "the Content-Type must be application/json";
        return webhook.refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, reason, request.into_body()).await;
    }
    let bytes = match body::read(request.into_body(), BODY_BYTES_MAX, webhook.limits.body).await {
        Ok(bytes) => bytes,
        Err(error) => return webhook.refuse_body(error),
    };
    let started = Instant::now();
    let active = webhook.active.load();
    let reviewed = if bytes.len() > LONG_BODY_BYTES {
        // Probes and other reviews go on meanwhile.
        tokio::task::block_in_place(|| review(&bytes, &active.rules))
    } else {
        review(&bytes, &active.rules)
    };
    webhook.metrics.duration.observe(started.elapsed());
    match reviewed {
        Ok(answer) => {
            webhook.count(&active, &answer);
            json(answer.body)
        }
        Err(error) => webhook.refusal(StatusCode::BAD_REQUEST, &error.to_string()),
    }
}

async fn method_not_allowed(State(webhook): Shared, request: Request<Body>) -> Response<Body> {
    let body = request.into_body();
    let mut response =
        webhook.refuse(StatusCode::METHOD_NOT_ALLOWED, "only POST is answered here", body).await;
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
    response
}

async fn not_found(State(webhook): Shared, request: Request<Body>) -> Response<Body> {
    webhook.refuse(StatusCode::NOT_FOUND, "reviews are answered at /mutate", request.into_body()).await
}

impl Webhook {
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
    async fn refuse(&self, status: StatusCode, reason: &str, body: Body) -> Response<Body> {
        match body::discard(body, BODY_BYTES_MAX, self.limits.body).await {
            Ok(()) => self.refusal(status, reason),
            Err(error) => self.refuse_body(error),
        }
    }

    fn refuse_body(&self, error: BodyError) -> Response<Body> {
        let (status, reason) = match error {
            BodyError::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than 7 MiB"),
            BodyError::TooSlow => (StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time"),
            BodyError::Broken => (StatusCode::BAD_REQUEST, "the body broke off"),
        };
        self.refusal(status, reason)
    }

    fn refusal(&self, status: StatusCode, reason: &str) -> Response<Body> {
        self.metrics.requests(RequestResult::Error).inc();
        tracing::warn!(status = status.as_u16(), reason, "refused a request");
        let mut response = Response::new(Body::from(format!("{reason}\n")));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        response
    }
}

/// The beginning of a name: whoever reaches the port chooses its length.
fn short(name: &str) -> &str {
    name.char_indices().nth(NAME_CHARS_MAX).map_or(name, |(end, _)| &name[..end])
}

fn json(body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Tells whether a media type is JSON; parameters such as `charset` do not matter.
fn is_json(content_type: Option<&HeaderValue>) -> bool {
    let media_type = content_type.and_then(|value| value.to_str().ok()?.split(';').next());
    media_type.is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case("application/json"))
}
