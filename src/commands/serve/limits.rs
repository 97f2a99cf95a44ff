//! The limits of the TLS port, from the command line and from the operating system.

use std::fs;

use crate::cli::serve::ServeArgs;
use crate::server::limits::Limits;

/// File descriptors for everything but the TLS port: the log, the admin port, the API server.
const OTHER_DESCRIPTORS: usize = 24;

/// The limits that the command line asks for, with no more connections than the process may open.
pub(super) fn of(args: &ServeArgs) -> Limits {
    let wanted = args.limits.max_connections;
    // Besides the open connections some wait for room, and some are leaving.
    let possible = descriptors_max().map(|max| (max.saturating_sub(OTHER_DESCRIPTORS) / 11 * 8).max(1));
    let connections = possible.map_or(wanted, |possible| wanted.min(possible));
    if connections < wanted {
        tracing::warn!(
            connections,
            "the process may open too few files (ulimit -n) for --max-connections; taking fewer"
        );
    }
    Limits {
        connections,
        handshakes: args.limits.max_handshakes,
        requests: args.limits.max_requests,
        body_bytes: args.limits.max_body_bytes,
        handshake: args.limits.handshake_timeout,
        first_head: args.limits.head_timeout,
        idle: args.limits.idle_timeout,
        body: args.limits.body_timeout,
        drain: args.drain_timeout,
    }
}

/// How many files the process may open (proc(5), `/proc/PID/limits`); none where the system does not say.
fn descriptors_max() -> Option<usize> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}
