//! More than the machine can take: load, memory and descriptors.

use std::time::Duration;

use anyhow::ensure;
use tokio::runtime::Runtime;

use super::cgroup::MemoryLimit;
use super::load::{Connections, Tally, clients};
use super::measure;
use super::place::Place;
use super::table::Row;

pub(crate) const ROWS: &[Row] = &[
    Row {
        name: "10 times the load, 8 KiB, 128 MiB of memory",
        sent: "160 closed-loop clients after 16, which saturate it",
        must: "at least 80 % of the goodput; p99 at most 1.25 s; refusals are 503 with Retry-After: 1; at most 128 MiB",
        run: || overload(8 * 1024, 16),
    },
    Row {
        name: "10 times the load, 512 KiB, 128 MiB of memory",
        sent: "160 closed-loop clients after 16, which saturate it",
        must: "at least 80 % of the goodput; p99 at most 1.25 s; refusals are 503 with Retry-After: 1; at most 128 MiB",
        run: || overload(512 * 1024, 16),
    },
];

const MEMORY_MAX_MIB: u64 = 128;
/// A quarter of the time after which the API server gives up.
const ANSWER_WITHIN: Duration = Duration::from_millis(1250);
const GOODPUT_MIN: f64 = 0.8;
const WARM_UP: Duration = Duration::from_secs(1);
const MEASURED: Duration = Duration::from_secs(4);

/// What a number of clients got in [`MEASURED`].
fn load(place: &Place, bytes: usize, count: usize) -> anyhow::Result<Tally> {
    let target = place.target();
    Runtime::new()?.block_on(async {
        let known = target.learn(bytes).await?;
        let tally = clients(&target, &known, count, Connections::Kept, [WARM_UP, MEASURED]).await;
        tally.has_no_failure()?;
        Ok(tally)
    })
}

fn overload(bytes: usize, saturating: usize) -> anyhow::Result<String> {
    let limit = MemoryLimit::new(MEMORY_MAX_MIB);
    let mut place = Place::start_after(&limit.enter(), &[])?;
    let mut saturated = load(&place, bytes, saturating)?;
    let mut overloaded = load(&place, bytes, saturating * 10)?;
    let per_second = |tally: &Tally| number(tally.accepted.len()) / MEASURED.as_secs_f64();
    let goodput = per_second(&overloaded) / per_second(&saturated);
    let p99 = overloaded.quantile(99);
    let peak = measure::memory(place.program.id(), "VmHWM")? / 1024;
    let happened = format!(
        "{:.0}/s (p99 {:.0?}), then {:.0}/s = {:.0} %; p99 {p99:.0?}; {} refused; peak {peak} MiB{}",
        per_second(&saturated),
        saturated.quantile(99),
        per_second(&overloaded),
        goodput * 100.0,
        overloaded.refused,
        limit.note(),
    );
    ensure!(goodput >= GOODPUT_MIN, "too little goodput: {happened}");
    ensure!(p99 <= ANSWER_WITHIN, "too slow: {happened}");
    ensure!(peak <= MEMORY_MAX_MIB, "too much memory: {happened}");
    place.assert_well()?;
    Ok(happened)
}

fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
