//! Requests as the API server writes them, and how their answers are read.

use anyhow::{Context as _, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// The name in the server's certificate.
pub(crate) const HOST: &str = "pullkey.pullkey-system.svc";

/// What the image of every good review needs.
pub(crate) const CONFIG: &str = "apiVersion: pullkey.dev/v1alpha1\nkind: InjectorConfiguration\nregistries:\n  \
    - matchImages: [registry.example.com]\n    pullSecrets: [registrysecret]\n";

/// The secret of [`CONFIG`].
const SECRET: &str = "registrysecret";

/// A review with this uid that must be patched, and whose length is about `bytes`, or as short as it can be.
pub(crate) fn review(uid: &str, bytes: usize) -> String {
    let pod = |filler: &str| {
        json!({
            "metadata": { "generateName": "web-", "annotations": { "example.com/filler": filler } },
            "spec": { "containers": [{ "name": "app", "image": "registry.example.com/app:1" }] },
        })
    };
    let resource = json!({ "group": "", "version": "v1", "resource": "pods" });
    let mut review = json!({
        "kind": "AdmissionReview",
        "apiVersion": "admission.k8s.io/v1",
        "request": { "uid": uid, "resource": resource, "namespace": "team-a", "operation": "CREATE", "object": pod("") },
    });
    let filler = bytes.saturating_sub(review.to_string().len());
    review["request"]["object"] = pod(&"x".repeat(filler));
    review.to_string()
}

/// A review of about `bytes` with as many images as fit in. Each has an escaped character, so that it is no part
/// of the text that can be borrowed, and the last is one that must be patched.
pub(crate) fn review_of_images(uid: &str, bytes: usize) -> String {
    let beginning = "\"containers\":[";
    let review = review(uid, 0);
    let place = review.find(beginning).expect("a Pod has containers") + beginning.len();
    let mut containers = String::new();
    for number in 0.. {
        let container = format!("{{\"image\":\"\\/{number:x}\"}},");
        if review.len() + containers.len() + container.len() > bytes {
            break;
        }
        containers += &container;
    }
    format!("{}{containers}{}", &review[..place], &review[place..])
}

/// The head of a request to `/mutate` with these headers more.
pub(crate) fn head(headers: &str) -> String {
    format!(
        "POST /mutate?timeout=5s HTTP/1.1\r\nHost: {HOST}:443\r\nUser-Agent: kube-apiserver-admission\r\n\
         Accept: application/json, */*\r\nContent-Type: application/json\r\nAccept-Encoding: gzip\r\n{headers}\r\n"
    )
}

/// A request with this body.
pub(crate) fn post(body: &str) -> String {
    head(&format!("Content-Length: {}\r\n", body.len())) + body
}

/// A good request.
pub(crate) fn good() -> String {
    post(&review("a-uid", 0))
}

/// An answer as it came.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// Cuts the first answer off these bytes; nothing while it is not whole.
    pub(crate) fn cut(bytes: &mut Vec<u8>) -> anyhow::Result<Option<Self>> {
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            return Ok(None);
        };
        let head =
            String::from_utf8(bytes[..end + 4].to_vec()).context("the head of an answer is no text")?;
        let status = head.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)?.parse().ok());
        let Some(status) = status else { bail!("no status line: {head:?}") };
        let length = header(&head, "content-length").map_or(Ok(0), str::parse).context("no length")?;
        let whole = end + 4 + length;
        if bytes.len() < whole {
            return Ok(None);
        }
        let body = String::from_utf8(bytes[end + 4..whole].to_vec()).context("an answer is no text")?;
        bytes.drain(..whole);
        Ok(Some(Self { status, head, body }))
    }

    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }

    /// Whether the server says that it closes the connection.
    pub(crate) fn closes(&self) -> bool {
        self.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }

    /// Fails unless this is the right answer to a review with this uid.
    pub(crate) fn is_right(&self, uid: &str) -> anyhow::Result<()> {
        ensure!(self.status == 200, "a good review is answered by {} {:?}", self.status, self.body);
        let answer: Value = serde_json::from_str(&self.body).context("the answer is no JSON")?;
        let response = &answer["response"];
        ensure!(response["uid"] == uid && response["allowed"] == true, "a wrong answer: {answer}");
        let patch = response["patch"].as_str().and_then(|patch| STANDARD.decode(patch).ok());
        let patch: Value = patch
            .and_then(|patch| serde_json::from_slice(&patch).ok())
            .context("no patch that can be read")?;
        let expected =
            json!([{ "op": "add", "path": "/spec/imagePullSecrets", "value": [{ "name": SECRET }] }]);
        ensure!(patch == expected, "a wrong patch: {patch}");
        Ok(())
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    fields.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}
