//! Who gives way when there are too many connections. Pure.
//!
//! What is short is shared by addresses. Nothing else tells callers apart that anybody could not feign: who
//! floods the port can send good reviews too, but one Pod has one address, or two where it has IPv6 as well.
//! An address that holds less than its fair share (as many as there are, divided by the addresses) loses none
//! of them to another one, and an address never takes from one that holds no more than itself. So beside some
//! strangers an API server keeps a share of 1024 that it seldom needs a tenth of, and several API servers do
//! each; those behind one proxy are one address, and share what is theirs.
//!
//! Inside this limit strangers give way before callers that once sent a valid review, and always those first
//! that have done the same longest: of an API server these are the connections that it has abandoned.

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

/// How little it may be told to give way, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reluctance {
    None,
    /// It may be about to go on.
    Young,
    /// It carries a request of a good caller, which is as good as answered.
    Needed,
}

/// The place of the one that gives way to a newcomer from an address, or from one that is not known. There is
/// none while the newcomer has to wait for others. Who has begun what it does after `latest` is young.
pub(super) fn choose(all: &[Candidate], newcomer: Option<IpAddr>, latest: u64) -> Option<usize> {
    let shares = Shares::of(all, newcomer);
    let rank = |candidate: &Candidate| {
        let reluctance = match candidate.doing {
            Doing::Working | Doing::Leaving => return None,
            Doing::Asking if candidate.proven => Reluctance::Needed,
            _ if candidate.since > latest => Reluctance::Young,
            Doing::Waiting | Doing::Asking => Reluctance::None,
        };
        shares.may_lose(candidate.from).then_some((reluctance, candidate.proven, candidate.since))
    };
    let ranks = all.iter().enumerate().filter_map(|(place, candidate)| Some((rank(candidate)?, place)));
    let ((reluctance, proven, _), place) = ranks.min()?;
    if newcomer.is_some_and(|newcomer| newcomer != all[place].from) {
        // Whoever holds too much for another one to come in cannot ask for patience.
        return Some(place);
    }
    // Nobody goes in haste for one of his own; a stranger that is still young will soon be old enough.
    let is_stranger = |one: &Candidate| one.from == all[place].from && !one.proven && rank(one).is_some();
    (reluctance == Reluctance::None && !(proven && all.iter().any(is_stranger))).then_some(place)
}

/// How many connections each address holds.
struct Shares {
    counts: HashMap<IpAddr, usize>,
    newcomer: Option<IpAddr>,
    all: usize,
    addresses: usize,
}

impl Shares {
    fn of(all: &[Candidate], newcomer: Option<IpAddr>) -> Self {
        let mut counts = HashMap::new();
        for candidate in all {
            *counts.entry(candidate.from).or_default() += 1;
        }
        let is_new = newcomer.is_some_and(|newcomer| !counts.contains_key(&newcomer));
        let addresses = counts.len() + usize::from(is_new);
        Self { counts, newcomer, all: all.len(), addresses }
    }

    fn held(&self, from: IpAddr) -> usize {
        self.counts.get(&from).copied().unwrap_or_default()
    }

