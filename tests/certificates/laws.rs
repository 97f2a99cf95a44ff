//! What holds on every day, good or bad.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use pullkey::certs::plan::leaf::Leaf;

use super::events::{Day, Event, REPLICAS, days};
use super::replica::wall;
use super::server::read_as_go_does;
use super::world::World;

const DAY: Duration = Duration::from_secs(24 * 3600);
/// Long enough for the slowest back-off of each kind.
const UNTIL_CALM: Duration = Duration::from_secs(30 * 60);
const CALM: Duration = Duration::from_secs(3600);

/// A day is long, and the same days are tried each time; `PROPTEST_CASES` asks for more and for others.
fn settings() -> ProptestConfig {
    let settings =
        ProptestConfig { max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default() };
    if std::env::var_os("PROPTEST_CASES").is_some() {
        return settings;
    }
    ProptestConfig { cases: 40, rng_seed: RngSeed::Fixed(40), ..settings }
}

fn skews() -> impl Strategy<Value = [i64; REPLICAS]> {
    // Behind by as much as a certificate reaches back, ahead by as much as one lives.
    let skew = || prop_oneof![Just(0_i64), Just(-3600), Just(3600), Just(24 * 3600), -3600..24 * 3600_i64];
    [skew(), skew(), skew()]
}

/// The first two laws are watched over by the world; the third is asked at the end.
fn lives_through(mut world: World, day: &Day) -> Result<(), String> {
    for (delay, event) in day {
        world.pass(*delay);
        world.happen(event);
    }
    world.calm_down();
    world.pass(UNTIL_CALM);
    converges(world)
}

fn converges(mut world: World) -> Result<(), String> {
    let (writes, issues) = (world.server.writes, world.issues());
    world.pass(CALM);
    if let Some(broken) = world.broken {
        return Err(broken);
    }
    let bundle = world.server.bundle();
    for (replica, served) in world.running() {
        let Some(leaf) = served else {
            if replica.is_far_ahead() {
                continue;
            }
            return Err(format!("{} is never ready: {:?}", replica.pod, replica.plan));
        };
        let anchor = &leaf.anchors[0];
        if !read_as_go_does(&bundle).contains(anchor.fingerprint()) || !world.server.trusts(anchor.der()) {
            return Err(format!("{} serves {anchor:?}, which is not trusted in the end", replica.pod));
        }
        if leaf.not_after <= wall(world.at) {
            return Err(format!("{} serves an expired certificate", replica.pod));
        }
        let steady = world.at;
        if !replica.plan.as_ref().is_some_and(|plan| plan.is_published(steady)) {
            return Err(format!("{} does not know that it is published", replica.pod));
        }
    }
    if world.issues() == issues && world.server.writes > writes {
        return Err(format!("{} writes in an hour in which nothing happens", world.server.writes - writes));
    }
    Ok(())
}

