//! Processes that were told to end, and go on answering for a while, as they shall.
//!
//! No trial waits for them. The last one asks whether all of them have ended well.

use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::process::Daemon;

static LEAVING: Mutex<Vec<Leaving>> = Mutex::new(Vec::new());

#[derive(Debug)]
struct Leaving {
    process: Daemon,
    /// When a kubelet would end it by force.
    until: Instant,
}

/// Hands over a process that was told to end; it may take this long.
pub(crate) fn expect(process: Daemon, grace: Duration) {
    let until = Instant::now() + grace;
    LEAVING.lock().unwrap_or_else(PoisonError::into_inner).push(Leaving { process, until });
}

/// Whether those of these process numbers have ended by now.
pub(crate) fn have_ended(processes: &[u32]) -> bool {
    let mut leaving = LEAVING.lock().unwrap_or_else(PoisonError::into_inner);
    let mut asked_for = leaving.iter_mut().filter(|leaving| processes.contains(&leaving.process.id()));
    asked_for.all(|leaving| leaving.process.has_ended())
}

/// Waits for all of them; each must have ended by itself and well.
///
/// Returns how many they were.
#[track_caller]
pub(crate) fn assert_all_ended_well() -> usize {
    let leaving: Vec<Leaving> = LEAVING.lock().unwrap_or_else(PoisonError::into_inner).drain(..).collect();
    let count = leaving.len();
    for Leaving { mut process, until } in leaving {
        while !process.has_ended() && Instant::now() < until {
            thread::sleep(Duration::from_millis(50));
        }
        process.assert_ended_well();
    }
    count
}