    /// Whether one from this address may go for the newcomer.
    fn may_lose(&self, from: IpAddr) -> bool {
        let held = self.held(from);
        let has_its_share = held * self.addresses >= self.all;
        let is_before = |newcomer| newcomer == from || self.held(newcomer) < held;
        has_its_share && self.newcomer.is_none_or(is_before)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const SERVER: IpAddr = address(1);
    const POD: IpAddr = address(2);
    const OTHER: IpAddr = address(3);
    /// Whatever began before this is old.
    const LATEST: u64 = 100;

    const fn address(last: u8) -> IpAddr {
        IpAddr::V4(Ipv4Addr::new(10, 0, 0, last))
    }

    fn one(from: IpAddr, proven: bool, doing: Doing, since: u64) -> Candidate {
        Candidate { from, proven, doing, since }
    }

    /// Many that have waited since some time.
    fn many(count: usize, from: IpAddr, proven: bool, since: u64) -> Vec<Candidate> {
        vec![one(from, proven, Doing::Waiting, since); count]
    }

    /// The one that gives way.
    fn gives_way(all: &[Candidate], newcomer: IpAddr) -> Option<Candidate> {
        choose(all, Some(newcomer), LATEST).map(|place| all[place])
    }

    #[test]
    fn of_one_address_strangers_go_before_good_callers_and_old_ones_before_new_ones() {
        let all = [
            one(SERVER, true, Doing::Waiting, 0),
            one(SERVER, false, Doing::Waiting, 20),
            one(SERVER, false, Doing::Asking, 10),
            one(SERVER, false, Doing::Working, 0),
            one(SERVER, false, Doing::Leaving, 0),
        ];
        assert_eq!(choose(&all, Some(SERVER), LATEST), Some(2));
        assert_eq!(choose(&all[..2], Some(SERVER), LATEST), Some(1));
        assert_eq!(choose(&all[..1], Some(SERVER), LATEST), Some(0));
        assert_eq!(choose(&all[3..], Some(SERVER), LATEST), None);
        assert_eq!(choose(&all[..2], Some(SERVER), 10), None, "the stranger first, when it is old");
        assert_eq!(choose(&all[..3], None, LATEST), Some(2), "also where no address is known");
        let asking = [one(SERVER, true, Doing::Asking, 0)];
        assert_eq!(choose(&asking, Some(SERVER), LATEST), None, "its answer is as good as there");
    }

    #[test]
    fn who_holds_too_much_gives_way_whatever_he_has_proven_and_however_young() {
        let server = many(2, SERVER, false, 0);
        for (doing, since) in [(Doing::Waiting, 0), (Doing::Waiting, 200), (Doing::Asking, 200)] {
            let crowd = vec![one(POD, true, doing, since); 5];
            let all = [server.clone(), crowd].concat();
            assert_eq!(gives_way(&all, SERVER), Some(one(POD, true, doing, since)));
            assert_ne!(gives_way(&all, POD).map(|one| one.from), Some(SERVER));
        }
        let leaving = [server.clone(), vec![one(POD, true, Doing::Leaving, 0); 5], many(1, POD, true, 50)];
        assert_eq!(
            gives_way(&leaving.concat(), SERVER).map(|one| one.from),
            Some(POD),
            "who goes still counts"
        );
        let working = [server, vec![one(POD, true, Doing::Working, 0); 5]].concat();
        assert_eq!(gives_way(&working, SERVER), None, "whose answer is being made stays");
    }

    #[test]
    fn two_addresses_of_one_crowd_take_nothing_from_the_api_server() {
        // Neither holds half of them, and all are better known than the new connection of the API server.
        let crowds = [many(30, POD, true, 200), many(29, OTHER, true, 200)].concat();
        let all = [crowds, many(5, SERVER, false, 0)].concat();
        for newcomer in [SERVER, POD, OTHER, address(4)] {
            assert_ne!(gives_way(&all, newcomer).map(|one| one.from), Some(SERVER), "for {newcomer}");
        }
        assert_ne!(gives_way(&all, SERVER), None);
    }

    #[test]
    fn of_an_api_server_the_abandoned_connections_go_first() {
        let abandoned = many(1000, SERVER, true, 0);
        let all = [abandoned.clone(), many(24, SERVER, true, 90)].concat();
        for newcomer in [SERVER, OTHER] {
            assert_eq!(gives_way(&all, newcomer).map(|one| one.since), Some(0), "for {newcomer}");
        }
        // And when strangers hold more than their share as well, theirs go before.
        let all = [abandoned, many(990, POD, false, 50), many(10, OTHER, false, 50)].concat();
        assert_eq!(gives_way(&all, OTHER).map(|one| one.from), Some(POD));
    }

    #[test]
    fn api_servers_behind_one_proxy_share_what_there_is() {
        let all = [many(3, SERVER, true, 200), many(1, SERVER, true, 50)].concat();
        assert_eq!(choose(&all, Some(SERVER), LATEST), Some(3));
        assert_eq!(choose(&all[..3], Some(SERVER), LATEST), None, "soon one of them is idle");
    }

    fn candidates() -> impl Strategy<Value = Vec<Candidate>> {
        let doing =
            prop::sample::select(&[Doing::Waiting, Doing::Asking, Doing::Working, Doing::Leaving][..]);
        // Some addresses hold much, and some little.
        let from = prop_oneof![6 => Just(1), 3 => Just(2), 2 => 3_u8..6, 1 => 6_u8..12].prop_map(address);
        let candidate = (from, any::<bool>(), doing, 0..2 * LATEST);
        vec(candidate.prop_map(|(from, proven, doing, since)| one(from, proven, doing, since)), 0..60)
    }

    proptest! {
        #[test]
        fn nobody_takes_from_an_address_that_holds_no_more_or_less_than_its_share(
            all in candidates(),
            newcomer in (1_u8..13).prop_map(address),
        ) {
            let held = |from| all.iter().filter(|one| one.from == from).count();
            let mut addresses: Vec<IpAddr> = all.iter().map(|one| one.from).chain([newcomer]).collect();
            addresses.sort_unstable();
            addresses.dedup();
            if let Some(chosen) = gives_way(&all, newcomer) {
                let other = chosen.from != newcomer;
                prop_assert!(matches!(chosen.doing, Doing::Waiting | Doing::Asking));
                prop_assert!(!other || held(chosen.from) > held(newcomer));
                prop_assert!(held(chosen.from) * addresses.len() >= all.len());
                prop_assert!(other || chosen.since <= LATEST && !(chosen.proven && chosen.doing == Doing::Asking));
            }
        }

        #[test]
        fn who_holds_less_than_his_share_comes_in_unless_all_others_are_at_work(
            all in candidates(),
            newcomer in (1_u8..13).prop_map(address),
        ) {
            let shares = Shares::of(&all, Some(newcomer));
            let holds_little = shares.held(newcomer) * shares.addresses < all.len();
            let may_go = |one: &Candidate| matches!(one.doing, Doing::Waiting | Doing::Asking);
            let holds_much = |from| shares.held(from) * shares.addresses >= all.len();
            let one_may_go = all.iter().any(|one| holds_much(one.from) && may_go(one));
            prop_assert!(!(holds_little && one_may_go) || gives_way(&all, newcomer).is_some());
        }

        #[test]
        fn no_one_goes_for_his_own_address_while_a_less_needed_one_of_it_may(all in candidates()) {
            // A proxy before all of them.
            let all: Vec<_> = all.into_iter().map(|one| Candidate { from: SERVER, ..one }).collect();
            if let Some(chosen) = gives_way(&all, SERVER) {
                let is_less_needed = |one: &&Candidate| {
                    let may_go = matches!(one.doing, Doing::Waiting | Doing::Asking);
                    may_go && !one.proven && (chosen.proven || one.since < chosen.since)
                };
                prop_assert_eq!(all.iter().find(is_less_needed), None);
            }
        }
    }
}
