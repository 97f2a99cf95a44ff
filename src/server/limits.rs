//! How long and how much the server waits for, and takes of, one client.

use std::time::Duration;

/// The largest review in bytes: two objects of 3 MiB, the most that the API server takes, and what
/// stands around them. controller-runtime has the same limit.
pub const BODY_BYTES_MAX: usize = 7 * 1024 * 1024;

/// The limits of one connection.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From the accepted connection to the end of the TLS handshake.
    pub handshake: Duration,
    /// From the handshake to the end of the first request's head.
    pub first_head: Duration,
    /// Between two requests. The API server keeps idle connections for 90 s; closing earlier would
    /// cost it a failed call.
    pub idle: Duration,
    /// From a request's head to the end of its body.
    pub body: Duration,
    /// How long requests under way may still take once the process stops.
    pub stop: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(5),
            first_head: Duration::from_secs(10),
            idle: Duration::from_secs(120),
            body: Duration::from_secs(10),
            stop: Duration::from_secs(10),
        }
    }
}
