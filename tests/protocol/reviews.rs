//! Requests, written out as the API server writes them, and the answers they must get.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

pub(crate) const UID: &str = "705ab4f5-6393-11e8-b7cc-42010a800002";

/// A Pod that lacks `registrysecret`.
pub(crate) const GOOD_POD: &str = r#"{"metadata":{"name":"web"},"spec":{"containers":[{"name":"app","image":"registry.example.com/app:1"}]}}"#;

/// The review of a Pod's creation.
pub(crate) fn create(pod: &str) -> String {
    [
        r#"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"#,
        r#""uid":"705ab4f5-6393-11e8-b7cc-42010a800002","kind":{"group":"","version":"v1","kind":"Pod"},"#,
        r#""resource":{"group":"","version":"v1","resource":"pods"},"#,
        r#""requestKind":{"group":"","version":"v1","kind":"Pod"},"#,
        r#""requestResource":{"group":"","version":"v1","resource":"pods"},"#,
        r#""namespace":"team-a","operation":"CREATE","userInfo":{"username":"somebody"},"object":"#,
        pod,
        r#","oldObject":null,"dryRun":false,"options":{"kind":"CreateOptions","apiVersion":"meta.k8s.io/v1"}}}"#,
    ]
    .concat()
}

/// The review of a Pod with one container of this image.
pub(crate) fn create_with_image(image: &str) -> String {
    create(&format!(r#"{{"spec":{{"containers":[{{"name":"app","image":"{image}"}}]}}}}"#))
}

/// A text with one part replaced, which must be there.
#[track_caller]
pub(crate) fn replaced(text: &str, from: &str, to: &str) -> String {
    assert_eq!(text.matches(from).count(), 1, "{from:?} does not stand once in {text:?}");
    text.replacen(from, to, 1)
}

/// The good review with one part replaced.
#[track_caller]
pub(crate) fn good_but(from: &str, to: &str) -> String {
    replaced(&create(GOOD_POD), from, to)
}

/// A request as the API server sends it.
pub(crate) fn post(body: &str) -> String {
    post_to("/mutate?timeout=5s", "Content-Type: application/json\r\n", body)
}

/// A `POST` with a content type, and other headers, of the test's own.
pub(crate) fn post_to(target: &str, headers: &str, body: &str) -> String {
    format!(
        "POST {target} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: kube-apiserver-admission\r\n\
         Content-Length: {}\r\nAccept: application/json, */*\r\n{headers}Accept-Encoding: gzip\r\n\r\n{body}",
        body.len()
    )
}

/// The head of a request whose body the test sends in chunks.
pub(crate) const CHUNKED_HEAD: &str = "POST /mutate HTTP/1.1\r\nHost: localhost\r\n\
    Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";

/// A body in chunks of this length, with its end.
pub(crate) fn chunked(body: &[u8], length: usize) -> Vec<u8> {
    let mut chunks = Vec::new();
    for chunk in body.chunks(length) {
        chunks.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        chunks.extend_from_slice(chunk);
        chunks.extend_from_slice(b"\r\n");
    }
    chunks.extend_from_slice(b"0\r\n\r\n");
    chunks
}

/// The answer to a review that is let pass as it is.
pub(crate) fn allowed() -> String {
    ok(&format!(r#"{{"uid":"{UID}","allowed":true}}"#))
}

/// The answer with a patch.
pub(crate) fn patched(patch: &str, injected: &str) -> String {
    let patch = STANDARD.encode(patch);
    ok(&format!(
        r#"{{"uid":"{UID}","allowed":true,"patchType":"JSONPatch","patch":"{patch}","auditAnnotations":{{"injected":"{injected}"}}}}"#
    ))
}

/// The answer with this response.
pub(crate) fn ok(response: &str) -> String {
    let body =
        format!(r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{response}}}"#);
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\ndate: (date)\r\n\r\n{body}",
        body.len()
    )
}

/// A refusal, after which the connection is closed.
pub(crate) fn refused(status: &str, reason: &str) -> String {
    refused_with(status, "", reason)
}

/// A refusal with another header.
pub(crate) fn refused_with(status: &str, header: &str, reason: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/plain; charset=utf-8\r\nconnection: close\r\n{header}\
         content-length: {}\r\ndate: (date)\r\n\r\n{reason}\n",
        reason.len() + 1
    )
}

/// The refusal of a body that is no review.
pub(crate) fn malformed(reason: &str) -> String {
    refused("400 Bad Request", &format!("the body is no AdmissionReview: {reason}"))
}
