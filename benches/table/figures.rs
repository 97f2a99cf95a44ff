//! The table: medians, limits, and whether each is kept.

use std::fmt;
use std::fs;
use std::time::Duration;

use crate::load::CONNECTIONS;
use crate::reviews::Size;
use crate::rounds::{Measurements, Plan, REGISTRIES, REQUESTS_PER_TURN, Turn};
use crate::server::Memory;

/// What a request may cost beside the engine's own time, as a multiple of the floor.
const REQUEST_FLOORS_MAX: f64 = 1.3;
/// What a review of 7 KiB may take.
const ENGINE_MAX: Duration = Duration::from_micros(10);
/// How much longer it may take with a thousand entries. "Not longer" is what is meant; the rest is
/// the machine, which is no quieter than that.
const ENGINE_GROWTH_MAX: f64 = 1.1;
const IDLE_MEMORY_MIB_MAX: f64 = 10.0;
const START_MAX: Duration = Duration::from_millis(50);

/// Rows of Markdown, and what one must know to read them.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Row>,
    notes: Vec<String>,
}

#[derive(Debug)]
struct Row {
    figure: String,
    unit: Unit,
    quartiles: [f64; 3],
    limit: Option<f64>,
}

#[derive(Clone, Copy, Debug)]
enum Unit {
    Microseconds,
    Milliseconds,
    MebiBytes,
    Times,
}

/// Puts together what was measured.
pub(crate) fn table(plan: &Plan, measurements: &Measurements, maps_a_libc: bool) -> Table {
    let Measurements { turns, .. } = measurements;
    let mut rows = Vec::new();
    for (size, turns) in Size::ALL.into_iter().zip(turns) {
        engine(&mut rows, size, turns);
    }
    let growth = |turn: &Turn| turn.engine[1].div_duration_f64(turn.engine[0]);
    let name = format!("engine: 7 KiB, {} against {}", REGISTRIES[1], REGISTRIES[0]);
    rows.push(Row::new(name, Unit::Times, &turns[1], growth).limit(ENGINE_GROWTH_MAX));
    for (size, turns) in Size::ALL.into_iter().zip(turns) {
        requests(&mut rows, size, turns);
    }
    memory(&mut rows, measurements);
    start(&mut rows, measurements);
    Table { rows, notes: notes(plan, maps_a_libc) }
}

fn engine(rows: &mut Vec<Row>, size: Size, turns: &[Turn]) {
    for (place, registries) in REGISTRIES.into_iter().enumerate() {
        let name = format!("engine: {size}, {registries}");
        let row = Row::new(name, Unit::Microseconds, turns, |turn| microseconds(turn.engine[place]));
        let has_limit = size == Size::Usual && registries.globs == 0;
        rows.push(if has_limit { row.limit(microseconds(ENGINE_MAX)) } else { row });
    }
}

fn requests(rows: &mut Vec<Row>, size: Size, turns: &[Turn]) {
    type Cost = fn(&Turn) -> Duration;
    let floor: (&str, Cost) = ("the floor", |turn| turn.floor);
    let serve: [(&str, Cost); 2] =
        [("serve, log level info", |turn| turn.info), ("serve, log level warn", |turn| turn.warn)];
    for (server, cost) in [floor].into_iter().chain(serve) {
        let name = format!("processor, {size}: {server}");
        rows.push(Row::new(name, Unit::Microseconds, turns, |turn| microseconds(cost(turn))));
    }
    for (server, cost) in serve {
        let floors = |turn: &Turn| cost(turn).saturating_sub(turn.engine[0]).div_duration_f64(turn.floor);
        let name = format!("processor, {size}: ({server} − engine) / floor");
        rows.push(Row::new(name, Unit::Times, turns, floors).limit(REQUEST_FLOORS_MAX));
    }
}

