//! The accept loop: takes connections in, makes room for them, and drains when the process stops.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep};
use tokio_util::task::TaskTracker;

use super::connections::{Connection, Connections, Traffic};
use super::drain::Draining;
use super::limits::Limits;
use super::probe::ProbeAddress;
use super::routes::Webhook;
use super::session::Sessions;
use super::waiting::Waiting;
use crate::certs::cell::Distrusted;
use crate::process::metrics::Metrics;

/// How long to wait after an accept that failed, for example for want of file descriptors.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);
/// How often to look whether there is room for a connection, or time to leave.
const LOOK: Duration = Duration::from_millis(5);
/// How often a draining process looks whether it may leave.
const DRAIN_LOOK: Duration = Duration::from_millis(100);
/// How long a connection that came at the end has to send its request.
const LAST_REQUEST: Duration = Duration::from_secs(1);
/// How long requests under way may still take at the end of the drain. With it, all must end within the
/// `terminationGracePeriodSeconds` of the manifest.
const LAST_ANSWERS: Duration = Duration::from_secs(10);
/// For this share of the connections more may wait until there is room.
const WAITING_SHARE: usize = 4;
/// How often is looked at once whether there is room for one of them: each time all connections are seen.
const LOOKS_MAX: usize = 8;

/// The TLS port of the process.
#[derive(Debug)]
pub struct Listener {
    /// The bound socket.
    pub tcp: TcpListener,
    /// The settings of TLS.
    pub tls: Arc<ServerConfig>,
    /// What answers.
    pub webhook: Webhook,
    /// How long and how much a client may take.
    pub limits: Limits,
    /// Where the process's own probe comes from, which is not counted.
    pub probe: ProbeAddress,
    /// Who hears that a client does not trust the certificate.
    pub distrusted: Distrusted,
}

impl Listener {
    /// Serves until `stop` is done, and then on until nobody is sent here any more.
    pub async fn serve(self, stop: impl Future<Output = ()>) {
        let Self { tcp, tls, webhook, limits, probe, distrusted } = self;
        let sessions = |webhook: Webhook, distrusted: Distrusted| {
            let traffic = Arc::new(Traffic::new(&limits, webhook.metrics.clone()));
            Arc::new(Sessions { tls: Arc::clone(&tls), webhook, traffic, limits, distrusted })
        };
        let own = Webhook { metrics: Metrics::unregistered(), ..webhook.clone() };
        let own = sessions(own, Distrusted::default());
        let sessions = sessions(webhook, distrusted);
        let traffic = Arc::clone(&sessions.traffic);
        let connections = Connections::new(Arc::clone(&traffic), limits);
        let tasks = TaskTracker::new();
        let waiting = Waiting::new(limits.connections.div_ceil(WAITING_SHARE));
        let mut port = Port { connections, sessions, own, probe, waiting, tasks };

        let mut stop = pin!(stop);
        let mut stopped = None;
        loop {
            tokio::select! {
                () = &mut stop, if stopped.is_none() => {
                    stopped = Some(Instant::now());
                    traffic.draining.store(true, Ordering::Relaxed);
                }
                () = sleep(DRAIN_LOOK), if stopped.is_some() => {}
                () = sleep(LOOK), if !port.waiting.is_empty() => {}
                accepted = tcp.accept() => port.accepted(accepted).await,
            }
            port.admit_waiting();
            let draining = stopped.map(|stopped| Draining {
                elapsed: stopped.elapsed(),
                timeout: limits.drain,
                open: traffic.open(),
                quiet: traffic.quiet(),
            });
            if draining.is_some_and(Draining::is_over) {
                break;
            }
        }
        port.leave(tcp).await;
    }
}

/// The port at work.
struct Port {
    connections: Connections,
    sessions: Arc<Sessions>,
    /// For the process's own probe, which no limit concerns.
    own: Arc<Sessions>,
    probe: ProbeAddress,
    /// Who has connected and found no room yet. Nobody stands in the way of those behind him.
    waiting: Waiting<(TcpStream, SocketAddr)>,
    tasks: TaskTracker,
}

impl Port {
    async fn accepted(&mut self, accepted: io::Result<(TcpStream, SocketAddr)>) {
        match accepted {
            Ok((tcp, from)) if self.probe.is(from) => {
                let connection = Connection::open(&self.own.traffic, from.ip(), Arc::default());
                self.tasks.spawn(Arc::clone(&self.own).run(tcp, connection));
            }
            // Behind those who wait already.
            Ok((tcp, from)) => self.waiting.push(from.ip(), (tcp, from)),
            // It has gone already, and says nothing about the others.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                self.connections.least_needed_gives_way();
                sleep(ACCEPT_RETRY).await;
            }
        }
    }

    /// Lets those in for whom there is room, the addresses by turns.
    fn admit_waiting(&mut self) {
        let mut in_vain = 0;
        for _ in 0..LOOKS_MAX {
            let Some(from) = self.waiting.turn() else { return };
            if !self.connections.make_room(from) {
                self.waiting.pass();
                in_vain += 1;
            } else if let Some((tcp, from)) = self.waiting.take() {
                self.serve(tcp, from);
                in_vain = 0;
            }
            if in_vain >= self.waiting.addresses() {
                break;
            }
        }
        self.waiting.send_away(self.sessions.limits.handshake);
    }

    fn serve(&mut self, tcp: TcpStream, from: SocketAddr) {
        let connection = self.connections.add(from.ip());
        self.tasks.spawn(Arc::clone(&self.sessions).run(tcp, connection));
    }

    /// Closes the port, after all that the kernel has accepted already, and answers what is under way.
    async fn leave(mut self, tcp: TcpListener) {
        match tcp.into_std() {
            Ok(tcp) => {
                while let Ok((tcp, from)) = tcp.accept() {
                    let tcp = tcp.set_nonblocking(true).and_then(|()| TcpStream::from_std(tcp));
                    if let Ok(tcp) = tcp {
                        self.serve(tcp, from);
                    }
                }
            }
            Err(error) => tracing::warn!(%error, "cannot see who is still connecting"),
        }
        for (tcp, from) in self.waiting.take_all() {
            self.serve(tcp, from);
        }
        let end = Instant::now() + LAST_ANSWERS;
        while self.connections.owed(LAST_REQUEST) > 0 && Instant::now() < end {
            sleep(LOOK).await;
        }
        let owed = self.connections.owed(LAST_REQUEST);
        if owed > 0 {
            tracing::warn!(connections = owed, "ending with requests under way");
        }
        self.connections.end();
        self.tasks.close();
        // Each connection says goodbye; that is a courtesy, and nobody waits for it long.
        drop(tokio::time::timeout(LAST_REQUEST, self.tasks.wait()).await);
    }
}

/// Binds a TCP port; where there is no IPv6, "any address" means any IPv4 address.
///
/// # Errors
/// The address cannot be used.
pub async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    match TcpListener::bind(address).await {
        Err(error) if address.ip() == std::net::Ipv6Addr::UNSPECIFIED && !is_in_use(&error) => {
            TcpListener::bind((std::net::Ipv4Addr::UNSPECIFIED, address.port())).await
        }
        bound => bound,
    }
}

fn is_in_use(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrInUse
}
