//! A certificate that can be served, and what its times mean for it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::super::bundle::Anchor;

/// How much of a life has to be left for a certificate to be worth publishing: time to be served, and
/// to be renewed after that. A short life has less.
const LEFT_MIN: SignedDuration = SignedDuration::from_secs(10);
/// A handshake of the last second may be judged by its client in the next one.
const LAST: SignedDuration = SignedDuration::from_secs(1);
/// How long a bundle takes to come into use: 13 ms at an idle API server, at most 73 ms at a busy one.
const REACHES: Duration = Duration::from_millis(100);

/// What can be served, and what a client must trust for it.
#[derive(Clone, Debug)]
pub struct Leaf {
    /// What has to stand in the bundle.
    pub anchors: Vec<Anchor>,
    /// From when on it is valid.
    pub not_before: Timestamp,
    /// When another has to be issued; never when it is not ours to issue.
    pub renew_at: Option<Timestamp>,
    /// When it ends.
    pub not_after: Timestamp,
}

impl Leaf {
    /// Whether nobody accepts it any more.
    #[must_use]
    pub fn has_expired(&self, wall: Timestamp) -> bool {
        self.not_after <= wall
    }

    /// Whether it has begun and not ended. What others issued is theirs to judge.
    pub(super) fn is_valid_at(&self, clock: Timestamp) -> bool {
        self.renew_at.is_none() || (self.not_before <= clock && !self.has_expired(clock))
    }

    /// Whether a certificate that was kept is worth being served again. One whose renewal is due, or was
    /// blocked for hours, still is: it may stand in the bundle already, which another has yet to reach.
    #[must_use]
    pub fn is_worth_taking_up(&self, wall: Timestamp) -> bool {
        self.not_before <= wall && self.give_up_at().is_some_and(|give_up_at| wall < give_up_at)
    }

    /// When it is too late to publish it.
    #[must_use]
    pub(super) fn give_up_at(&self) -> Option<Timestamp> {
        let left = self.not_after.duration_since(self.renew_at?) / 2;
        Some(self.not_after - left.min(LEFT_MIN))
    }

    /// When what comes after it need no longer wait for every API server to trust it.
    pub(super) fn last_moment(&self) -> Timestamp {
        self.not_after.checked_sub(LAST).unwrap_or(self.not_after)
    }

    /// How long the next one has to stand in the bundle to be better than this one, if so little is enough.
    pub(super) fn gives_way_after(&self, wall: Timestamp) -> Option<Duration> {
        if self.has_expired(wall) {
            Some(Duration::ZERO)
        } else if self.last_moment() <= wall {
            Some(REACHES)
        } else {
            None
        }
    }
}
