//! Somebody else on the network takes what can be taken, while the API server must get through.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::load::{Caller, Connection, Connections, ELSEWHERE, Known, Tally, Target, from_elsewhere};
use super::place::Place;
use super::requests::{good, head, post, review};
use super::table::Row;

/// The row that takes all of the machine.
pub(crate) const CROWD: &[Row] = &[Row {
    name: "2,000 strangers",
    sent: "2,000 connections at the default limits: TCP only, half a ClientHello, handshake and silence, slow heads, slow bodies; each opened again when it is closed",
    must: "every request of the API server is answered right, on kept and on new connections",
    run: two_thousand,
}];

pub(crate) const ROWS: &[Row] = &[
    Row {
        name: "slow bodies in every request slot",
        sent: "40 strangers with a slow body each, at --max-requests 8",
        must: "every request of the API server is answered right",
        run: || few(Habit::SlowBody, 40, &["--max-requests=8"]),
    },
    Row {
        name: "slow bodies in all of the memory for bodies",
        sent: "40 strangers who announce 512 KiB and send slowly, at --max-body-bytes 7 MiB",
        must: "every request of the API server is answered right, also one of 64 KiB",
        run: || few(Habit::SlowLongBody, 40, &["--max-body-bytes=7340032"]),
    },
    Row {
        name: "handshakes in every handshake slot",
        sent: "200 strangers in half a handshake, at --max-handshakes 32",
        must: "every request of the API server is answered right",
        run: || few(Habit::HalfHello, 200, &["--max-handshakes=32"]),
    },
    Row {
        name: "silence in every connection slot",
        sent: "200 silent strangers, at --max-connections 64",
        must: "every request of the API server is answered right",
        run: || few(Habit::Handshaken, 200, &["--max-connections=64"]),
    },
    Row {
        name: "answers that nobody reads",
        sent: "100 strangers who send good requests and read no answer, at --max-connections 64",
        must: "every request of the API server is answered right",
        run: || few(Habit::NeverReads, 100, &["--max-connections=64"]),
    },
    Row {
        name: "callers as good as any in every connection slot",
        sent: "80 strangers from two addresses who send good requests without a pause to speak of, at --max-connections 64",
        must: "every request of the API server is answered right, on kept and on new connections",
        run: || from_two_addresses(Habit::GoodRequests, 80, &["--max-connections=64"]),
    },
    Row {
        name: "good long bodies in all of the memory for bodies",
        sent: "40 strangers from two addresses with good bodies of 512 KiB, sent just fast enough, at --max-body-bytes 7 MiB",
        must: "every request of the API server is answered right, more of 64 KiB at once than on coming again",
        run: || from_two_addresses(Habit::GoodLongBody, 40, &["--max-body-bytes=7340032"]),
    },
];

/// How long the API server's requests go on after all strangers have come.
const DURATION: Duration = Duration::from_secs(3);
/// The API server gives up after this.
const CALL_MAX: Duration = Duration::from_secs(5);
/// A machine that is busy with other things may take longer: so many times what a call takes there without strangers.
const CALLS_MAX: u32 = 500;
/// How many clients the API server is, of each kind.
const CLIENTS: usize = 4;
/// The pause between two requests of one of them.
const PAUSE: Duration = Duration::from_millis(20);
/// The pause between two strangers who come for the first time.
const ARRIVAL: Duration = Duration::from_millis(1);
/// How long a stranger waits before he comes again. The strangers share the machine with the server, and without
/// optimisation their handshakes would be all that it does.
const COMES_AGAIN: Duration = Duration::from_secs(if cfg!(debug_assertions) { 5 } else { 1 });

/// What a stranger does with a connection.
#[derive(Clone, Copy, Debug)]
enum Habit {
    Tcp,
    HalfHello,
    Handshaken,
    SlowHead,
    SlowBody,
    SlowLongBody,
    NeverReads,
    GoodRequests,
    GoodLongBody,
}

/// Somebody with a habit, who comes from an address.
type Stranger = (Habit, Ipv4Addr);

fn two_thousand() -> anyhow::Result<String> {
    let habits = [Habit::Tcp, Habit::HalfHello, Habit::Handshaken, Habit::SlowHead, Habit::SlowBody];
    let strangers: Vec<Stranger> =
        habits.map(|habit| (habit, ELSEWHERE[0])).into_iter().cycle().take(2000).collect();
    among(&strangers, &[])
}

fn few(habit: Habit, count: usize, flags: &[&str]) -> anyhow::Result<String> {
    among(&vec![(habit, ELSEWHERE[0]); count], flags)
}

fn from_two_addresses(habit: Habit, count: usize, flags: &[&str]) -> anyhow::Result<String> {
    let strangers: Vec<Stranger> =
        ELSEWHERE.map(|from| (habit, from)).into_iter().cycle().take(count).collect();
    among(&strangers, flags)
}

