//! Malformed requests of many kinds, each with the answers that are right.

use anyhow::{Context as _, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::client::ANSWER_MAX;
use super::load::Target;
use super::requests::{Answer, head, post, review};

/// One kind.
#[derive(Debug)]
pub(crate) struct Malformed {
    bytes: Vec<u8>,
    /// The status that it must get; none where the server may also say nothing.
    status: Option<u16>,
    is_tls: bool,
}

/// All kinds.
pub(crate) fn kinds() -> Vec<Malformed> {
    let good = review("x", 0);
    let good_but = |from: &str, to: &str| post(&good.replacen(from, to, 1));
    let length = good.len();
    let mut random = fastrand::Rng::with_seed(5);
    let mut noise = |length: usize| (0..length).map(|_| random.u8(..)).collect::<Vec<u8>>();
    let texts = [
        (post("nonsense"), Some(400)),
        (post(""), Some(400)),
        (post("null"), Some(400)),
        (post(&"[".repeat(10_000)), Some(400)),
        (post(&good[..length - 1]), Some(400)),
        (good_but("admission.k8s.io/v1", "admission.k8s.io/v1beta1"), Some(400)),
        (good_but("\"uid\"", "\"vid\""), Some(400)),
        (good_but("\"containers\":[", "\"containers\":[7,"), Some(400)),
        (post(&good).replacen("application/json\r\nAccept", "text/plain\r\nAccept", 1), Some(415)),
        (post(&good).replacen("POST", "PUT", 1), Some(405)),
        (post(&good).replacen("/mutate", "/other", 1), Some(404)),
        (head("Content-Length: 99999999\r\n"), Some(413)),
        (head("Transfer-Encoding: chunked\r\n") + "x\r\n", Some(400)),
        (head("Content-Length: 5\r\nContent-Length: 6\r\n") + "[1,2]", Some(400)),
        (head(&"X-More: 1\r\n".repeat(1000)), Some(431)),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), None),
        ("GET\r\n\r\n".to_owned(), Some(400)),
    ];
    let mut kinds: Vec<Malformed> = texts
        .into_iter()
        .map(|(text, status)| Malformed { bytes: text.into_bytes(), status, is_tls: true })
        .collect();
    for bytes in [post(&good).into_bytes(), noise(3000), vec![22, 3, 1, 255, 255, 1]] {
        kinds.push(Malformed { bytes, status: None, is_tls: false });
    }
    kinds
}

impl Malformed {
    /// Sends it on a connection of its own, and waits for the end of that.
    pub(crate) async fn send(&self, target: &Target) -> anyhow::Result<()> {
        let shown = || String::from_utf8_lossy(&self.bytes[..self.bytes.len().min(80)]).into_owned();
        timeout(ANSWER_MAX, self.exchange(target)).await.with_context(shown)?.with_context(shown)
    }

    async fn exchange(&self, target: &Target) -> anyhow::Result<()> {
        let mut said = Vec::new();
        if self.is_tls {
            let mut connection = target.connect().await?;
            connection.send(&self.bytes).await?;
            said = connection.rest().await;
        } else {
            let mut tcp = TcpStream::connect(target.address).await?;
            // It closes when it has seen enough, which may be before all was sent or read.
            let _ = tcp.write_all(&self.bytes).await;
            let _ = tcp.shutdown().await;
            let _ = tcp.read_to_end(&mut said).await;
            ensure!(said.is_empty() || said[0] == 21, "it is answered by {said:?}");
            return Ok(());
        }
        let status = Answer::cut(&mut said)?.map(|answer| answer.status);
        ensure!(said.is_empty(), "more than one answer: {:?}", String::from_utf8_lossy(&said));
        let is_right = match (self.status, status) {
            (Some(right), status) => status == Some(right),
            (None, status) => status.is_none_or(|status| status == 400),
        };
        ensure!(is_right, "it is answered by {status:?} instead of {:?}", self.status);
        Ok(())
    }
}
