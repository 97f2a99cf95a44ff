//! Clients that behave as the API server: many at once, over kept connections and new ones, obeying `Retry-After`.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::client::ANSWER_MAX;
use super::requests::{Answer, HOST, post, review};

/// Where strangers come from: one Pod may have two addresses.
pub(crate) const ELSEWHERE: [Ipv4Addr; 2] = [Ipv4Addr::new(127, 0, 0, 2), Ipv4Addr::new(127, 0, 0, 3)];

/// Whom to call, and how.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) tls: Arc<ClientConfig>,
}

/// A connection that may carry many requests.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TlsStream<TcpStream>,
    received: Vec<u8>,
}

/// A request with the answer that it must get.
#[derive(Debug)]
pub(crate) struct Known {
    request: Vec<u8>,
    uid: String,
    right: Answer,
}

/// What became of the requests of one or many clients.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// How long each took that was answered, from before the connection was opened.
    pub(crate) accepted: Vec<Duration>,
    /// Answers that asked to try again.
    pub(crate) refused: usize,
    /// Everything else, which must not be.
    pub(crate) failures: Vec<String>,
}

impl Target {
    pub(crate) async fn connect(&self) -> anyhow::Result<Connection> {
        let open = async {
            let tcp = TcpStream::connect(self.address).await.context("cannot connect")?;
            self.handshake(tcp).await
        };
        timeout(ANSWER_MAX, open).await.context("connecting takes too long")?
    }

    pub(crate) async fn handshake(&self, tcp: TcpStream) -> anyhow::Result<Connection> {
        tcp.set_nodelay(true)?;
        let name = ServerName::try_from(HOST).expect("a host name");
        let connector = TlsConnector::from(Arc::clone(&self.tls));
        let stream = connector.connect(name, tcp).await.context("the handshake failed")?;
        Ok(Connection { stream, received: Vec::new() })
    }

    /// A review of this length, and its answer as the server gives it now.
    pub(crate) async fn learn(&self, bytes: usize) -> anyhow::Result<Arc<Known>> {
        let uid = format!("uid-{bytes}");
        let request = post(&review(&uid, bytes)).into_bytes();
        let right = self.connect().await?.exchange(&request).await?;
        right.is_right(&uid)?;
        Ok(Arc::new(Known { request, uid, right }))
    }
}

impl Connection {
    /// Sends a request and waits for its answer.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> anyhow::Result<Answer> {
        timeout(ANSWER_MAX, async {
            self.stream.write_all(request).await.context("while sending")?;
            self.stream.flush().await.context("while sending")?;
            self.answer().await
        })
        .await
        .context("no answer in time")?
    }

    /// Sends bytes to which no answer is expected.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        self.stream.write_all(bytes).await?;
        Ok(self.stream.flush().await?)
    }

    /// Waits until the server closes, and returns what it still says.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        let mut rest = std::mem::take(&mut self.received);
        // However it ends, it has ended.
        let _ = self.stream.read_to_end(&mut rest).await;
        rest
    }

    async fn answer(&mut self) -> anyhow::Result<Answer> {
        loop {
            if let Some(answer) = Answer::cut(&mut self.received)? {
                return Ok(answer);
            }
            let length = self.stream.read_buf(&mut self.received).await.context("waiting for an answer")?;
            if length == 0 {
                bail!("the server closed instead of answering");
            }
        }
    }
}

impl Tally {
    pub(crate) fn add(&mut self, other: Self) {
        self.accepted.extend(other.accepted);
        self.refused += other.refused;
        self.failures.extend(other.failures);
    }

    /// The time within which this share of the accepted requests was answered.
    pub(crate) fn quantile(&mut self, percent: usize) -> Duration {
        self.accepted.sort();
        let last = self.accepted.len().saturating_sub(1);
        self.accepted.get(last * percent / 100).copied().unwrap_or_default()
    }

    /// Fails when anything happened that must not.
    pub(crate) fn has_no_failure(&self) -> anyhow::Result<()> {
        let mut kinds = BTreeMap::<&str, usize>::new();
        for failure in &self.failures {
            *kinds.entry(failure).or_default() += 1;
        }
        let kinds: Vec<String> =
            kinds.into_iter().map(|(failure, count)| format!("{count} × {failure}")).collect();
        ensure!(kinds.is_empty(), "{} requests failed: {}", self.failures.len(), kinds.join("; "));
        Ok(())
    }
}

