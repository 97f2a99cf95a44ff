//! When a process that was told to stop may leave. Pure.
//!
//! It takes a while until nobody is sent here any more: the kubelet's probe, the endpoints controller and
//! every node's kube-proxy have to hear of it first.

use std::time::Duration;

/// Until then new connections are expected, whatever the open ones do.
const LEAST: Duration = Duration::from_secs(15);
/// After this long without a request the open connections count as left behind: after each change of the
/// caBundle the API server abandons its old connections and leaves them idle for 90 s.
const QUIET: Duration = Duration::from_secs(10);

/// What the end of serving depends on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draining {
    /// Since the signal.
    pub(super) elapsed: Duration,
    /// The most that it may take.
    pub(super) timeout: Duration,
    /// Open connections.
    pub(super) open: usize,
    /// Since the last request.
    pub(super) quiet: Duration,
}

impl Draining {
    /// Whether the process may leave.
    pub(super) fn is_over(self) -> bool {
        let left_behind = self.open == 0 || self.quiet.min(self.elapsed) >= QUIET;
        self.elapsed >= self.timeout || (self.elapsed >= LEAST && left_behind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_over(elapsed: u64, open: usize, quiet: u64) -> bool {
        let seconds = Duration::from_secs;
        let timeout = seconds(60);
        Draining { elapsed: seconds(elapsed), timeout, open, quiet: seconds(quiet) }.is_over()
    }

    #[test]
    fn it_leaves_when_nobody_needs_it_any_more() {
        assert!(!is_over(14, 0, 1000), "endpoints may not have heard of it");
        assert!(is_over(15, 0, 0), "nobody is connected");
        assert!(!is_over(15, 1, 9), "somebody asked nine seconds ago");
        assert!(is_over(15, 1, 10), "the open connection is left behind");
        assert!(!is_over(59, 1, 0), "somebody still asks");
        assert!(is_over(60, 1, 0), "nobody asks for ever");
    }
}
