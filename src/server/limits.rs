//! How long and how much the server waits for, and takes of, its clients.

use std::time::Duration;

/// The largest review in bytes: two objects of 3 MiB, the most that the API server takes, and what
/// stands around them. controller-runtime has the same limit.
pub const BODY_BYTES_MAX: usize = 7 * 1024 * 1024;

/// The limits of the TLS port.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Open connections. At this number one of an address that holds more than its share gives way.
    pub connections: usize,
    /// TLS handshakes under way. At this number one gives way likewise.
    pub handshakes: usize,
    /// Requests under way; more of them wait for a second, then they are told to come again.
    pub requests: usize,
    /// Bytes of long bodies that are held at once; more of them wait likewise.
    pub body_bytes: usize,
    /// From the accepted connection to the end of the TLS handshake.
    pub handshake: Duration,
    /// From the handshake to the end of the first request's head. Go's client keeps connections that it
    /// opened and did not need; to close one sooner than an idle one could cost the API server a call.
    pub first_head: Duration,
    /// Between two requests. The API server keeps idle connections for 90 s; closing earlier would
    /// cost it a failed call.
    pub idle: Duration,
    /// From a request's head to the end of its body.
    pub body: Duration,
    /// From the signal to stop to the end of serving, at the latest.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1024,
            handshakes: 1024,
            requests: 512,
            body_bytes: 24 * 1024 * 1024,
            handshake: Duration::from_secs(5),
            first_head: Duration::from_secs(120),
            idle: Duration::from_secs(120),
            body: Duration::from_secs(10),
            drain: Duration::from_secs(60),
        }
    }
}
