//! A client of both ports.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;

use super::trusting::trusting;

/// How long an answer may take on a machine that is busy with other things; it only bounds a failure.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// A review whose Pod has an image of `registry.example.com` and this text in places that are not ours.
pub(crate) fn review(marker: &str) -> String {
    format!(
        r#"{{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{{"uid":"a-uid","resource":{{"group":"","version":"v1","resource":"pods"}},"namespace":"team-a","operation":"CREATE","userInfo":{{"username":"{marker}"}},"object":{{"metadata":{{"generateName":"web-","annotations":{{"note":"{marker}","{marker}":"x"}},"labels":{{"app":"{marker}"}}}},"spec":{{"containers":[{{"name":"app","image":"registry.example.com/app:1","args":["{marker}"],"env":[{{"name":"TOKEN","value":"{marker}"}}]}}]}}}}}}}}"#
    )
}

/// A request with a body that is announced as JSON.
pub(crate) fn post(body: &str) -> String {
    format!(
        "POST /mutate?timeout=5s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A body for each result that a request can have, and one with an image that is none.
pub(crate) fn one_of_each() -> [String; 5] {
    [
        review("x"),
        review("x").replacen("registry.example.com", "quay.io", 1),
        review("x").replacen("registry.example.com/app:1", "NO/image:?", 1),
        review("x").replacen("CREATE", "DELETE", 1),
        "nonsense".to_owned(),
    ]
}

/// A TLS connection to the webhook.
#[derive(Debug)]
pub(crate) struct Client(StreamOwned<ClientConnection, TcpStream>);

impl Client {
    /// Connects as a client that calls the server by `name` and trusts these certificates only.
    pub(crate) fn connect(
        address: SocketAddr,
        name: &str,
        trusted: &[CertificateDer<'static>],
    ) -> io::Result<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in trusted {
            roots.add(certificate.clone()).map_err(io::Error::other)?;
        }
        let config = trusting(roots);
        let name = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
        let mut tls = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
        let mut tcp = TcpStream::connect(address)?;
        tcp.set_read_timeout(Some(ANSWER_MAX))?;
        while tls.is_handshaking() {
            tls.complete_io(&mut tcp)?;
        }
        Ok(Self(StreamOwned::new(tls, tcp)))
    }

    /// The certificate that the server presented.
    pub(crate) fn presented(&self) -> CertificateDer<'static> {
        let chain = self.0.conn.peer_certificates().expect("the handshake is done");
        chain[0].clone().into_owned()
    }

    #[track_caller]
    pub(crate) fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).and_then(|()| self.0.flush()).expect("the server takes the bytes");
    }

    /// The head of an answer.
    #[track_caller]
    pub(crate) fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.0.read_exact(&mut byte).expect("the server answers");
            head.push(byte[0]);
        }
        String::from_utf8(head).expect("the head of an answer is text")
    }

    /// The body of one answer.
    #[track_caller]
    pub(crate) fn body(&mut self) -> String {
        let head = self.head();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length = length.and_then(|length| length.parse().ok()).expect("the answer has a length");
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).expect("the answer is whole");
        String::from_utf8(body).expect("the answer is text")
    }

    /// Sends a review and returns the names of the secrets that the answer adds.
    #[track_caller]
    pub(crate) fn injected(&mut self) -> String {
        self.send(&post(&review("x")));
        injected(&self.body())
    }
}

/// The names that an answer adds, by its patch.
#[track_caller]
pub(crate) fn injected(answer: &str) -> String {
    let answer: Value = serde_json::from_str(answer).unwrap_or_else(|error| panic!("{error}: {answer}"));
    let patch = answer["response"]["patch"].as_str().unwrap_or_else(|| panic!("no patch in {answer}"));
    let patch = STANDARD.decode(patch).expect("the patch is in Base64");
    let patch: Value = serde_json::from_slice(&patch).expect("the patch is JSON");
    let names = patch[0]["value"].as_array().expect("the list was absent");
    names.iter().filter_map(|name| name["name"].as_str()).collect::<Vec<_>>().join(",")
}

/// Asks the admin port and returns the head and the body of the answer.
pub(crate) fn admin(address: SocketAddr, path: &str) -> (String, String) {
    let ask = || -> io::Result<String> {
        let mut tcp = TcpStream::connect(address)?;
        tcp.set_read_timeout(Some(ANSWER_MAX))?;
        tcp.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes())?;
        let mut answer = String::new();
        tcp.read_to_string(&mut answer)?;
        Ok(answer)
    };
    let answer = ask().unwrap_or_else(|error| panic!("{path}: {error}"));
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
    (head.to_owned(), body.to_owned())
}
