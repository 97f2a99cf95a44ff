//! The open connections: what each is doing, and which one gives way when there are too many.
//!
//! A connection says what it does by writing one atomic number; only the accept loop, which owns the
//! table, reads them all. So a request takes no lock.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::gate::{Gate, Part};
use super::limits::Limits;
use super::room::{Candidate, Doing, choose};
use crate::process::metrics::{ConnectionState, Metrics};

/// A connection that does the same for less than this may be about to go on. On a machine that is short of
/// processor time handshakes of the API server itself take a good part of it.
const GIVES_WAY_AFTER: Duration = Duration::from_secs(1);
/// For this share of the connections more may be open while others are leaving.
const LEAVING_SHARE: usize = 8;
/// From this many ended connections on they are taken out of the table.
const ENDED_MAX: usize = 1024;

/// What a connection does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The TLS handshake.
    Handshake,
    /// It waits for the first request's head.
    Fresh,
    /// A request's head has come, its body has not yet.
    Reading,
    /// A whole request is being answered.
    Working,
    /// It waits for the next request.
    Idle,
    /// Nothing any more.
    Ended,
}

/// What all connections share.
#[derive(Debug)]
pub(super) struct Traffic {
    /// Requests under way.
    pub(super) requests: Gate,
    /// Bytes of long bodies.
    pub(super) body_bytes: Gate,
    /// Long reviews, each of which keeps a thread busy for milliseconds.
    pub(super) long_reviews: Gate,
    /// Whether the process is about to end, so that every answer closes its connection.
    pub(super) draining: AtomicBool,
    start: Instant,
    last_request: AtomicU64,
    open: AtomicUsize,
    handshakes: AtomicUsize,
    metrics: Metrics,
}

/// What the connections of one address have of what is shared.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) requests: Part,
    pub(super) body_bytes: Part,
    pub(super) long_reviews: Part,
}

/// One connection, as the others see it.
#[derive(Debug)]
pub(super) struct Connection {
    traffic: Arc<Traffic>,
    from: IpAddr,
    /// What its address has.
    pub(super) parts: Arc<Parts>,
    /// The phase, whether it was told to give way, and since when, in one number.
    state: AtomicU64,
    proven: AtomicBool,
    gives_way: Notify,
}

/// All open connections. Some may have ended.
#[derive(Debug)]
pub(super) struct Connections {
    all: Vec<Arc<Connection>>,
    traffic: Arc<Traffic>,
    limits: Limits,
}

impl Traffic {
    /// `long_reviews` is the number of threads that long reviews may keep busy.
    pub(super) fn new(limits: &Limits, long_reviews: usize, metrics: Metrics) -> Self {
        Self {
            requests: Gate::new(limits.requests),
            body_bytes: Gate::new(limits.body_bytes),
            long_reviews: Gate::new(long_reviews),
            draining: AtomicBool::new(false),
            start: Instant::now(),
            last_request: AtomicU64::new(0),
            open: AtomicUsize::new(0),
            handshakes: AtomicUsize::new(0),
            metrics,
        }
    }

    /// Whether requests wait for others to end, so that nobody may take his time.
    pub(super) fn is_short(&self) -> bool {
        self.requests.is_short() || self.body_bytes.is_short()
    }

    /// How long ago the last request began; since the start when there was none.
    pub(super) fn quiet(&self) -> Duration {
        Duration::from_millis(self.now().saturating_sub(self.last_request.load(Ordering::Relaxed)))
    }

    /// The number of open connections.
    pub(super) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Connection {
    /// A new one, whose handshake begins.
    pub(super) fn open(traffic: &Arc<Traffic>, from: IpAddr, parts: Arc<Parts>) -> Arc<Self> {
        traffic.open.fetch_add(1, Ordering::Relaxed);
        traffic.handshakes.fetch_add(1, Ordering::Relaxed);
        traffic.metrics.connections(ConnectionState::Handshake).inc();
        Arc::new(Self {
            traffic: Arc::clone(traffic),
            from,
            parts,
            state: AtomicU64::new(State::new(Phase::Handshake, traffic.now()).0),
            proven: AtomicBool::new(false),
            gives_way: Notify::new(),
        })
    }

    /// Says what it does from now on. What it was told before does not hold any more.
    pub(super) fn enter(&self, phase: Phase) {
        let now = self.traffic.now();
        let before = State(self.state.swap(State::new(phase, now).0, Ordering::Relaxed)).phase();
        if phase == Phase::Reading {
            self.traffic.last_request.store(now, Ordering::Relaxed);
        }
        if before == Phase::Handshake {
            self.traffic.handshakes.fetch_sub(1, Ordering::Relaxed);
        }
        if phase == Phase::Ended {
            self.traffic.open.fetch_sub(1, Ordering::Relaxed);
        }
        if before.shown() != phase.shown() {
            if let Some(state) = before.shown() {
                self.traffic.metrics.connections(state).dec();
            }
            if let Some(state) = phase.shown() {
                self.traffic.metrics.connections(state).inc();
            }
        }
    }

    /// What it does.
    pub(super) fn phase(&self) -> Phase {
        State(self.state.load(Ordering::Relaxed)).phase()
    }

    /// It carried a valid review.
    pub(super) fn prove(&self) {
        self.proven.store(true, Ordering::Relaxed);
    }

    /// Whether it once carried a valid review.
    pub(super) fn is_proven(&self) -> bool {
        self.proven.load(Ordering::Relaxed)
    }

    /// Waits until it is told to give way.
    pub(super) async fn told_to_give_way(&self) {
        self.gives_way.notified().await;
    }

    /// Whether it was told to give way and has not gone on since.
    pub(super) fn is_giving_way(&self) -> bool {
        State(self.state.load(Ordering::Relaxed)).is_giving_way()
    }

    /// Tells it to give way if it still is in this state.
    fn give_way(&self, state: State) -> bool {
        let told = state.giving_way();
        let swapped = self.state.compare_exchange(state.0, told.0, Ordering::Relaxed, Ordering::Relaxed);
        if swapped.is_ok() {
            self.gives_way.notify_one();
        }
        swapped.is_ok()
    }
}

impl Connections {
    pub(super) fn new(traffic: Arc<Traffic>, limits: Limits) -> Self {
        Self { all: Vec::new(), traffic, limits }
    }