fn memory(rows: &mut Vec<Row>, measurements: &Measurements) {
    let Measurements { idle, idle_with_many_entries, loaded, .. } = measurements;
    let row = |name: &str, memory: &[Memory], kibibytes: fn(&Memory) -> u64| {
        let name = format!("resident memory: {name}");
        Row::new(name, Unit::MebiBytes, memory, |memory| mebibytes(kibibytes(memory)))
    };
    rows.push(row("idle, 10 entries", idle, |memory| memory.resident).limit(IDLE_MEMORY_MIB_MAX));
    rows.push(row("of that heap and stacks", idle, |memory| memory.anonymous));
    rows.push(row("idle, 1000 entries", idle_with_many_entries, |memory| memory.resident));
    for (size, loaded) in Size::ALL.into_iter().zip(loaded) {
        rows.push(row(&format!("peak, 25 connections with {size}"), loaded, |memory| memory.peak));
    }
}

fn start(rows: &mut Vec<Row>, measurements: &Measurements) {
    let Measurements { start_with_files, start_self_issued, .. } = measurements;
    for (certificate, times) in
        [("certificate files", start_with_files), ("self-issued certificate", start_self_issued)]
    {
        let name = format!("start to first right answer: {certificate}");
        let row = Row::new(name, Unit::Milliseconds, times, |time| milliseconds(*time));
        rows.push(row.limit(milliseconds(START_MAX)));
    }
}

fn notes(plan: &Plan, maps_a_libc: bool) -> Vec<String> {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("unknown processor", |(_, model)| model);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("unknown");
    let libc = if cfg!(target_env = "musl") { "musl" } else { "glibc" };
    let linked = if maps_a_libc { "dynamically" } else { "statically" };
    vec![
        format!("{model}, {cores} cores, load average at the end {load}"),
        format!("{libc}, linked {linked}; the allocator is its malloc"),
        format!(
            "medians of {} starts of every program and, for processor time, {} turns of \
             {REQUESTS_PER_TURN} requests over {CONNECTIONS} connections after each",
            plan.rounds, plan.turns
        ),
        "the log is JSON and goes to /dev/null; every request is a Pod that is patched".to_owned(),
        "processor: user and system time of all threads of the server, from /proc/PID/task/*/schedstat"
            .to_owned(),
    ]
}

impl Row {
    fn new<T>(figure: String, unit: Unit, measured: &[T], value: impl Fn(&T) -> f64) -> Self {
        let mut values: Vec<f64> = measured.iter().map(value).collect();
        values.sort_by(f64::total_cmp);
        let quartiles = [1, 2, 3].map(|quarter| values[(values.len() - 1) * quarter / 4]);
        Self { figure, unit, quartiles, limit: None }
    }

    fn limit(self, limit: f64) -> Self {
        Self { limit: Some(limit), ..self }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| figure | median | middle half | limit | |")?;
        writeln!(f, "|---|---:|---:|---:|---|")?;
        for row in &self.rows {
            writeln!(f, "{row}")?;
        }
        writeln!(f)?;
        self.notes.iter().try_for_each(|note| writeln!(f, "- {note}"))
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { figure, unit, quartiles: [low, median, high], limit } = self;
        let (unit, digits) = match unit {
            Unit::Microseconds => ("µs", 1),
            Unit::Milliseconds => ("ms", 1),
            Unit::MebiBytes => ("MiB", 1),
            Unit::Times => ("×", 2),
        };
        write!(f, "| {figure} | {median:.digits$} {unit} | {low:.digits$} – {high:.digits$} |")?;
        match limit {
            None => f.write_str(" | |"),
            Some(limit) if median <= limit => write!(f, " {limit} {unit} | ok |"),
            Some(limit) => write!(f, " {limit} {unit} | missed |"),
        }
    }
}

fn microseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn mebibytes(kibibytes: u64) -> f64 {
    f64::from(u32::try_from(kibibytes).unwrap_or(u32::MAX)) / 1024.0
}
