//! Waiting without hoping: asked again until it is so, and an end with a reason when it is not.

use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take on a machine that is busy with other things.
///
/// It only bounds a failure: a wait ends as soon as its condition holds.
pub(crate) const LIMIT: Duration = Duration::from_secs(90);

/// Calls `attempt` until it succeeds and returns what it gave.
///
/// # Panics
///
/// When it has not succeeded within [`LIMIT`], with the reason that the last attempt gave.
#[track_caller]
pub(crate) fn until<T>(expectation: &str, mut attempt: impl FnMut() -> Result<T, String>) -> T {
    let start = Instant::now();
    loop {
        match attempt() {
            Ok(value) => return value,
            Err(reason) if start.elapsed() > LIMIT => {
                panic!("waited {} s in vain until {expectation}: {reason}", LIMIT.as_secs())
            }
            Err(_) => thread::sleep(Duration::from_millis(50)),
        }
    }
}
