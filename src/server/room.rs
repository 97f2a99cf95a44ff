//! Who gives way when there are too many connections. Pure.
//!
//! One Pod has one address. An address that holds more than half of what there is gives way first,
//! whatever it has proven: the API server comes from another one. Then come strangers, then callers that
//! once sent a valid review, and always those first that have done the same longest.

use std::collections::HashMap;
use std::net::IpAddr;

/// A connection, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    /// Where it comes from.
    pub(super) from: IpAddr,
    /// Whether it once carried a valid review.
    pub(super) proven: bool,
    /// What it does.
    pub(super) doing: Doing,
    /// Since when, in milliseconds.
    pub(super) since: u64,
}

/// What a connection does, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    /// It waits for its client.
    Waiting,
    /// Its client has begun a request, and the rest is still to come.
    Asking,
    /// It is being answered.
    Working,
    /// It was told to give way.
    Leaving,
}

/// What becomes of one that has just come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// This one gives way to it.
    GivesWay(usize),
    /// It waits, because all others are at work.
    Wait,
    /// It is sent away, because others of its address hold more than half.
    Refuse,
}

/// Chooses among connections of which there may be `max`, for one that comes from `newcomer`. One that has
/// begun what it does after `latest` may be about to go on, and is left alone.
pub(super) fn choose(all: &[Candidate], max: usize, newcomer: Option<IpAddr>, latest: u64) -> Choice {
    let heavy = heavy(all, max);
    let rank = |candidate: &Candidate| {
        let is_heavy = heavy == Some(candidate.from);
        let is_young = candidate.since > latest;
        let may_go = match candidate.doing {
            Doing::Waiting => true,
            // A request of a good caller is as good as answered.
            Doing::Asking => is_heavy || !candidate.proven,
            Doing::Working | Doing::Leaving => false,
        };
        // Whoever holds more than half takes nothing from the others, however long they have waited.
        let may_go = may_go && (is_heavy || heavy.is_none() || newcomer != heavy);
        let counts_its_age = !is_heavy || newcomer == heavy;
        (may_go && !(is_young && counts_its_age)).then_some((!is_heavy, candidate.proven, candidate.since))
    };
    let ranked = all.iter().enumerate().filter_map(|(place, candidate)| Some((rank(candidate)?, place)));
    let is_stranger = |one: &Candidate| !one.proven && matches!(one.doing, Doing::Waiting | Doing::Asking);
    match ranked.min() {
        // A stranger that is still young will soon be old enough.
        Some(((true, true, _), _)) if all.iter().any(is_stranger) => Choice::Wait,
        Some((_, place)) => Choice::GivesWay(place),
        // Where a proxy stands before all, nobody can be told from the others.
        None if heavy.is_some() && newcomer == heavy && all.iter().any(|one| Some(one.from) != heavy) => {
            Choice::Refuse
        }
        None => Choice::Wait,
    }
}

/// The address that holds more than half of `max`.
fn heavy(all: &[Candidate], max: usize) -> Option<IpAddr> {
    let mut counts: HashMap<IpAddr, usize> = HashMap::new();
    for candidate in all {
        let count = counts.entry(candidate.from).or_default();
        *count += 1;
        if *count > max / 2 {
            return Some(candidate.from);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
    const POD: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));
    const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 3));

    fn one(from: IpAddr, proven: bool, doing: Doing, since: u64) -> Candidate {
        Candidate { from, proven, doing, since }
    }

    #[test]
    fn strangers_go_before_good_callers_and_old_ones_before_new_ones() {
        let all = [
            one(SERVER, true, Doing::Waiting, 0),
            one(POD, false, Doing::Waiting, 20),
            one(OTHER, false, Doing::Asking, 10),
            one(OTHER, false, Doing::Working, 0),
        ];
        assert_eq!(choose(&all, 4, Some(SERVER), 100), Choice::GivesWay(2));
        assert_eq!(choose(&all[..2], 4, Some(SERVER), 100), Choice::GivesWay(1));
        assert_eq!(choose(&all[..1], 4, Some(POD), 100), Choice::GivesWay(0));
        assert_eq!(choose(&all[3..], 4, Some(POD), 100), Choice::Wait);
        assert_eq!(
            choose(&all[..2], 4, Some(SERVER), 10),
            Choice::Wait,
            "the stranger first, when it is old"
        );
    }

    #[test]
    fn who_holds_more_than_half_gives_way_whatever_he_has_proven() {
        let all = [
            one(SERVER, false, Doing::Waiting, 0),
            one(POD, true, Doing::Waiting, 200),
            one(POD, true, Doing::Asking, 150),
            one(POD, true, Doing::Working, 0),
        ];
        assert_eq!(choose(&all, 4, Some(SERVER), 100), Choice::GivesWay(2), "however young");
        assert_eq!(choose(&all[1..], 4, Some(POD), 100), Choice::Wait, "one address holds all");
        let leaving = [one(POD, true, Doing::Leaving, 0), all[0], all[2], all[3]];
        assert_eq!(choose(&leaving, 4, Some(OTHER), 100), Choice::GivesWay(2), "who goes still counts");
        let waiting = [all[0], all[1], one(POD, true, Doing::Waiting, 150), all[3]];
        assert_eq!(choose(&waiting, 4, Some(POD), 100), Choice::Refuse, "nobody goes for one of his own");
        let young = [one(SERVER, false, Doing::Waiting, 200), all[1], all[2], all[3]];
        assert_eq!(choose(&young, 4, Some(POD), 100), Choice::Refuse);
        assert_eq!(choose(&young, 4, Some(POD), 175), Choice::GivesWay(2));
    }
}