/// How a client treats its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Connections {
    /// Kept until the server says that it closes.
    Kept,
    /// A new one for each request.
    New,
}

/// One client that sends its next request when the last one is answered and a pause is over.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) target: Target,
    pub(crate) known: Arc<Known>,
    pub(crate) connections: Connections,
    pub(crate) pause: Duration,
    /// Counts the right answers while it runs.
    pub(crate) answered: Arc<AtomicUsize>,
}

impl Caller {
    /// Sends until `to`; refusals are obeyed as client-go does. What comes before `from` does not count.
    pub(crate) async fn run(self, mut kept: Option<Connection>, [from, to]: [Instant; 2]) -> Tally {
        let Self { target, known, connections, pause, answered } = self;
        let mut tally = Tally::default();
        while Instant::now() < to {
            let started = Instant::now();
            let counts = started >= from;
            match attempt(&target, &known, &mut kept).await {
                Ok(answer) if answer.status == 503 => {
                    kept = None;
                    if let Err(error) = asks_to_try_again(&answer) {
                        tally.failures.push(format!("{error:#}"));
                    }
                    tally.refused += usize::from(counts);
                    sleep(Duration::from_secs(1)).await;
                    continue;
                }
                Ok(answer) => {
                    // The date may differ, the rest may not.
                    if answer.body == known.right.body && answer.status == 200 {
                        answered.fetch_add(1, Ordering::Relaxed);
                        if counts {
                            tally.accepted.push(started.elapsed());
                        }
                    } else {
                        tally.failures.push(format!("{} {:?} for {}", answer.status, answer.body, known.uid));
                    }
                    if answer.closes() || connections == Connections::New {
                        kept = None;
                    }
                }
                Err(error) => {
                    tally.failures.push(format!("{error:#}"));
                    kept = None;
                }
            }
            if !pause.is_zero() {
                sleep(pause).await;
            }
        }
        tally
    }
}

async fn attempt(target: &Target, known: &Known, kept: &mut Option<Connection>) -> anyhow::Result<Answer> {
    if kept.is_none() {
        *kept = Some(target.connect().await?);
    }
    let connection = kept.as_mut().context("it was just opened")?;
    connection.exchange(&known.request).await
}

/// A refusal that client-go repeats, and after which no connection is in an unknown state.
fn asks_to_try_again(answer: &Answer) -> anyhow::Result<()> {
    ensure!(answer.header("retry-after") == Some("1"), "503 without Retry-After: 1: {answer:?}");
    ensure!(answer.closes(), "503 without Connection: close: {answer:?}");
    Ok(())
}

/// Many of them at once, on connections that they keep.
pub(crate) async fn clients(
    target: &Target,
    known: &Arc<Known>,
    count: usize,
    [warm_up, measured]: [Duration; 2],
) -> Tally {
    let (target, known) = (target.clone(), Arc::clone(known));
    let caller = Caller {
        target,
        known,
        connections: Connections::Kept,
        pause: Duration::ZERO,
        answered: Arc::default(),
    };
    // What it costs to connect for the first time is no part of the load.
    let mut connecting = JoinSet::new();
    for _ in 0..count {
        let target = caller.target.clone();
        connecting.spawn(async move { target.connect().await.ok() });
    }
    let connections = connecting.join_all().await;
    let from = Instant::now() + warm_up;
    let mut tasks = JoinSet::new();
    for connection in connections {
        tasks.spawn(caller.clone().run(connection, [from, from + measured]));
    }
    let mut all = Tally::default();
    while let Some(tally) = tasks.join_next().await {
        all.add(tally.expect("no client panics"));
    }
    all
}

/// A connection from another address than the API server's.
pub(crate) async fn from_elsewhere(
    address: SocketAddr,
    elsewhere: Ipv4Addr,
    receive_buffer_bytes: Option<u32>,
) -> anyhow::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    if let Some(bytes) = receive_buffer_bytes {
        socket.set_recv_buffer_size(bytes)?;
    }
    socket.bind((elsewhere, 0).into())?;
    Ok(socket.connect(address).await?)
}
