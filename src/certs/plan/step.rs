//! What goes into a plan, and what comes out of it.

use std::time::Duration;

use jiff::Timestamp;

/// The clocks, and a random number between 0 and 1.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// The wall clock, for the life of certificates.
    pub wall: Timestamp,
    /// The wall clock of the API server, as far as it is known.
    pub theirs: Timestamp,
    /// A clock that only goes forward, for everything else.
    pub steady: Duration,
    /// Keeps replicas from doing the same thing at the same moment.
    pub jitter: f64,
}

/// How a sight of the registration was come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The answer to a call: the state at that moment.
    Call,
    /// A watch, which may lag behind.
    Watch,
}

/// The next thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Issue a certificate, to be served next.
    Issue,
    /// Read the registration.
    Read,
    /// Write this bundle.
    Write(Vec<u8>),
    /// Write this hash into the annotation.
    Touch(String),
    /// Remove the annotation, so that every API server looks at the object again.
    Untouch,
    /// Serve the next certificate.
    Serve,
    /// Nothing for so long, unless something happens.
    Wait(Duration),
}

/// Why a call had no success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Somebody else wrote first.
    Conflict,
    /// The API server refuses.
    Refused,
    /// The API server does not answer.
    Away,
}
