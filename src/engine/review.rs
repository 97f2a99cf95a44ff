//! The hot path: the bytes of an `AdmissionReview` in, the bytes of the answer out.
//!
//! The protocol is `admission.k8s.io/v1`; what the API server checks of an answer stands in
//! `VerifyAdmissionResponse` (apiserver `pkg/admission/plugin/webhook/request/admissionreview.go`).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use json_patch::Patch;
use serde::Serialize;
use serde::de::IgnoredAny;

use super::json::{Text, members};
use super::patch;
use super::pod::{PodView, Skip};
use super::rules::{Rules, Selection};

/// The only version of the protocol that pullkey speaks.
pub const API_VERSION: &str = "admission.k8s.io/v1";
const KIND: &str = "AdmissionReview";
/// How much of a foreign `apiVersion` or `kind` is repeated in an error.
const NAME_CHARS_MAX: usize = 64;
/// The longest `uid` that is repeated. The API server's have 36 bytes; a stranger's could make each answer
/// as long as a request.
const UID_BYTES_MAX: usize = 253;

/// The answer to a review, with what there is to say about it.
#[derive(Debug)]
pub struct Answer<'r, 'b> {
    /// The answer as JSON.
    pub body: Vec<u8>,
    /// What became of the Pod.
    pub outcome: Outcome<'r>,
    /// The positions in [`Rules::entries`] of the entries that contributed.
    pub entries: Vec<usize>,
    /// How many of the Pod's images could not be read.
    pub unparsable: usize,
    /// Which request and Pod it was.
    pub subject: Subject<'b>,
}

/// What became of a Pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome<'r> {
    /// These names were added.
    Patched(Vec<&'r str>),
    /// The Pod has all that it needs.
    Unchanged,
    /// The Pod is none of ours.
    Skipped(SkipReason),
}

/// Why a request was answered without a look at the images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SkipReason {
    /// The request is not the creation of a Pod.
    NotAPodCreation,
    /// The Pod says so itself.
    Pod(Skip),
}

/// Which request and Pod an answer is about, for the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject<'b> {
    uid: Text<'b>,
    namespace: Text<'b>,
    name: Text<'b>,
    generate_name: Text<'b>,
}

impl Subject<'_> {
    /// The `uid` of the request, new with every call.
    #[must_use]
    pub fn uid(&self) -> &str {
        &self.uid
    }

    /// The namespace of the Pod.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The name of the Pod; empty while only `generateName` is known.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The prefix from which the API server will make the Pod's name, or empty.
    #[must_use]
    pub fn generate_name(&self) -> &str {
        &self.generate_name
    }
}

/// Why bytes are no review that can be answered. The server says 400.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReviewError {
    /// The body is not UTF-8, not JSON, or has a member of the wrong type.
    Malformed(String),
    /// The body is JSON of another kind or version.
    NotAReview {
        /// Its `apiVersion`.
        api_version: String,
        /// Its `kind`.
        kind: String,
    },
    /// The review has no request.
    NoRequest,
    /// The request has no `uid`, without which no answer is accepted.
    NoUid,
    /// The `uid`, which the answer repeats, is longer than any that the API server makes.
    LongUid,
}

members! {
    struct Review<'a, O> as "a review" {
        api_version: Text<'a> = "apiVersion",
        kind: Text<'a> = "kind",
        request: Option<Request<'a, O>> = "request",
    }
}

members! {
    struct Request<'a, O> as "a request" {
        uid: Text<'a> = "uid",
        resource: Resource<'a> = "resource",
        sub_resource: Text<'a> = "subResource",
        name: Text<'a> = "name",
        namespace: Text<'a> = "namespace",
        operation: Text<'a> = "operation",
        object: Option<O> = "object",
    }
}

members! {
    struct Resource<'a> as "a resource" {
        group: Text<'a> = "group",
        version: Text<'a> = "version",
        plural: Text<'a> = "resource",
    }
}

impl<'b, O> Request<'b, O> {
    /// The same request about an object that nobody looks at.
    fn without_object<P>(self) -> Request<'b, P> {
        let Self { uid, resource, sub_resource, name, namespace, operation, object: _ } = self;
        Request { uid, resource, sub_resource, name, namespace, operation, object: None }
    }

    fn is_pod_creation(&self) -> bool {
        let Resource { group, version, plural } = &self.resource;
        let is_pod = group.is_empty() && &**version == "v1" && &**plural == "pods";
        is_pod && self.sub_resource.is_empty() && &*self.operation == "CREATE"
    }
}

