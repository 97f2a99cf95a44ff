//! A small TCP load balancer that stands for the Service.
//!
//! It is to a client what kube-proxy is: a new connection goes to one of the endpoints, chosen at random; an endpoint
//! is in the list while it is ready, as seen some time ago; a connection that is open stays where it is, whatever
//! becomes of the list; and one that its endpoint refuses or resets is reset.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::time::{sleep, timeout};

/// How often each endpoint is asked whether it is ready.
const POLL: Duration = Duration::from_millis(100);
/// How long an answer to that may take.
const ANSWER_MAX: Duration = Duration::from_secs(1);

/// The balancer; it ends with this value.
#[derive(Debug)]
pub(crate) struct Balancer {
    /// Where clients connect to.
    pub(crate) address: SocketAddr,
    endpoints: Arc<Endpoints>,
    #[expect(dead_code, reason = "holding it is what keeps the balancer running")]
    runtime: Runtime,
}

#[derive(Debug)]
struct Endpoints {
    /// How long a change of readiness takes to reach the list.
    delay: Mutex<Duration>,
    all: Mutex<Vec<Endpoint>>,
}

#[derive(Debug)]
struct Endpoint {
    tls: SocketAddr,
    admin: SocketAddr,
    /// When it was first seen to be ready, and when to be so no longer, in turn.
    changes: Vec<Instant>,
}

impl Balancer {
    pub(crate) fn start(listen: SocketAddr, delay: Duration) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime can be made");
        let listener = runtime.block_on(TcpListener::bind(listen));
        let listener = listener.unwrap_or_else(|error| panic!("{listen}: {error}"));
        let address = listener.local_addr().expect("a bound socket has an address");
        let endpoints = Arc::new(Endpoints { delay: Mutex::new(delay), all: Mutex::default() });
        runtime.spawn(accept(listener, Arc::clone(&endpoints)));
        runtime.spawn(watch(Arc::clone(&endpoints)));
        Self { address, endpoints, runtime }
    }

    /// Makes a replica known, which need not be ready.
    pub(crate) fn add(&self, tls: SocketAddr, admin: SocketAddr) {
        self.endpoints.lock().push(Endpoint { tls, admin, changes: Vec::new() });
    }

    /// From now on changes take this long.
    pub(crate) fn set_delay(&self, delay: Duration) {
        *self.endpoints.delay.lock().unwrap_or_else(PoisonError::into_inner) = delay;
    }

    /// Whether new connections may go to this replica.
    pub(crate) fn leads_to(&self, tls: SocketAddr) -> bool {
        self.endpoints.listed().contains(&tls)
    }
}

impl Endpoints {
    fn lock(&self) -> MutexGuard<'_, Vec<Endpoint>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those that were ready some time ago.
    fn listed(&self) -> Vec<SocketAddr> {
        let delay = *self.delay.lock().unwrap_or_else(PoisonError::into_inner);
        let known = |endpoint: &&Endpoint| {
            endpoint.changes.iter().filter(|change| change.elapsed() >= delay).count() % 2 == 1
        };
        self.lock().iter().filter(known).map(|endpoint| endpoint.tls).collect()
    }

    fn note(&self, tls: SocketAddr, is_ready: bool) {
        if let Some(endpoint) = self.lock().iter_mut().find(|endpoint| endpoint.tls == tls)
            && (endpoint.changes.len() % 2 == 1) != is_ready
        {
            endpoint.changes.push(Instant::now());
        }
    }
}

async fn watch(endpoints: Arc<Endpoints>) {
    loop {
        let all: Vec<_> = endpoints.lock().iter().map(|endpoint| (endpoint.tls, endpoint.admin)).collect();
        for (tls, admin) in all {
            let endpoints = Arc::clone(&endpoints);
            tokio::spawn(async move {
                let is_ready = timeout(ANSWER_MAX, is_ready(admin)).await;
                endpoints.note(tls, matches!(is_ready, Ok(Ok(true))));
            });
        }
        sleep(POLL).await;
    }
}

async fn is_ready(admin: SocketAddr) -> io::Result<bool> {
    let mut connection = TcpStream::connect(admin).await?;
    connection.write_all(b"GET /readyz HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n").await?;
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).await?;
    Ok(answer.starts_with(b"HTTP/1.1 200 "))
}

async fn accept(listener: TcpListener, endpoints: Arc<Endpoints>) {
    loop {
        match listener.accept().await {
            Ok((client, _)) => drop(tokio::spawn(carry(client, Arc::clone(&endpoints)))),
            // Such as no more file descriptors, which the client then sees as a time that runs out.
            Err(error) => {
                eprintln!("the balancer cannot accept a connection: {error}");
                sleep(POLL).await;
            }
        }
    }
}

async fn carry(mut client: TcpStream, endpoints: Arc<Endpoints>) {
    let listed = endpoints.listed();
    let carried = async {
        let nobody = || io::Error::from(io::ErrorKind::ConnectionRefused);
        let endpoint = fastrand::choice(&listed).ok_or_else(nobody)?;
        let mut endpoint = TcpStream::connect(endpoint).await?;
        client.set_nodelay(true)?;
        endpoint.set_nodelay(true)?;
        copy_bidirectional(&mut client, &mut endpoint).await
    };
    if carried.await.is_err() {
        // Otherwise the client would see an orderly end where a network shows a reset.
        let _ = client.set_zero_linger();
    }
}
