//! More connections than the process may have descriptors.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

use super::load::{ELSEWHERE, from_elsewhere};
use super::measure;
use super::place::Place;
use super::table::Row;

pub(crate) const ROWS: &[Row] = &[Row {
    name: "ulimit -n 64",
    sent: "200 connections to a process that may open 64 files, for 3 s",
    must: "a kept connection and a new one are answered meanwhile; no busy loop: less than 1/4 of a processor; \
           serves on afterwards",
    run,
}];

const CONNECTIONS: usize = 200;
const HELD: Duration = Duration::from_secs(3);
/// The part of one processor that the server may use while nothing can be accepted.
const BUSY_MAX: f64 = 0.25;

fn run() -> anyhow::Result<String> {
    let mut place = Place::start_after("ulimit -n 64", &[])?;
    let mut kept = place.connect()?;
    kept.is_answered()?;
    let runtime = Runtime::new()?;
    let strangers: Vec<TcpStream> = runtime.block_on(async {
        let mut strangers = Vec::new();
        for _ in 0..CONNECTIONS {
            strangers.push(from_elsewhere(place.program.listen, ELSEWHERE[0], None).await?);
        }
        anyhow::Ok(strangers)
    })?;
    let process = place.program.id();
    let (started, before) = (Instant::now(), measure::processor_time(process)?);
    let mut most = 0;
    while started.elapsed() < HELD {
        most = most.max(measure::descriptors(process)?);
        thread::sleep(Duration::from_millis(50));
    }
    let busy = measure::processor_time(process)?.saturating_sub(before).div_duration_f64(started.elapsed());
    kept.is_answered().context("on the kept connection")?;
    let asked = Instant::now();
    place.is_answered().context("while strangers hold the descriptors")?;
    let answered_after = asked.elapsed();
    drop(strangers);
    drop(kept);
    let happened = format!(
        "both answered, the new one after {answered_after:.0?}; {most} of 64 open; {:.0} % of a processor",
        busy * 100.0
    );
    ensure!(most <= 64 && busy < BUSY_MAX, "{happened}");
    place.assert_well()?;
    Ok(happened)
}
