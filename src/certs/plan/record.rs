//! What was seen of the registration, and since when.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::super::bundle::{Bundle, Fingerprint, hash};
use super::{Moment, PROPAGATION, STORM};
use crate::cluster::registration::Sight;

/// The registration as last seen, with the times that matter.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// The last sight.
    pub sight: Sight,
    /// The certificates of its bundle.
    pub bundle: Bundle,
    /// Whether the bundle is in the one form that we write.
    pub is_clean: bool,
    /// When the object last changed, by what we saw.
    pub changed_at: Duration,
    /// The random number that belongs to that change.
    pub jitter: f64,
    /// When the registration was last the answer to a call.
    pub read_at: Option<Duration>,
    /// Set while the annotation does not name the bundle.
    pub unsettled: Option<Unsettled>,
    /// Those of our certificates that once stood in the bundle.
    pub stood: BTreeSet<Fingerprint>,
    standing: BTreeMap<Fingerprint, Standing>,
    hash: Option<String>,
    /// How often somebody undid the annotation of the same bundle.
    undone: u32,
}

/// A bundle that not every API server may have seen.
#[derive(Clone, Copy, Debug)]
pub struct Unsettled {
    /// Since when.
    pub since: Duration,
    /// How often somebody undid what we wrote.
    pub undone: u32,
}

/// A certificate in the bundle.
#[derive(Clone, Copy, Debug)]
struct Standing {
    since: Duration,
    /// When the annotation first named a bundle with this certificate.
    settled: Option<Duration>,
}

impl Record {
    /// Takes in a sight.
    pub fn see(&mut self, sight: Sight, moment: Moment) {
        if sight == self.sight {
            return;
        }
        let at = moment.steady;
        (self.changed_at, self.jitter) = (at, moment.jitter);
        let Sight::Found(stored) = &sight else {
            *self = Self {
                sight,
                changed_at: at,
                jitter: moment.jitter,
                read_at: self.read_at,
                stood: std::mem::take(&mut self.stood),
                ..Self::default()
            };
            return;
        };
        let hash = hash(&stored.ca_bundle);
        let is_same_bundle = self.hash.as_ref() == Some(&hash);
        if !is_same_bundle {
            self.bundle = Bundle::parse(&stored.ca_bundle);
            self.is_clean = self.bundle.encode() == stored.ca_bundle;
        }
        let is_settled = stored.settled.as_ref() == Some(&hash);
        self.standing = self.still_standing(at, is_settled);
        if is_settled {
            self.unsettled = None;
        } else {
            let was_settled = self.hash.is_some() && self.unsettled.is_none();
            match (is_same_bundle, was_settled) {
                (true, true) => self.undone = self.undone.saturating_add(1),
                (true, false) => {}
                (false, _) => self.undone = 0,
            }
            let since = self.unsettled.map_or(at, |unsettled| unsettled.since);
            self.unsettled = Some(Unsettled { since, undone: self.undone });
        }
        self.hash = Some(hash);
        self.sight = sight;
    }

    /// The hash of the bundle, when there is a webhook that could have one.
    #[must_use]
    pub fn hash(&self) -> Option<String> {
        self.hash.clone()
    }

    /// From when on every API server trusts a certificate that stands in the bundle.
    ///
    /// An API server can miss one of two writes a few milliseconds apart; the touch that follows heals
    /// it. What comes after the touch and keeps the certificate can be missed without harm.
    #[must_use]
    pub fn published_at(&self, fingerprint: Fingerprint) -> Option<Duration> {
        let standing = self.standing.get(&fingerprint)?;
        let in_a_storm = standing.since + STORM;
        Some(standing.settled.map_or(in_a_storm, |settled| in_a_storm.min(settled + PROPAGATION)))
    }

    /// Since when a certificate has stood in the bundle.
    #[must_use]
    pub fn stands_since(&self, fingerprint: Fingerprint) -> Option<Duration> {
        Some(self.standing.get(&fingerprint)?.since)
    }

    fn still_standing(&self, at: Duration, is_settled: bool) -> BTreeMap<Fingerprint, Standing> {
        // In a bundle that is not clean the API server may find fewer certificates than we do.
        let anchors = if self.is_clean { self.bundle.anchors() } else { &[] };
        let standing = anchors.iter().map(|anchor| {
            let before = self.standing.get(&anchor.fingerprint()).copied();
            let mut standing = before.unwrap_or(Standing { since: at, settled: None });
            if is_settled {
                standing.settled.get_or_insert(at);
            }
            (anchor.fingerprint(), standing)
        });
        standing.collect()
    }
}
