//! What `/proc` says about a process.

use std::fs;
use std::time::Duration;

use anyhow::Context as _;

/// How many file descriptors it has open.
pub(crate) fn descriptors(process: u32) -> anyhow::Result<usize> {
    Ok(fs::read_dir(format!("/proc/{process}/fd")).context("its descriptors cannot be listed")?.count())
}

/// Its memory in KiB: `VmHWM` is the most that it ever had resident, `VmRSS` what it has.
pub(crate) fn memory(process: u32, field: &str) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.with_context(|| format!("no {field} in the status of the process"))
}

/// The processor time of all its threads.
pub(crate) fn processor_time(process: u32) -> anyhow::Result<Duration> {
    let mut nanoseconds = 0;
    for task in fs::read_dir(format!("/proc/{process}/task"))? {
        // A thread may end while we look.
        let Ok(text) = fs::read_to_string(task?.path().join("schedstat")) else { continue };
        nanoseconds += text.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0);
    }
    Ok(Duration::from_nanos(nanoseconds))
}

/// The time that all processors have been idle so far.
pub(crate) fn idle_time() -> anyhow::Result<Duration> {
    let stat = fs::read_to_string("/proc/stat")?;
    // "cpu", then user, nice, system, idle, iowait, in hundredths of a second (`proc_stat(5)`).
    let idle = stat.lines().next().context("no first line")?.split_whitespace().skip(4).take(2);
    let hundredths: u64 = idle.map(|field| field.parse().unwrap_or(0)).sum();
    Ok(Duration::from_millis(hundredths * 10))
}

/// The slope of the straight line through points with the least squares of errors.
pub(crate) fn slope(points: &[(f64, f64)]) -> f64 {
    let count = number(points.len());
    let mean = |value: fn(&(f64, f64)) -> f64| points.iter().map(value).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let covariance: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    covariance / points.iter().map(|point| (point.0 - x).powi(2)).sum::<f64>()
}

/// A count to reckon with.
pub(crate) fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
