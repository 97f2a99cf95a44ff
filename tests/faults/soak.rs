//! A steady load with malformed requests in it, for as long as one likes: nothing may grow.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::load::{Caller, Connections, Known, Tally, Target};
use super::malformed;
use super::measure::{self, number, slope};
use super::place::Place;
use super::table::Row;

pub(crate) const ROWS: &[Row] = &[Row {
    name: "soak",
    sent: "a steady load on kept and new connections, 5 % of it malformed in 20 ways (make soak: 10 minutes)",
    must: "every answer right; memory grows by less than 512 KiB (8 MiB in less than a minute), descriptors not at all; no warning but of refusals, no error",
    run,
}];

/// Without `PULLKEY_SOAK`, so that the row costs little beside the others.
const SHORT: Duration = Duration::from_secs(12);
const MEASURE_EVERY: Duration = Duration::from_millis(500);
/// One request in so many is malformed.
const ONE_IN: usize = 20;
/// How much more memory it may have at the end of what is measured than at its beginning.
const GROWTH_MAX_KIB: f64 = 512.0;
/// The same for less than a minute, in which caches and the allocator are still growing.
const SHORT_GROWTH_MAX_KIB: f64 = 8.0 * 1024.0;

/// The pause between two requests of a good client, how it treats its connection, and the bytes of its reviews.
const CLIENTS: [(u64, Connections, usize); 6] = [
    (5, Connections::Kept, 0),
    (5, Connections::Kept, 8 * 1024),
    (10, Connections::Kept, 0),
    (50, Connections::Kept, 512 * 1024),
    (20, Connections::New, 0),
    (40, Connections::New, 64 * 1024),
];

/// What the process had at a moment.
struct Sample {
    /// Since the start.
    seconds: f64,
    memory_kib: f64,
    descriptors: usize,
}

fn duration() -> anyhow::Result<Duration> {
    let Some(text) = std::env::var_os("PULLKEY_SOAK") else { return Ok(SHORT) };
    let text = text.to_string_lossy().into_owned();
    let parsed: jiff::SignedDuration = text.parse().with_context(|| format!("{text}: write 10m or 90s"))?;
    Ok(Duration::try_from(parsed)?.max(SHORT))
}

fn run() -> anyhow::Result<String> {
    let duration = duration()?;
    let mut place = Place::start(&[])?;
    let (mut tally, malformed, samples) = Runtime::new()?.block_on(load(&place, duration))?;
    tally.has_no_failure()?;
    let patched = place.metric(r#"pullkey_admission_requests_total{result="patched"}"#)?;
    let asked = number(tally.accepted.len() + CLIENTS.len());
    ensure!((patched - asked).abs() < 0.5, "{asked} were answered, and {patched} are counted as patched");
    let is_expected = |line: &Value| line["level"] == "INFO" || line["message"] == "refused a request";
    let unexpected: Vec<Value> =
        place.program.lines().into_iter().filter(|line| !is_expected(line)).collect();
    ensure!(unexpected.is_empty(), "unexpected log lines: {unexpected:?}");

    // The first third is warm-up: code, caches and the allocator's arenas.
    let steady = &samples[samples.len() / 3..];
    let points: Vec<(f64, f64)> = steady.iter().map(|sample| (sample.seconds, sample.memory_kib)).collect();
    let per_second = slope(&points);
    let window = points[points.len() - 1].0 - points[0].0;
    let most = steady.iter().map(|sample| sample.descriptors).max().unwrap_or(0);
    let least = steady.iter().map(|sample| sample.descriptors).min().unwrap_or(0);
    let happened = format!(
        "{} right answers (p99 {:.0?}) and {malformed} malformed requests in {:.0} s; memory {:.1} MiB, {:+.1} KiB \
         per minute over {window:.0} s; {least} to {most} descriptors",
        tally.accepted.len(),
        tally.quantile(99),
        duration.as_secs_f64(),
        points[points.len() - 1].1 / 1024.0,
        per_second * 60.0,
    );
    let growth_max = if window < 60.0 { SHORT_GROWTH_MAX_KIB } else { GROWTH_MAX_KIB };
    ensure!(per_second * window < growth_max, "memory grows: {happened}");
    ensure!(malformed * ONE_IN >= tally.accepted.len() / 2, "too few malformed requests: {happened}");
    place.assert_well()?;
    Ok(happened)
}

async fn load(place: &Place, duration: Duration) -> anyhow::Result<(Tally, usize, Vec<Sample>)> {
    let target = place.target();
    let (start, process) = (Instant::now(), place.program.id());
    let times = [start, start + duration];
    let good = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for (pause, connections, bytes) in CLIENTS {
        let known: Arc<Known> = target.learn(bytes).await?;
        let pause = Duration::from_millis(pause);
        let answered = Arc::clone(&good);
        let caller = Caller { target: target.clone(), known, connections, pause, answered };
        tasks.spawn(caller.run(None, times));
    }
    let spoiling = tokio::spawn(spoil(target, Arc::clone(&good), times[1]));
    let mut samples = Vec::new();
    let mut said = Instant::now();
    while start.elapsed() < duration {
        let sample = Sample {
            seconds: start.elapsed().as_secs_f64(),
            memory_kib: number(usize::try_from(measure::memory(process, "RssAnon")?)?),
            descriptors: measure::descriptors(process)?,
        };
        if said.elapsed() > Duration::from_secs(30) {
            said = Instant::now();
            eprintln!(
                "soak: {:.0} s, {} KiB, {} descriptors",
                sample.seconds, sample.memory_kib, sample.descriptors
            );
        }
        samples.push(sample);
        sleep(MEASURE_EVERY).await;
    }
    let mut tally = Tally::default();
    while let Some(ended) = tasks.join_next().await {
        tally.add(ended?);
    }
    Ok((tally, spoiling.await??, samples))
}

/// Sends malformed requests, as many as belong to the good ones so far; returns their number.
async fn spoil(target: Target, good: Arc<AtomicUsize>, until: Instant) -> anyhow::Result<usize> {
    let kinds = malformed::kinds();
    let mut sent = 0;
    while Instant::now() < until {
        if sent * (ONE_IN - 1) < good.load(Ordering::Relaxed) {
            kinds[sent % kinds.len()].send(&target).await?;
            sent += 1;
        } else {
            sleep(Duration::from_millis(5)).await;
        }
    }
    Ok(sent)
}