/// Answers a review: which pull secrets the Pod in it lacks.
///
/// # Errors
/// The bytes are no `admission.k8s.io/v1` review. A review is never answered with a refusal.
pub fn review<'r, 'b>(body: &'b [u8], rules: &'r Rules) -> Result<Answer<'r, 'b>, ReviewError> {
    let text = std::str::from_utf8(body).map_err(|e| ReviewError::Malformed(format!("not UTF-8: {e}")))?;
    let request = match serde_json::from_str::<Review<'b, PodView<'b>>>(text) {
        Ok(review) => review.into_request()?,
        // An object that is no Pod may have members of any type.
        Err(error) => match serde_json::from_str::<Review<'b, IgnoredAny>>(text) {
            Ok(review) => match review.into_request()? {
                request if request.is_pod_creation() => return Err(malformed(&error)),
                request => request.without_object(),
            },
            Err(_) => return Err(malformed(&error)),
        },
    };
    Ok(answer(request, rules))
}

/// What is wrong with a JSON text, without any value of it: a Pod may hold secrets, and this is logged.
fn malformed(error: &serde_json::Error) -> ReviewError {
    let text = error.to_string();
    // serde says `invalid type: string "…", expected a container as an object at line 1 column 2`.
    ReviewError::Malformed(match text.rsplit_once(", expected ") {
        _ if !error.is_data() || text.starts_with("duplicate member `") => text,
        Some((_, expected)) => format!("expected {expected}"),
        None => format!("a value is wrong at line {} column {}", error.line(), error.column()),
    })
}

fn answer<'r, 'b>(request: Request<'b, PodView<'b>>, rules: &'r Rules) -> Answer<'r, 'b> {
    let is_pod_creation = request.is_pod_creation();
    let pod = request.object.unwrap_or_default();
    let skip =
        if is_pod_creation { pod.skip().map(SkipReason::Pod) } else { Some(SkipReason::NotAPodCreation) };
    let selection = match skip {
        Some(_) => Selection::default(),
        None => rules.select(pod.images(), &request.namespace),
    };
    let missing = patch::missing(&pod, &selection.names);
    let body = render(&request.uid, &missing, patch::patch(&pod, &missing).as_ref());
    let outcome = match skip {
        Some(reason) => Outcome::Skipped(reason),
        None if missing.is_empty() => Outcome::Unchanged,
        None => Outcome::Patched(missing),
    };
    let name = if request.name.is_empty() { pod.metadata.name } else { request.name };
    let subject = Subject {
        uid: request.uid,
        namespace: request.namespace,
        name,
        generate_name: pod.metadata.generate_name,
    };
    Answer { body, outcome, entries: selection.entries, unparsable: selection.unparsable, subject }
}

/// An `AdmissionReview` with a response. `patchType` stands there only with a patch, as the API
/// server demands.
fn render(uid: &str, added: &[&str], patch: Option<&Patch>) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct ReviewOut<'a> {
        api_version: &'a str,
        kind: &'a str,
        response: Response<'a>,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Response<'a> {
        uid: &'a str,
        allowed: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        patch_type: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        patch: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        audit_annotations: Option<AuditAnnotations>,
    }
    #[derive(Serialize)]
    struct AuditAnnotations {
        injected: String,
    }

    let json = |patch| serde_json::to_vec(patch).expect("a patch of strings is always JSON");
    let response = Response {
        uid,
        allowed: true,
        patch_type: patch.map(|_| "JSONPatch"),
        patch: patch.map(|patch| STANDARD.encode(json(patch))),
        audit_annotations: patch.map(|_| AuditAnnotations { injected: added.join(",") }),
    };
    let review = ReviewOut { api_version: API_VERSION, kind: KIND, response };
    serde_json::to_vec(&review).expect("a review of strings is always JSON")
}

impl<'b, O> Review<'b, O> {
    fn into_request(self) -> Result<Request<'b, O>, ReviewError> {
        if &*self.api_version != API_VERSION || &*self.kind != KIND {
            // Whoever reaches the port chooses these texts, and they are logged.
            let short = |text: &str| text.chars().take(NAME_CHARS_MAX).collect();
            let (api_version, kind) = (short(&self.api_version), short(&self.kind));
            return Err(ReviewError::NotAReview { api_version, kind });
        }
        let request = self.request.ok_or(ReviewError::NoRequest)?;
        match request.uid.len() {
            0 => Err(ReviewError::NoUid),
            1..=UID_BYTES_MAX => Ok(request),
            _ => Err(ReviewError::LongUid),
        }
    }
}

impl fmt::Display for ReviewError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(reason) => write!(f, "the body is no AdmissionReview: {reason}"),
            Self::NotAReview { api_version, kind } => write!(
                f,
                "the body is {kind:?} of {api_version:?}; this webhook speaks {KIND:?} of {API_VERSION:?} only"
            ),
            Self::NoRequest => f.write_str("the AdmissionReview has no request"),
            Self::NoUid => f.write_str("the AdmissionReview has no request.uid"),
            Self::LongUid => write!(f, "request.uid is longer than {UID_BYTES_MAX} bytes"),
        }
    }
}

impl std::error::Error for ReviewError {}