    /// Takes a new connection in.
    pub(super) fn add(&mut self, from: IpAddr) -> Arc<Connection> {
        if self.all.len() > self.traffic.open() + ENDED_MAX {
            self.all.retain(|connection| connection.phase() != Phase::Ended);
        }
        let mut others = self.all.iter().rev().filter(|other| other.from == from);
        let parts = others.next().map(|other| Arc::clone(&other.parts)).unwrap_or_default();
        let connection = Connection::open(&self.traffic, from, parts);
        self.all.push(Arc::clone(&connection));
        connection
    }

    /// Makes room for one more connection from an address, or says that there is none yet.
    pub(super) fn make_room(&self, from: IpAddr) -> bool {
        let (open, max) = (self.traffic.open(), self.limits.connections);
        // Those that were told to give way have to go first.
        if open >= max + max.div_ceil(LEAVING_SHARE) {
            return false;
        }
        if self.traffic.handshakes.load(Ordering::Relaxed) >= self.limits.handshakes {
            return self.one_gives_way(Some(from), Phase::is_handshake);
        }
        open < max || self.one_gives_way(Some(from), |_| true)
    }

    /// Tells the connection that needs its place least to give way, if there is one.
    pub(super) fn least_needed_gives_way(&self) {
        self.one_gives_way(None, |_| true);
    }

    /// How many connections are owed an answer, or have just come with a request that cannot be seen yet.
    pub(super) fn owed(&self, fresh_max: Duration) -> usize {
        let since = self.traffic.now().saturating_sub(millis(fresh_max));
        let owed = self.all.iter().filter(|connection| {
            let state = State(connection.state.load(Ordering::Relaxed));
            match state.phase() {
                Phase::Handshake | Phase::Fresh => state.since() >= since,
                Phase::Reading | Phase::Working => true,
                Phase::Idle | Phase::Ended => false,
            }
        });
        owed.count()
    }

    /// Tells all connections to give way, which those do that carry no request.
    pub(super) fn end(&self) {
        for connection in &self.all {
            connection.state.fetch_or(State::GIVING_WAY, Ordering::Relaxed);
            connection.gives_way.notify_one();
        }
    }

    /// Chooses among those that are in some phase, and says whether one goes.
    fn one_gives_way(&self, newcomer: Option<IpAddr>, phase: impl Fn(Phase) -> bool) -> bool {
        let latest = self.traffic.now().saturating_sub(millis(GIVES_WAY_AFTER));
        let seen = self.all.iter().filter_map(|connection| {
            let state = State(connection.state.load(Ordering::Relaxed));
            let doing = state.phase().doing().filter(|_| phase(state.phase()))?;
            // Who is about to go still takes a place of his address.
            let doing = if state.is_giving_way() { Doing::Leaving } else { doing };
            let (from, proven) = (connection.from, connection.is_proven());
            Some((Candidate { from, proven, doing, since: state.since() }, (connection, state)))
        });
        let (candidates, seen): (Vec<_>, Vec<_>) = seen.unzip();
        choose(&candidates, newcomer, latest).is_some_and(|place| seen[place].0.give_way(seen[place].1))
    }
}

impl Phase {
    fn is_handshake(self) -> bool {
        self == Self::Handshake
    }

    /// What that is to those who look for room.
    fn doing(self) -> Option<Doing> {
        match self {
            Self::Handshake | Self::Fresh | Self::Idle => Some(Doing::Waiting),
            Self::Reading => Some(Doing::Asking),
            Self::Working => Some(Doing::Working),
            Self::Ended => None,
        }
    }

    /// As what it is counted.
    fn shown(self) -> Option<ConnectionState> {
        match self {
            Self::Handshake => Some(ConnectionState::Handshake),
            Self::Fresh | Self::Idle => Some(ConnectionState::Idle),
            Self::Reading | Self::Working => Some(ConnectionState::Active),
            Self::Ended => None,
        }
    }
}

/// A phase (three bits), whether the connection gives way (one bit), and since when (milliseconds).
#[derive(Clone, Copy, Debug)]
struct State(u64);

impl State {
    const GIVING_WAY: u64 = 1 << 3;

    fn new(phase: Phase, since: u64) -> Self {
        Self(since << 4 | phase as u64)
    }

    fn phase(self) -> Phase {
        match self.0 & 7 {
            0 => Phase::Handshake,
            1 => Phase::Fresh,
            2 => Phase::Reading,
            3 => Phase::Working,
            4 => Phase::Idle,
            _ => Phase::Ended,
        }
    }

    fn since(self) -> u64 {
        self.0 >> 4
    }

    fn is_giving_way(self) -> bool {
        self.0 & Self::GIVING_WAY != 0
    }

    fn giving_way(self) -> Self {
        Self(self.0 | Self::GIVING_WAY)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