/// The API server's requests, while these strangers are there.
fn among(strangers: &[Stranger], flags: &[&str]) -> anyhow::Result<String> {
    let mut place = Place::start(flags)?;
    let target = place.target();
    let ([mut tally, long], visits, alone) = Runtime::new()?.block_on(async {
        let known = [target.learn(0).await?, target.learn(64 * 1024).await?];
        let [mut alone, _] = api_server(&target, &known, DURATION / 6).await;
        let alone = alone.quantile(50);
        let visits = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        for someone in strangers {
            tasks.spawn(stranger(target.clone(), *someone, Arc::clone(&visits)));
            sleep(ARRIVAL).await;
        }
        let tallies = api_server(&target, &known, DURATION).await;
        tasks.shutdown().await;
        anyhow::Ok((tallies, visits.load(Ordering::Relaxed), alone))
    })?;
    let (long_accepted, long_refused) = (long.accepted.len(), long.refused);
    tally.add(long);
    let slowest = tally.quantile(100);
    let happened = format!(
        "{} requests answered, {long_accepted} of 64 KiB, p99 {:.0?}, slowest {slowest:.0?}; {} asked to come again, \
         {long_refused} of 64 KiB; {visits} visits of strangers",
        tally.accepted.len(),
        tally.quantile(99),
        tally.refused,
    );
    tally.has_no_failure().with_context(|| happened.clone())?;
    ensure!(!tally.accepted.is_empty() && slowest < CALL_MAX.max(alone * CALLS_MAX), "{happened}");
    ensure!(long_accepted > long_refused, "{happened}");
    place.assert_well()?;
    Ok(happened)
}

/// Requests over kept and new connections, short ones and some of 64 KiB.
async fn api_server(target: &Target, known: &[Arc<Known>; 2], duration: Duration) -> [Tally; 2] {
    let from = Instant::now();
    let mut tasks = JoinSet::new();
    for number in 0..CLIENTS {
        for connections in [Connections::Kept, Connections::New] {
            let kind = usize::from(number == 0);
            let known = Arc::clone(&known[kind]);
            let caller =
                Caller { target: target.clone(), known, connections, pause: PAUSE, answered: Arc::default() };
            tasks.spawn(async move { (kind, caller.run(None, [from, from + duration]).await) });
        }
    }
    let mut all = <[Tally; 2]>::default();
    while let Some(ended) = tasks.join_next().await {
        let (kind, tally) = ended.expect("no client panics");
        all[kind].add(tally);
    }
    all
}

/// Comes again and again until he is aborted; whatever the server does to him is right.
async fn stranger(target: Target, stranger: Stranger, visits: Arc<AtomicUsize>) {
    loop {
        visits.fetch_add(1, Ordering::Relaxed);
        let _ = visit(&target, stranger).await;
        sleep(COMES_AGAIN).await;
    }
}

/// One connection, for as long as the server leaves it open.
async fn visit(target: &Target, (habit, from): Stranger) -> anyhow::Result<()> {
    let receive_buffer_bytes = matches!(habit, Habit::NeverReads).then_some(4096);
    let tcp = from_elsewhere(target.address, from, receive_buffer_bytes).await?;
    match habit {
        Habit::Tcp => return tcp_only(tcp, &[]).await,
        // A record of a ClientHello that says it is longer than what comes.
        Habit::HalfHello => return tcp_only(tcp, &[22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]).await,
        _ => {}
    }
    let mut connection = target.handshake(tcp).await?;
    match habit {
        Habit::SlowHead => slowly(connection, "POST /mutate HTTP/1.1\r\nX-More: ").await,
        Habit::SlowBody => slowly(connection, &head("Content-Length: 20000\r\n")).await,
        Habit::SlowLongBody => slowly(connection, &head("Content-Length: 524288\r\n")).await,
        Habit::NeverReads => never_reads(connection).await,
        Habit::GoodRequests => good_requests(connection).await,
        Habit::GoodLongBody => good_long_body(connection).await,
        Habit::Tcp | Habit::HalfHello | Habit::Handshaken => {
            connection.rest().await;
            Ok(())
        }
    }
}

async fn tcp_only(mut tcp: TcpStream, bytes: &[u8]) -> anyhow::Result<()> {
    tcp.write_all(bytes).await?;
    let mut buffer = [0; 64];
    while tcp.read(&mut buffer).await? > 0 {}
    Ok(())
}

async fn slowly(mut connection: Connection, beginning: &str) -> anyhow::Result<()> {
    connection.send(beginning.as_bytes()).await?;
    loop {
        if timeout(Duration::from_millis(500), connection.rest()).await.is_ok() {
            return Ok(());
        }
        connection.send(b" ").await?;
    }
}

/// Sends until neither the server nor the machine between takes any more, and then waits.
async fn never_reads(mut connection: Connection) -> anyhow::Result<()> {
    let requests = good().repeat(50);
    loop {
        connection.send(requests.as_bytes()).await?;
    }
}

/// Sends so often that the connection never looks idle.
async fn good_requests(mut connection: Connection) -> anyhow::Result<()> {
    let request = good();
    while !connection.exchange(request.as_bytes()).await?.closes() {
        sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

/// Sends a whole review in pieces that come fast enough, for some seconds.
async fn good_long_body(mut connection: Connection) -> anyhow::Result<()> {
    let request = post(&review("a-uid", 512 * 1024)).into_bytes();
    for piece in request.chunks(40 * 1024) {
        connection.send(piece).await?;
        sleep(Duration::from_millis(400)).await;
    }
    connection.exchange(&[]).await.map(drop)
}