proptest! {
    #![proptest_config(settings())]

    #[test]
    fn nothing_unpublished_is_served_while_something_valid_is_nothing_of_others_is_removed_and_peace_returns(
        day in days(), skews in skews(), seed in any::<u64>(),
    ) {
        let world = World::new(skews, DAY, seed);
        lives_through(world, &day).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn the_same_holds_for_short_lives(day in days(), seed in any::<u64>()) {
        // Renewed every six or seven minutes, a dozen times an hour.
        let mut world = World::new([0; REPLICAS], Duration::from_secs(600), seed);
        world.happen(&Event::Create);
        world.happen(&Event::Start(0, true));
        world.happen(&Event::Start(1, true));
        lives_through(world, &shorter(day)).map_err(TestCaseError::fail)?;
    }
}

/// The same day in less time: with short lives, hours are full of renewals.
fn shorter(day: Day) -> Day {
    let max = Duration::from_secs(1200);
    let shorter = day.into_iter().map(|(delay, event)| {
        let event = match event {
            Event::Suspend(replica, time) => Event::Suspend(replica, time.min(max)),
            Event::Away(time) => Event::Away(time.min(max)),
            event => event,
        };
        (delay.min(max), event)
    });
    shorter.collect()
}

/// A world with a registration in which all replicas have started.
fn started(seed: u64) -> World {
    let mut world = World::new([0, 3600, -3600], DAY, seed);
    world.happen(&Event::Create);
    (0..REPLICAS).for_each(|replica| world.happen(&Event::Start(replica, true)));
    world
}

#[test]
fn without_interference_few_writes_are_enough() {
    let mut world = started(7);
    world.pass(Duration::from_secs(4));
    assert!(world.running().all(|(_, served)| served.is_some()), "ready within four seconds");
    // One write each, and one touch for all.
    assert!(world.server.writes <= REPLICAS + 1, "{} writes", world.server.writes);
    world.pass(Duration::from_secs(3600));
    assert!(world.server.writes <= REPLICAS + 1, "{} writes", world.server.writes);
    // A week: each replica renews ten times.
    world.pass(7 * DAY);
    assert!(world.issues() >= 10 * REPLICAS, "{} renewals", world.issues());
    assert!(world.server.writes <= 2 * world.issues() + REPLICAS + 1, "{} writes", world.server.writes);
    converges(world).expect("all is well");
}

#[test]
fn without_a_registration_a_replica_is_ready_at_once() {
    let mut world = World::new([0; REPLICAS], DAY, 1);
    world.happen(&Event::Start(0, true));
    world.pass(Duration::from_millis(100));
    assert!(world.running().all(|(_, served)| served.is_some()));
    assert_eq!(world.server.writes, 0);
}

#[test]
fn while_the_api_server_is_away_a_replica_does_not_become_ready() {
    let mut world = World::new([0; REPLICAS], DAY, 1);
    world.happen(&Event::Create);
    world.happen(&Event::Away(Duration::from_secs(4 * 3600)));
    world.happen(&Event::Start(0, true));
    world.pass(Duration::from_secs(4 * 3600 - 1));
    assert!(world.running().all(|(_, served)| served.is_none()));
    world.pass(Duration::from_secs(15));
    assert!(world.running().all(|(_, served)| served.is_some()));
}

#[test]
fn a_wiped_bundle_is_whole_again_within_a_fifth_of_a_second() {
    let mut world = started(3);
    world.pass(Duration::from_secs(60));
    for _ in 0..3 {
        world.happen(&Event::Wipe);
        world.pass(Duration::from_millis(200));
        let bundle = read_as_go_does(&world.server.bundle());
        assert_eq!(bundle.anchors().len(), REPLICAS);
        world.pass(Duration::from_secs(60));
    }
}

#[test]
fn a_bundle_that_was_put_back_settles_again_although_it_is_the_same() {
    let mut world = World::new([0; REPLICAS], DAY, 9);
    world.happen(&Event::Create);
    world.happen(&Event::Start(0, true));
    world.pass(Duration::from_secs(60));
    let (before, bundle) = (world.server.writes, world.server.bundle());
    world.happen(&Event::Wipe);
    world.pass(Duration::from_secs(5));
    assert_eq!(world.server.bundle(), bundle);
    // The bundle, and the touch.
    assert_eq!(world.server.writes - before, 2);
}

#[test]
fn a_bundle_in_another_form_is_written_again_in_ours() {
    let mut world = started(10);
    world.pass(Duration::from_secs(60));
    for event in [Event::Comment, Event::Glue, Event::Rubbish] {
        world.happen(&event);
        world.pass(Duration::from_secs(1));
        let bundle = world.server.bundle();
        assert_eq!(read_as_go_does(&bundle).encode(), bundle, "{event:?}");
        assert!(read_as_go_does(&bundle).anchors().len() >= REPLICAS, "{event:?}");
    }
}

#[test]
fn what_was_wiped_unseen_just_before_is_not_served() {
    for tenths in 10..40 {
        let mut world = World::new([0; REPLICAS], DAY, 11);
        world.happen(&Event::Create);
        world.happen(&Event::Lag(0, Duration::from_secs(30)));
        world.happen(&Event::Start(0, true));
        world.pass(Duration::from_millis(tenths * 100));
        world.happen(&Event::Wipe);
        world.pass(Duration::from_secs(60));
        assert_eq!(world.broken, None, "wiped after {tenths} tenths of a second");
    }
}

#[test]
fn an_actor_who_keeps_removing_our_certificate_is_not_fought_at_full_speed() {
    let mut world = started(4);
    world.pass(Duration::from_secs(60));
    let before = world.server.writes;
    for _ in 0..6000 {
        world.happen(&Event::Wipe);
        world.pass(Duration::from_millis(100));
    }
    let writes = world.server.writes - before;
    // Ten minutes at 30 s each, by three replicas, and the quick ones at the beginning.
    assert!(writes < 200, "{writes} writes");
    world.pass(UNTIL_CALM);
    converges(world).expect("all is well in the end");
}

#[test]
fn an_actor_who_keeps_removing_the_annotation_is_not_fought_at_full_speed() {
    let mut world = started(5);
    world.pass(Duration::from_secs(60));
    let before = world.server.writes;
    for _ in 0..6000 {
        world.happen(&Event::Unsettle);
        world.pass(Duration::from_millis(100));
    }
    let writes = world.server.writes - before;
    assert!(writes < 100, "{writes} writes");
}

#[test]
fn a_lost_update_is_healed_when_a_client_complains() {
    let mut world = started(6);
    world.pass(Duration::from_secs(60));
    // Both writes of the pair are somebody else's, and the second one is missed.
    world.server.loses = [true, false];
    world.happen(&Event::Wipe);
    world.pass(Duration::from_millis(200));
    let (_, served) = world.running().next().expect("a replica");
    let der = served.expect("it serves").anchors[0].der().to_vec();
    world.happen(&Event::Distrust(0));
    world.pass(Duration::from_secs(15));
    assert!(world.server.trusts(&der));
}

#[test]
fn a_machine_that_slept_past_expiry_publishes_another_certificate_at_once() {
    let mut world = started(8);
    world.pass(Duration::from_secs(60));
    world.happen(&Event::Suspend(0, 3 * DAY));
    world.pass(3 * DAY + Duration::from_secs(70));
    assert!(!served(&world).has_expired(wall(world.at)));
}

/// The leaf that the first replica serves.
#[track_caller]
fn served(world: &World) -> Leaf {
    let (_, served) = world.running().next().expect("a replica");
    served.expect("it serves").clone()
}

#[test]
fn what_expires_while_the_next_one_cannot_settle_gives_way_to_it() {
    // Renewed after nine seconds, so that a storm of ten outlasts it.
    let mut world = World::new([0; REPLICAS], Duration::from_secs(15), 12);
    world.happen(&Event::Create);
    world.happen(&Event::Start(0, true));
    world.pass(Duration::from_millis(8_500));
    let first = served(&world);
    for _ in 0..60 {
        world.happen(&Event::Storm(1));
        assert!(!served(&world).has_expired(wall(world.at)), "{:?}", world.at);
    }
    assert_ne!(served(&world).not_after, first.not_after);
    assert_eq!(world.broken, None);
    world.pass(Duration::from_secs(5));
    let leaf = served(&world);
    assert!(world.server.trusts(leaf.anchors[0].der()));
}

#[test]
fn what_has_not_expired_goes_on_being_served_until_the_next_one_has_settled() {
    let mut world = World::new([0; REPLICAS], Duration::from_secs(60), 13);
    world.happen(&Event::Create);
    world.happen(&Event::Start(0, true));
    world.pass(Duration::from_secs(39));
    let first = served(&world);
    // Renewed after 40 s; 8 s of a storm begin then.
    world.happen(&Event::Storm(27));
    assert_eq!(served(&world).not_after, first.not_after);
    world.pass(Duration::from_secs(5));
    assert_ne!(served(&world).not_after, first.not_after);
    assert_eq!(world.broken, None);
}

#[test]
fn what_expired_while_the_api_server_was_away_gives_way_as_soon_as_the_next_one_is_written() {
    let mut world = World::new([0; REPLICAS], Duration::from_secs(600), 14);
    world.happen(&Event::Create);
    world.happen(&Event::Start(0, true));
    world.pass(Duration::from_secs(60));
    world.happen(&Event::Away(Duration::from_secs(700)));
    world.pass(Duration::from_secs(700));
    assert!(served(&world).has_expired(wall(world.at)));
    let writes = world.server.writes;
    while world.server.writes == writes {
        world.pass(Duration::from_millis(1));
    }
    world.pass(Duration::from_millis(5));
    assert!(!served(&world).has_expired(wall(world.at)));
    // The touch that every API server needs comes all the same.
    world.pass(Duration::from_secs(3));
    assert_eq!(world.server.writes, writes + 2);
}

#[test]
fn without_a_registration_what_has_expired_gives_way_at_once() {
    let mut world = World::new([0; REPLICAS], Duration::from_secs(600), 15);
    world.happen(&Event::Start(0, true));
    world.pass(Duration::from_secs(60));
    world.happen(&Event::Suspend(0, Duration::from_secs(900)));
    world.pass(Duration::from_millis(900_100));
    assert!(!served(&world).has_expired(wall(world.at)));
}

#[test]
fn a_kept_certificate_whose_renewal_was_blocked_is_served_at_once_and_then_renewed() {
    for hours in [17, 23] {
        let mut world = World::new([0; REPLICAS], DAY, 16);
        world.happen(&Event::Create);
        world.happen(&Event::Start(0, true));
        world.pass(Duration::from_secs(60));
        let kept = served(&world);
        let blocked = Duration::from_secs(hours * 3600);
        world.happen(&Event::Away(blocked));
        world.pass(blocked);
        world.happen(&Event::Crash(0));
        world.happen(&Event::Start(0, true));
        // It stands in a bundle that has settled: nothing has to be written first.
        let writes = world.server.writes;
        world.pass(Duration::from_millis(1_010));
        assert_eq!(served(&world).not_after, kept.not_after);
        world.pass(Duration::from_secs(5));
        assert!(served(&world).not_after > kept.not_after, "after {hours} hours");
        assert_eq!(world.server.writes, writes + 2);
        converges(world).expect("all is well");
    }
}

#[test]
fn a_replica_whose_clock_is_a_day_ahead_takes_nothing_from_the_others() {
    let mut world = World::new([0, 0, 24 * 3600], DAY, 17);
    world.happen(&Event::Create);
    (0..REPLICAS).for_each(|replica| world.happen(&Event::Start(replica, true)));
    // Three days, in which all renew and the bundle is wiped now and then.
    for _ in 0..9 {
        world.pass(DAY / 3);
        world.happen(&Event::Wipe);
        world.pass(Duration::from_secs(60));
    }
    converges(world).expect("all is well");
}

#[test]
fn a_replica_whose_clock_is_hours_ahead_serves_nothing_that_is_not_valid_yet() {
    let mut world = World::new([0, 3600, 3 * 3600], DAY, 18);
    world.happen(&Event::Create);
    (0..REPLICAS).for_each(|replica| world.happen(&Event::Start(replica, true)));
    let serves = |world: &World| world.running().map(|(_, served)| served.is_some()).collect::<Vec<_>>();
    world.pass(Duration::from_secs(2 * 3600 - 60));
    assert_eq!(serves(&world), [true, true, false]);
    // It reaches back an hour of the three; two later the API server accepts it.
    world.pass(Duration::from_secs(120));
    assert_eq!(serves(&world), [true, true, true]);
    assert_eq!(world.broken, None);
}
