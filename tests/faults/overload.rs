//! More than the machine can take: load, memory and descriptors.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use tokio::runtime::Runtime;

use super::cgroup::MemoryLimit;
use super::load::{Known, Tally, Target, clients};
use super::measure::{self, number};
use super::place::Place;
use super::requests::{review, review_of_images};
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
    Row {
        name: "160 reviews of 3 MiB at once, 128 MiB of memory",
        sent: "reviews of one image and much else, by 160 clients",
        must: "every answer is right or 503 with Retry-After: 1; at most 128 MiB",
        run: || at_once(160, &review(UID, 3 * 1024 * 1024)),
    },
    Row {
        name: "40 reviews of 7 MiB at once, 128 MiB of memory",
        sent: "reviews with as many images as fit in, each another one with an escaped character, by 40 clients",
        must: "every answer is right or 503 with Retry-After: 1; at most 128 MiB",
        run: || at_once(40, &review_of_images(UID, LONGEST)),
    },
];

const MEMORY_MAX_MIB: u64 = 128;
/// A quarter of the time after which the API server gives up.
const ANSWER_WITHIN: Duration = Duration::from_millis(1250);
const GOODPUT_MIN: f64 = 0.8;
const WARM_UP: Duration = Duration::from_millis(700);
const MEASURED: Duration = Duration::from_millis(1500);
/// The two loads take turns, so that what else the machine does concerns both.
const TURNS: usize = 2;
/// A machine that others share may be slow for a moment; a server that is too slow is so again and again.
const ATTEMPTS: usize = 3;

const UID: &str = "a-uid";
/// Just within what a body may have.
const LONGEST: usize = 7 * 1024 * 1024 - 1024;
/// Such a review takes a tenth of a second of a processor, and one without optimisation some seconds.
const LONG_REVIEWS_FOR: Duration = Duration::from_secs(5);

/// What a number of clients got.
#[derive(Default)]
struct Load {
    tally: Tally,
    /// The processor time that server and clients had at their disposal: what they used, and what was idle.
    disposable: Duration,
    elapsed: Duration,
}

impl Load {
    async fn add(
        &mut self,
        place: &Place,
        target: &Target,
        known: &Arc<Known>,
        count: usize,
    ) -> anyhow::Result<()> {
        let (started, before) = (Instant::now(), disposable(place)?);
        let tally = clients(target, known, count, [WARM_UP, MEASURED]).await;
        tally.has_no_failure()?;
        self.tally.add(tally);
        self.disposable += disposable(place)?.saturating_sub(before);
        self.elapsed += started.elapsed();
        Ok(())
    }

    fn per_second(&self) -> f64 {
        number(self.tally.accepted.len()) / (MEASURED.as_secs_f64() * number(TURNS))
    }

    /// The part of the machine that this load could have.
    fn share(&self) -> f64 {
        let processors = number(std::thread::available_parallelism().map_or(1, usize::from));
        (self.disposable.div_duration_f64(self.elapsed) / processors).clamp(0.01, 1.0)
    }
}

fn disposable(place: &Place) -> anyhow::Result<Duration> {
    let used = [place.program.id(), std::process::id()].map(measure::processor_time);
    let [server, clients] = used;
    Ok(server? + clients? + measure::idle_time()?)
}

fn overload(bytes: usize, saturating: usize) -> anyhow::Result<String> {
    let limit = MemoryLimit::new(MEMORY_MAX_MIB);
    let mut place = Place::start_after(&limit.enter(), &[])?;
    let runtime = Runtime::new()?;
    let mut attempt = 1;
    let happened = loop {
        match runtime.block_on(attempt_to(&place, bytes, saturating))? {
            Ok(happened) => break happened,
            Err(differs) if attempt == ATTEMPTS => bail!("{differs}, {attempt} times"),
            Err(_) => attempt += 1,
        }
    };
    let peak = measure::memory(place.program.id(), "VmHWM")? / 1024;
    let happened = format!("{happened}; peak {peak} MiB{}", limit.note());
    ensure!(peak <= MEMORY_MAX_MIB, "too much memory: {happened}");
    place.assert_well()?;
    Ok(happened)
}

/// Both loads in turns. An inner error says that a speed is not what it must be.
async fn attempt_to(
    place: &Place,
    bytes: usize,
    saturating: usize,
) -> anyhow::Result<Result<String, String>> {
    let target = place.target();
    let known = target.learn(bytes).await?;
    let (mut saturated, mut overloaded) = (Load::default(), Load::default());
    for _ in 0..TURNS {
        saturated.add(place, &target, &known, saturating).await?;
        overloaded.add(place, &target, &known, saturating * 10).await?;
    }
    // Both as if the machine were ours alone.
    let goodput =
        (overloaded.per_second() / overloaded.share()) / (saturated.per_second() / saturated.share());
    let p99 = overloaded.tally.quantile(99);
    let happened = format!(
        "{:.0}/s (p99 {:.0?}), then {:.0}/s, {:.0} %; p99 {p99:.0?}; {} refused; we had {:.0} and {:.0} % of the machine",
        saturated.per_second(),
        saturated.tally.quantile(99),
        overloaded.per_second(),
        goodput * 100.0,
        overloaded.tally.refused,
        saturated.share() * 100.0,
        overloaded.share() * 100.0,
    );
    let is_right = goodput >= GOODPUT_MIN && p99.mul_f64(overloaded.share()) <= ANSWER_WITHIN;
    Ok(if is_right { Ok(happened) } else { Err(happened) })
}

/// So many clients with the same long review, for whom there is not enough time.
fn at_once(count: usize, review: &str) -> anyhow::Result<String> {
    let limit = MemoryLimit::new(MEMORY_MAX_MIB);
    let mut place = Place::start_after(&limit.enter(), &[])?;
    let mut tally = Runtime::new()?.block_on(async {
        let target = place.target();
        let known = target.learn_to_answer(UID, review).await?;
        anyhow::Ok(clients(&target, &known, count, [Duration::ZERO, LONG_REVIEWS_FOR]).await)
    })?;
    tally.has_no_failure()?;
    let peak = measure::memory(place.program.id(), "VmHWM")? / 1024;
    let happened = format!(
        "{} answered (p99 {:.0?}), {} refused; peak {peak} MiB{}",
        tally.accepted.len(),
        tally.quantile(99),
        tally.refused,
        limit.note()
    );
    ensure!(peak <= MEMORY_MAX_MIB && !tally.accepted.is_empty(), "{happened}");
    place.assert_well()?;
    Ok(happened)
}
